"""Typed identifiers, so that a slot's id can never be passed where an order's is meant."""

import secrets
from typing import NewType

HouseholdId = NewType("HouseholdId", str)
DeviceId = NewType("DeviceId", str)
SlotId = NewType("SlotId", str)
RetailerId = NewType("RetailerId", str)
DecisionId = NewType("DecisionId", str)
OrderId = NewType("OrderId", str)

_ALPHABET = b"abcdefghijkmnpqrstuvwxyz23456789"  # no l, o, 0, 1: people read these aloud
_LETTERS = _ALPHABET * 8  # for each byte one, and each as often


def new_id(prefix: str) -> str:
    """A fresh id such as "ord-7k2m9qwe4x": 10 characters of a 32-letter alphabet, 50 random bits."""
    return f"{prefix}-{secrets.token_bytes(10).translate(_LETTERS).decode()}"


def new_idempotency_key() -> str:
    """A fresh key of 128 random bits, the least that UCP allows, in the UUID form of its schema."""
    digits = secrets.token_hex(16)
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
