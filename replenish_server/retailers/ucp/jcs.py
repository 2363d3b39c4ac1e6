"""PURE: the one way to write a JSON document, so that a signature over it can be checked again (RFC 8785)."""

import json
import math
from typing import Any

_LARGEST_INTEGER = 2**53


def canonical(value: Any) -> bytes:
    """The canonical bytes of a document as `json` reads it.

    Raises:
        ValueError: a number that JSON between machines cannot hold.
    """
    return _written(value).encode()


def _written(value: Any) -> str:
    if isinstance(value, dict):
        # Names sort by their UTF-16 code units (section 3.2.3).
        names = sorted(value, key=lambda name: str(name).encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{_text(name)}:{_written(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_written(entry) for entry in value) + "]"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float) or (type(value) is int and abs(value) >= _LARGEST_INTEGER):
        return _number(float(value))
    return json.dumps(value)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """As ECMAScript writes it: shortest digits, and an exponent outside 1e-6 to 1e21."""
    if not math.isfinite(value):
        raise ValueError("no number of JSON")
    if value == 0:
        return "0"
    sign, digits, exponent = _digits(value)
    place = len(digits) + exponent  # where the point stands, counted from the first digit
    if 0 < place <= 21:
        whole = digits.ljust(place, "0")
        return sign + whole[:place] + (f".{whole[place:]}" if len(whole) > place else "")
    if -6 < place <= 0:
        return f"{sign}0.{'0' * -place}{digits}"
    power = place - 1
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{'+' if power > 0 else '-'}{abs(power)}"


def _digits(value: float) -> tuple[str, str, int]:
    """Sign, shortest digits without zeros at either end, and the power of ten of the last digit."""
    mantissa, _, power = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits, exponent = whole + fraction, int(power or 0) - len(fraction)
    stripped = digits.rstrip("0")
    exponent += len(digits) - len(stripped)
    return "-" if value < 0 else "", stripped.lstrip("0"), exponent
