"""PURE: the order in which a device took its readings, whatever order they arrived in."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol, TypeVar


class Taken(Protocol):
    """What a device recorded: `seq` counts within `boot`, `at` is the device's claim (aware UTC)."""

    @property
    def at(self) -> datetime: ...
    @property
    def boot(self) -> str: ...
    @property
    def seq(self) -> int: ...


AnyTaken = TypeVar("AnyTaken", bound=Taken)


def in_order(readings: Iterable[AnyTaken]) -> list[AnyTaken]:
    """Readings without duplicates in the order in which they were taken.

    Within a boot the sequence decides, between boots the time of each boot's first reading.
    """
    unique = {(reading.boot, reading.seq): reading for reading in readings}
    starts: dict[str, tuple[int, datetime]] = {}
    for reading in unique.values():
        first = starts.get(reading.boot)
        if first is None or reading.seq < first[0]:
            starts[reading.boot] = (reading.seq, reading.at)
    return sorted(unique.values(), key=lambda r: (starts[r.boot][1], r.boot, r.seq))
