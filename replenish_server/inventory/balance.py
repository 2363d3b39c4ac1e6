"""PURE: level and counted use weighed against each other, and how much of a number is known.

Where a device reports both, what the level lost is what was counted. A small steady difference is a sensor
that drifts; a large one is stock that goes elsewhere, or a sensor that no longer follows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import fmean, median

from replenish_server.inventory.events import DAY, daily_use
from replenish_server.inventory.levels import LevelHistory, LevelSample
from replenish_server.inventory.totals import TotalHistory

_LEAST_DAYS = 3
_TOLERANCE_SHARE = 0.01  # of the container a day: two readings' noise, and a swing that is not quite daily
_TOLERANCE_OF_USE = 0.2  # of what was counted: flow meters and doses are no better
_SAME_SIGN = 0.7  # of the days, so that one odd day makes no drift
_DRIFT_TOLERANCES = 2
_FOLLOWING_SHARE = 0.3  # a level that fell by less of what was counted did not follow it
_BORDER = timedelta(hours=8)  # a day's level is told by readings so shortly before its end
FRESH = timedelta(hours=26)  # a day, and two hours for a device that sleeps: as the policy counts
_STALE = timedelta(days=7)
KNOWN_DAYS = 7


class Finding(StrEnum):
    """What level and use say together."""

    UNKNOWN = "unknown"
    """Fewer than three days have both."""
    BALANCED = "balanced"
    DRIFTING = "drifting"
    """A small difference of the same sign day after day: the sensor creeps, or a slow leak."""
    LEAKING = "leaking"
    """The level falls for three days by more than was counted."""
    NOT_FOLLOWING = "not_following"
    """Much was counted within a week, and the level did not fall by it: stuck, or filled unseen."""


@dataclass(frozen=True)
class Balance:
    """Level against use, in base units.

    Args:
        finding: what it means.
        days: days that have both.
        fell: what the level lost on these days, refills added back.
        used: what was counted on them.
        difference_per_day: how much more the level fell than was counted, per day; negative when less; None
            when unknown.
    """

    finding: Finding
    days: int
    fell: int
    used: int
    difference_per_day: int | None


@dataclass(frozen=True)
class Known:
    """How much of a shown number is known, for a person to see.

    Args:
        share: 0 nothing to 1 all: the product of the three below.
        covered: share of the last 7 days that have a good reading.
        fresh: 1 when the newest good reading is at most 26 hours old, falling to 0 at 7 days.
        good: share of the last 7 days' readings that are good.
    """

    share: float
    covered: float
    fresh: float
    good: float


def weigh(level: LevelHistory, counted: TotalHistory, capacity: int, days: int = 14) -> Balance:
    """Weigh the level against counted use, over the newest days that both cover.

    Args:
        level: of the same slot.
        counted: of the same slot.
        capacity: base units of a full container, positive.
        days: how many days to look back, 3 or more.
    """
    fell_and_used = _by_day(level, counted, days)
    n = len(fell_and_used)
    fell, used = sum(fell for fell, _ in fell_and_used), sum(used for _, used in fell_and_used)
    if n < _LEAST_DAYS:
        return Balance(Finding.UNKNOWN, n, fell, used, None)
    differences = [fell - used for fell, used in fell_and_used]
    tolerance = capacity * _TOLERANCE_SHARE + _TOLERANCE_OF_USE * used / n
    finding = Finding.NOT_FOLLOWING if _stands(fell_and_used, tolerance) else _find(differences, tolerance)
    return Balance(finding, n, fell, used, round((fell - used) / n))


def known_share(samples: Iterable[LevelSample], at: datetime) -> Known:
    """How much of a level is known at a moment.

    Args:
        samples: readings in any order, with or without duplicates; retained copies say nothing.
        at: the moment, aware UTC; readings after it are left out.
    """
    unique = {(s.boot, s.seq): s for s in samples if not s.retained and at - _STALE < s.at <= at}
    good = [s.at for s in unique.values() if s.good and s.level is not None]
    if not good:
        return Known(0.0, 0.0, 0.0, 0.0)
    covered = len({(at - moment) // DAY for moment in good}) / KNOWN_DAYS
    age = at - max(good)
    fresh = min(1.0, (_STALE - age) / (_STALE - FRESH))
    share = len(good) / len(unique)
    return Known(covered * fresh * share, covered, fresh, share)


def _by_day(level: LevelHistory, counted: TotalHistory, days: int) -> list[tuple[int, int]]:
    """(fell, used) of each day that both cover, newest first."""
    if not level.points or counted.counted_from is None or counted.counted_to is None:
        return []
    end = min(max(at for at, _ in level.points), counted.counted_to)
    used = daily_use(counted.uses, end, days)
    borders = [_level_at(level.points, end - day * DAY) for day in range(days + 1)]
    pairs = []
    for day in range(days):
        high, low = end - day * DAY, end - (day + 1) * DAY
        after, before = borders[day], borders[day + 1]
        if after is None or before is None or low < counted.counted_from:
            continue
        came = sum(refill.amount for refill in level.refills if low < refill.at <= high)
        pairs.append((before + came - after, used[day]))
    return pairs


def _level_at(points: Sequence[tuple[datetime, int]], moment: datetime) -> int | None:
    """The median of the three newest levels shortly before a moment."""
    near = [level for at, level in points if moment - _BORDER < at <= moment]
    return round(median(near[-3:])) if near else None


def _stands(fell_and_used: Sequence[tuple[int, int]], tolerance: float) -> bool:
    """Whether within the newest days, three to a week, much more was counted than the level fell."""
    for days in range(_LEAST_DAYS, min(KNOWN_DAYS, len(fell_and_used)) + 1):
        fell, used = (sum(column) for column in zip(*fell_and_used[:days], strict=True))
        if used - fell > _LEAST_DAYS * tolerance and fell < _FOLLOWING_SHARE * used:
            return True
    return False


def _find(differences: Sequence[int], tolerance: float) -> Finding:
    """Judge the differences of each day, newest first."""
    newest = differences[:_LEAST_DAYS]
    if min(newest) > tolerance:
        return Finding.LEAKING
    total = sum(differences)
    agreeing = fmean(difference * total > 0 for difference in differences)
    if abs(total) > _DRIFT_TOLERANCES * tolerance and agreeing >= _SAME_SIGN:
        return Finding.DRIFTING
    return Finding.BALANCED
