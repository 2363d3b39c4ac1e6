"""PURE: measured readings of a stretch of time become one: the last, with the lowest, the highest, the count.

The last is what a level or a running total is worth at the end of the stretch, so whoever reads a history
reads rolled-up stretches like readings that were taken seldom.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_KIND = 0b11  # bits of the flags, see `telemetry.tables.Sample`
_DOUBTFUL = 0b1001100  # a quality other than ok, or late


class Measured(NamedTuple):
    """A reading, or what stands for several.

    Args:
        at_ms: Unix milliseconds of the last.
        boot: boot id of the last, as a number.
        seq: its sequence.
        age_s: how long after it the server heard of it.
        flags: as of a sample.
        number: the last reading in wire units.
        low: the lowest of those that it stands for.
        high: the highest.
        readings: how many.
    """

    at_ms: int
    boot: int
    seq: int
    age_s: int
    flags: int
    number: int
    low: int
    high: int
    readings: int


def measured(at_ms: int, boot: int, seq: int, age_s: int, flags: int, number: int | None) -> Measured | None:
    """One sample as it enters a rollup; None for one that says nothing for certain."""
    if number is None or flags & _DOUBTFUL:
        return None
    return Measured(at_ms, boot, seq, age_s, flags, number, number, number, 1)


def roll_up(readings: Iterable[Measured], span_ms: int) -> list[Measured]:
    """One for each span, kind and boot, in the order of time. Rolling up again changes nothing.

    Args:
        readings: of one stream, in any order.
        span_ms: `HOUR_MS` or `DAY_MS`; spans begin at multiples of it.
    """

    def span(reading: Measured) -> tuple[int, int, int]:
        return reading.at_ms // span_ms, reading.flags & _KIND, reading.boot

    return sorted(_merged(list(group)) for _, group in groupby(sorted(readings, key=span), key=span))


def _merged(group: list[Measured]) -> Measured:
    last = max(group)
    return last._replace(
        low=min(one.low for one in group),
        high=max(one.high for one in group),
        readings=sum(one.readings for one in group),
    )
