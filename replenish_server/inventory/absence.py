"""PURE: absence is not zero: whether a level near nothing means a container that was lifted off its sensor.

A level at or under 1.5 % that follows one over 15 % is believed only once readings near nothing span a whole
day; until then, and for ever when the level comes back sooner, it is unknown. Whoever used the last sixth at
once is therefore noticed a day late, and nobody gets an order because the container stood in the sink.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

TEN_THOUSANDTHS = 10_000
UNKNOWN = -1
NOTHING = 150  # ten-thousandths: what an empty sensor may still show
PLENTY = 1500  # ten-thousandths: more than anybody uses between two readings and then leaves empty
_WHOLE_DAY = timedelta(days=1)


def to_ten_thousandths(level: int, capacity: int) -> int:
    """A level as ten-thousandths of the container, rounded half up; both in base units, capacity positive."""
    return (level * TEN_THOUSANDTHS + capacity // 2) // capacity


def absent_readings(levels: Sequence[tuple[datetime, int]]) -> list[bool]:
    """Which of one slot's readings were taken while its container was lifted off; one answer for each level.

    Args:
        levels: (when, ten-thousandths of the container) of every plausible reading, oldest first.
    """
    absent = [False] * len(levels)
    start = 0  # of the run near nothing that is being read
    before: int | None = None
    for i, (_, level) in enumerate(levels):
        if level > NOTHING:
            before, start = level, i + 1
            continue
        ends = i + 1 == len(levels) or levels[i + 1][1] > NOTHING
        if ends and before is not None and before > PLENTY:
            moments = [at for at, _ in levels[start : i + 1]]
            if max(moments) - min(moments) < _WHOLE_DAY:
                absent[start : i + 1] = [True] * (i + 1 - start)
    return absent
