"""What may be set from outside, within which limits, and what is in force. It never stores and never sends.

The server sends the whole document each time (`down/desired`); a key it leaves out has its default, a key
this firmware does not know is ignored, a value beyond its range is clamped and named in the report.
"""

import json

if __debug__:
    from firmware.const import const

_SCHEMA = const(1)


class RefusedDocument(Exception):
    """A desired document that cannot be used at all; the sentence says why."""


def limits(
    kind: str, capacity_g: int, slots: dict[str, int] | None = None, factors: dict[str, int] | None = None
) -> dict[str, tuple[int, int, int]]:
    """Lowest, highest and default value of each setting of a kind of device, by dotted path.

    Args:
        kind: "button", "level", "flow" or "pages".
        capacity_g: what a full container holds, in grams, or what a new unit lasts for, in ml or pages.
        slots: capacity of each slot, where a device has other slots than one called main.
        factors: defaults that the maker found by calibration, by name below `cfg`.
    """
    if kind == "button":
        return {"cfg.hold_ms": (300, 5000, 800)}
    from firmware.core import ranges  # a button's memory need not hold them

    found = dict(ranges.COUNTERS.get(kind, ranges.LEVEL))
    for name, factor in (factors or {}).items():
        known = found.get("cfg." + name)
        if known and known[0] <= factor <= known[1]:
            found["cfg." + name] = (known[0], known[1], factor)
    for key, capacity in (slots or {"main": capacity_g}).items():
        found["slots." + key + ".threshold"] = (0, capacity, capacity // 5)
        # Where the server will want readings in order to order; it may lie above the person's threshold.
        found["slots." + key + ".watch"] = (0, capacity, 0)
    return found


class Settings:
    """Settings in force.

    Args:
        rev: revision of the desired document they come from; 0 before the first.
        values: by dotted path.
        limited: paths that were clamped, in order.
    """

    def __init__(self, rev: int, values: dict[str, int], limited: list[str]) -> None:
        self.rev = rev
        self.values = values
        self.limited = limited

    def document(self) -> dict[str, object]:
        """The part of the report that says what is in force: `rev`, `cfg`, `slots` and `lim`."""
        cfg: dict[str, int] = {}
        slots: dict[str, dict[str, int]] = {}
        for path, value in self.values.items():
            parts = path.split(".")
            if parts[0] == "cfg":
                cfg[parts[1]] = value
            else:
                slots.setdefault(parts[1], {})[parts[2]] = value
        return {"rev": self.rev, "cfg": cfg, "slots": slots, "lim": self.limited}


def defaults(
    kind: str, capacity_g: int, slots: dict[str, int] | None = None, factors: dict[str, int] | None = None
) -> Settings:
    """Settings of a device that was never told anything."""
    known = limits(kind, capacity_g, slots, factors)
    return Settings(0, {path: known[path][2] for path in known}, [])


def parse(payload: bytes) -> dict[str, object]:
    """Read a desired document. Raises RefusedDocument unless it is an object of schema 1 with a revision."""
    try:
        document = json.loads(payload)
    except ValueError:
        raise RefusedDocument("not JSON")  # noqa: B904 - MicroPython cannot chain
    if not isinstance(document, dict):
        raise RefusedDocument("not an object")
    if document.get("v") != _SCHEMA:
        raise RefusedDocument("unknown v")
    rev = document.get("rev")
    if type(rev) is not int or rev < 0:
        raise RefusedDocument("rev is not a whole number")
    return document


def resolve(
    kind: str,
    capacity_g: int,
    document: dict[str, object],
    slots: dict[str, int] | None = None,
    factors: dict[str, int] | None = None,
) -> Settings:
    """Settings that follow from a document that `parse` has read.

    Raises:
        RefusedDocument: a known key holds something else than a whole number; nothing of it is used.
    """
    values: dict[str, int] = {}
    limited: list[str] = []
    for path, (lowest, highest, default) in sorted(limits(kind, capacity_g, slots, factors).items()):
        value = _find(document, path.split("."))
        if value is None:
            value = default
        if type(value) is not int:
            raise RefusedDocument(path + " is not a whole number")
        values[path] = min(max(value, lowest), highest)
        if values[path] != value:
            limited.append(path)
    rev = document["rev"]
    return Settings(rev if isinstance(rev, int) else 0, values, limited)


def server_now(document: dict[str, object]) -> int:
    """The server's Unix time in a desired document, or 0 when it says none."""
    now = document.get("now")
    return now if type(now) is int and now > 0 else 0


def _find(document: object, path: list[str]) -> object:
    for key in path:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document
