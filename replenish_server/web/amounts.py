"""Amounts that people type, read or refused; never guessed."""

import re
from decimal import Decimal

from replenish_server.households.money import currency_exponent

_MOST_MINOR = 10**9
_AMOUNT = re.compile(r"[0-9]{1,9}(?:[.,][0-9]{1,3})?", re.ASCII)


def read_amount(text: str, currency: str) -> int | None:
    """Minor units of "24.90" or "24,90", or None for what is no amount more than nothing in that currency."""
    if not _AMOUNT.fullmatch(text.strip()):
        return None
    minor = Decimal(text.strip().replace(",", ".")).scaleb(currency_exponent(currency))
    if minor != minor.to_integral_value() or not 0 < minor < _MOST_MINOR:
        return None
    return int(minor)


def amount_example(currency: str) -> str:
    """What an amount in that currency looks like."""
    digits = currency_exponent(currency)
    return "5" + ("." + "0" * digits if digits else "000")
