"""PURE: what a stream of level readings says: the level now, what was used when, and refills.

Events are steps, never absolute levels. The result depends only on the set of readings, never on the order in
which they arrived. How steps are told from noise, swing and creep is the business of `steps`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from replenish_server.inventory.absence import absent_readings, to_ten_thousandths
from replenish_server.inventory.events import DAY, Consumption, Refill, daily_use
from replenish_server.inventory.sequence import in_order
from replenish_server.inventory.steps import (
    EXCURSION,
    LEAP_SHARE,
    NOISE_SHARE,
    REFILL_SHARE,
    Point,
    find_steps,
    without_outliers,
)

LOOKED_BACK = 3  # readings that a level is the median of
OVERFULL_SHARE = 1.25  # a reading above this share of the container is a hand or a foot, not stock


@dataclass(frozen=True)
class LevelSample:
    """One level reading.

    Args:
        at: when the device measured, aware UTC.
        boot: boot id; within one boot, `seq` gives the order whatever the clocks say.
        seq: sequence within the boot.
        level: what remains, in the slot's base unit; None when the device could not tell.
        good: quality `ok` and not late: only such a reading may trigger.
        retained: whether it came as a retained copy, whose age nobody knows.
        exact: whether it was counted and not measured, so that there is no noise in it.
    """

    at: datetime
    boot: str
    seq: int
    level: int | None
    good: bool
    retained: bool = False
    exact: bool = False


@dataclass(frozen=True)
class LevelHistory:
    """What the readings say.

    Args:
        level: present estimate in base units, the median of the last good readings since the last
            step; None when nothing good was read.
        as_of: when the newest good reading was taken.
        points: (when, filtered level) of every usable reading, oldest first.
        refills: confirmed refills, oldest first.
        daily_use: base units used in each 24 hours, newest first, counted back from the newest usable
            reading; a day that no reading covers is None.
        trailing: (when, level) of the unbroken run of good readings at the end, oldest first; a
            reading that is not good, or of a lifted container, ends the run before it.
        uses: falls beyond noise, oldest first.
        drift: base units by which the level moved without use or refill; negative when it sank.
        step: base units of the smallest fall that is believed, which is how noisy the sensor is.
    """

    level: int | None
    as_of: datetime | None
    points: tuple[tuple[datetime, int], ...]
    refills: tuple[Refill, ...]
    daily_use: tuple[int | None, ...]
    trailing: tuple[tuple[datetime, int], ...]
    uses: tuple[Consumption, ...] = ()
    drift: int = 0
    step: int = 0


def read_levels(samples: Iterable[LevelSample], capacity: int, days: int = 84) -> LevelHistory:
    """Read a level history.

    Args:
        samples: readings in any order, with or without duplicates.
        capacity: base units of a full container, positive.
        days: how many days of daily use to return.
    """
    # A retained copy's time is anybody's guess: it must not even place its boot among the others.
    ordered = in_order(sample for sample in samples if not sample.retained)
    usable, trailing = _usable(ordered, capacity)
    points = without_outliers(usable, capacity)
    steps = find_steps(points, capacity)
    moments = [point.at for point in points]  # a clock that was corrected may step back between readings
    covered = min(days, (max(moments) - min(moments)) // DAY) if len(points) > 1 else 0
    return LevelHistory(
        level=_present(trailing, points, capacity),
        as_of=usable[-1].at if usable else None,
        points=tuple((point.at, point.level) for point in points),
        refills=steps.refills,
        daily_use=daily_use(steps.uses, max(moments), covered) if covered else (),
        trailing=tuple((point.at, point.level) for point in trailing),
        uses=steps.uses,
        drift=steps.drift,
        step=steps.step,
    )


def read_level(samples: Iterable[LevelSample], capacity: int) -> tuple[int | None, datetime | None]:
    """`level` and `as_of` of what `read_levels` says, and nothing of the history before them."""
    ordered = in_order(sample for sample in samples if not sample.retained)
    usable, trailing = _usable(ordered, capacity)
    points = () if trailing else without_outliers(usable, capacity)
    return _present(trailing, points, capacity), usable[-1].at if usable else None


def _present(trailing: Sequence[Point], points: Sequence[Point], capacity: int) -> int | None:
    """The level of the good readings at the end; without any, the last that was read."""
    level = level_now([(point.at, point.level) for point in trailing[-LOOKED_BACK:]], capacity)
    return level if level is not None else (points[-1].level if points else None)


def _usable(ordered: Sequence[LevelSample], capacity: int) -> tuple[list[Point], list[Point]]:
    """The readings that say something, and those of them since the last that said nothing."""
    good = [
        sample.good and sample.level is not None and 0 <= sample.level <= capacity * OVERFULL_SHARE
        for sample in ordered
    ]
    plausible = [(s.at, s.level) for s, ok in zip(ordered, good, strict=True) if ok and s.level is not None]
    absent = iter(absent_readings([(at, to_ten_thousandths(level, capacity)) for at, level in plausible]))
    usable: list[Point] = []
    trailing: list[Point] = []
    after_gap = False
    for sample, ok in zip(ordered, good, strict=True):
        if not ok or sample.level is None or next(absent):
            trailing.clear()
            after_gap = True
            continue
        point = Point(sample.at, sample.level, after_gap)
        usable.append(point)
        trailing.append(point)
        after_gap = False
    return usable, trailing


def level_now(readings: Sequence[tuple[datetime, int]], capacity: int) -> int | None:
    """The median of the newest readings that agree with each other; at least one, at most three.

    A newest reading that within an hour leaps away from the two before it, further than anybody uses at once,
    waits for the next one to say the same.

    Args:
        readings: (when, base units), oldest first; only the last `LOOKED_BACK` are looked at.
        capacity: base units of a full container, positive.
    """
    if not readings:
        return None
    newest = [level for _, level in readings[-LOOKED_BACK:]]
    if len(newest) == LOOKED_BACK:
        first, second, last = newest
        sudden = readings[-1][0] - readings[-2][0] <= EXCURSION
        leapt = sudden and min(abs(last - first), abs(last - second)) > capacity * LEAP_SHARE
        if leapt and abs(second - first) <= capacity * REFILL_SHARE:
            newest = [first, second]
    agreeing = capacity * NOISE_SHARE * 2
    return round(median(level for level in newest if abs(level - newest[-1]) <= agreeing))
