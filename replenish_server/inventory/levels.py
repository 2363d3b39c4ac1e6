"""PURE: what a stream of level readings says: the level now, what was used each day, and refills.

The result depends only on the set of readings, never on the order in which they arrived.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

REFILL_SHARE = 0.07  # a rise of less than 7 % of the container is drift or a nudge, not a refill
OVERFULL_SHARE = 1.25  # a reading above this share of the container is a hand or a foot, not stock
NOISE_SHARE = 0.005  # steps below 0.5 % of the container cannot be told from noise
_DAY = timedelta(days=1)
_SHORTEST_USE = timedelta(seconds=1)  # a fall between readings of the same moment still is use


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
    """

    at: datetime
    boot: str
    seq: int
    level: int | None
    good: bool
    retained: bool = False


@dataclass(frozen=True)
class Refill:
    """A rise beyond noise that the next reading confirmed.

    Args:
        at: when the first reading above was taken.
        amount: how much came in, in base units.
    """

    at: datetime
    amount: int


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
            reading that is not good ends the run before it.
    """

    level: int | None
    as_of: datetime | None
    points: tuple[tuple[datetime, int], ...]
    refills: tuple[Refill, ...]
    daily_use: tuple[int | None, ...]
    trailing: tuple[tuple[datetime, int], ...]


def in_order(samples: Iterable[LevelSample]) -> list[LevelSample]:
    """Readings without duplicates in the order in which they were taken.

    Within a boot the sequence decides, between boots the time of each boot's first reading.
    """
    unique = {(sample.boot, sample.seq): sample for sample in samples}
    starts: dict[str, tuple[int, datetime]] = {}
    for sample in unique.values():
        first = starts.get(sample.boot)
        if first is None or sample.seq < first[0]:
            starts[sample.boot] = (sample.seq, sample.at)
    return sorted(unique.values(), key=lambda s: (starts[s.boot][1], s.boot, s.seq))


def read_levels(samples: Iterable[LevelSample], capacity: int, days: int = 84) -> LevelHistory:
    """Read a level history.

    Args:
        samples: readings in any order, with or without duplicates.
        capacity: base units of a full container, positive.
        days: how many days of daily use to return.
    """
    # A retained copy's time is anybody's guess: it must not even place its boot among the others.
    ordered = in_order(sample for sample in samples if not sample.retained)
    trailing: list[tuple[datetime, int]] = []
    usable: list[tuple[datetime, int]] = []
    for sample in ordered:
        plausible = sample.level is not None and 0 <= sample.level <= capacity * OVERFULL_SHARE
        if not (sample.good and plausible) or sample.level is None:
            trailing.clear()
            continue
        trailing.append((sample.at, sample.level))
        usable.append((sample.at, sample.level))
    points = _without_lone_outliers(usable, capacity)
    refills, uses = _steps(points, capacity)
    level = _level_now(trailing, capacity)
    return LevelHistory(
        level=level if level is not None else (points[-1][1] if points else None),
        as_of=usable[-1][0] if usable else None,
        points=tuple(points),
        refills=tuple(refills),
        daily_use=_daily(uses, points, days),
        trailing=tuple(trailing),
    )


def _without_lone_outliers(
    points: Sequence[tuple[datetime, int]], capacity: int
) -> list[tuple[datetime, int]]:
    """Replace a reading that both neighbours contradict (a lifted jug, a hand) by their median."""
    kept = list(points)
    limit = capacity * REFILL_SHARE
    for i in range(1, len(points) - 1):
        before, here, after = points[i - 1][1], points[i][1], points[i + 1][1]
        middle = sorted((before, here, after))[1]
        if abs(here - middle) > limit:
            kept[i] = (points[i][0], middle)
    return kept


def _steps(
    points: Sequence[tuple[datetime, int]], capacity: int
) -> tuple[list[Refill], list[tuple[datetime, datetime, int]]]:
    """Refills, and (from, to, amount) of every fall; noise around a plateau counts as neither."""
    refills: list[Refill] = []
    uses: list[tuple[datetime, datetime, int]] = []
    if not points:
        return refills, uses
    noise = max(1, round(capacity * NOISE_SHARE))
    anchor_at, anchor = points[0]
    for i, (at, level) in enumerate(points[1:], start=1):
        rise = level - anchor
        if rise >= capacity * REFILL_SHARE:
            confirmed = i + 1 < len(points) and points[i + 1][1] - anchor >= capacity * REFILL_SHARE
            if not confirmed:
                continue
            refills.append(Refill(at, rise))
            anchor_at, anchor = at, level
        elif abs(rise) >= noise:
            if rise < 0:
                uses.append((anchor_at, at, -rise))
            anchor_at, anchor = at, level
    return refills, uses


def _daily(
    uses: Sequence[tuple[datetime, datetime, int]], points: Sequence[tuple[datetime, int]], days: int
) -> tuple[int | None, ...]:
    """Spread each fall over the time in which it happened, in days counted back from the end."""
    if len(points) < 2:
        return ()
    moments = [at for at, _ in points]  # a clock that was corrected may step back between readings
    end, start = max(moments), min(moments)
    covered = min(days, (end - start) // _DAY)
    totals = [0.0] * covered
    for anchored, finish, amount in uses:
        begin = min(anchored, finish - _SHORTEST_USE)
        seconds = (finish - begin).total_seconds()
        for day in range(covered):
            low, high = end - (day + 1) * _DAY, end - day * _DAY
            overlap = (min(high, finish) - max(low, begin)).total_seconds()
            if overlap > 0:
                totals[day] += amount * overlap / seconds
    return tuple(round(total) for total in totals)


def _level_now(trailing: Sequence[tuple[datetime, int]], capacity: int) -> int | None:
    """The median of the newest readings that agree with each other; at least one, at most three."""
    if not trailing:
        return None
    near = [level for _, level in trailing[-3:] if abs(level - trailing[-1][1]) <= capacity * NOISE_SHARE * 2]
    return round(median(near))
