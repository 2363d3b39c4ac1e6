"""JSON Canonicalization Scheme for documents without floats (RFC 8785). PURE."""

import json
from typing import Any


def canonical(value: Any) -> bytes:
    """The one way to write `value`. Raises ValueError on a float, which no document of the shop has."""
    return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":")).encode()


def _ordered(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError("a float has no place in a signed checkout")  # noqa: TRY004 - the value is at fault
    if isinstance(value, dict):
        # Names sort by their UTF-16 code units (section 3.2.3).
        names = sorted(value, key=lambda name: str(name).encode("utf-16-be"))
        return {name: _ordered(value[name]) for name in names}
    if isinstance(value, list):
        return [_ordered(entry) for entry in value]
    return value
