"""Typed identifiers, so that a slot's id can never be passed where an order's is meant."""

import secrets
from typing import NewType
from uuid import UUID

HouseholdId = NewType("HouseholdId", str)
DeviceId = NewType("DeviceId", str)
SlotId = NewType("SlotId", str)
RetailerId = NewType("RetailerId", str)
DecisionId = NewType("DecisionId", str)
OrderId = NewType("OrderId", str)

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # no l, o, 0, 1: people read these aloud


def new_id(prefix: str) -> str:
    """A fresh id such as "ord-7k2m9qwe4x": 10 characters of a 32-letter alphabet, 50 random bits."""
    return f"{prefix}-" + "".join([_ALPHABET[byte % 32] for byte in secrets.token_bytes(10)])


def new_idempotency_key() -> str:
    """A fresh key of 128 random bits, the least that UCP allows, in the UUID form of its schema."""
    return str(UUID(bytes=secrets.token_bytes(16)))
