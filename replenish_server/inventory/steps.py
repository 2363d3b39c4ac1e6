"""PURE: the steps in a level: refills up and doses down, told from noise, daily swing, creep and hands.

What counts as a fall is measured against the lowest level of the last day, so that a level which swings with
the temperature uses nothing up, and one that creeps upwards drags its reference along.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from replenish_server.inventory.absence import NOTHING, PLENTY, TEN_THOUSANDTHS
from replenish_server.inventory.events import DAY, Consumption, Refill
from replenish_server.inventory.lookback import Lowest, Moments

REFILL_SHARE = 0.07  # a rise of less than 7 % of the container is drift or a nudge, not a refill
NOISE_SHARE = 0.005  # steps below 0.5 % of the container cannot be told from noise
_LARGEST_NOISE_SHARE = REFILL_SHARE / 2
_NOISES_PER_STEP = 2.5  # a fall of so many standard deviations is believed
_LEAST_RISING = 0.2  # of all differences: noise rises about every second time, use never
_MEDIAN_RISE = 0.954  # of normal noise's standard deviation is the median of its rises between two readings
CREEP_SHARE_PER_DAY = 0.001  # a pack would last almost three years: nobody uses anything so slowly
FILLING = timedelta(hours=3)  # whoever pours in several times does so within this
EXCURSION = timedelta(hours=1)  # a container that is back so soon, as heavy as before, was only moved
ASIDE = timedelta(
    hours=4
)  # and one that meanwhile said something impossible, or no two equal levels, as well
_EXCURSION_READINGS = 3
_READINGS_OF_A_DAY = 3  # at least; one that is silent for a week says nothing about its last day
_BACK_SHARE = 0.02  # of the container: as heavy as before
LEAP_SHARE = PLENTY / TEN_THOUSANDTHS  # more than anybody uses at once
_NOTHING_SHARE = NOTHING / TEN_THOUSANDTHS


@dataclass(frozen=True)
class Point:
    """A usable reading: when, base units, and whether one that said nothing came just before it."""

    at: datetime
    level: int
    after_gap: bool = False


@dataclass(frozen=True)
class Steps:
    """Refills and uses, oldest first; base units that moved without either, and the least fall believed."""

    refills: tuple[Refill, ...]
    uses: tuple[Consumption, ...]
    drift: int
    step: int = 0


def without_outliers(points: Sequence[Point], capacity: int) -> list[Point]:
    """Replace readings that both sides contradict (a moved sensor, a hand) by what was before or between.

    One reading is enough when it differs from both neighbours by more than a nudge. Several are contradicted
    when the level is soon what it was: within an hour; within four when it leapt further than anybody uses at
    once, or no two readings agreed; within a day when nothing at all was there.
    """
    kept = list(points)
    limit = capacity * REFILL_SHARE
    for i in range(1, len(points) - 1):
        before, here, after = kept[i - 1].level, points[i].level, points[i + 1].level
        if here - before > limit < here - after or before - here > limit < after - here:
            middle = min((before, after), key=lambda level: abs(level - here))
            kept[i] = Point(points[i].at, middle, points[i].after_gap)
    same = max(capacity * _BACK_SHARE, min(2 * step_size(kept, capacity), limit))
    i = 1
    while i < len(kept) - 1:
        leapt = abs(kept[i].level - kept[i - 1].level) > limit
        i = _past_excursion(kept, points, i, capacity, same) if leapt else i + 1
    return kept


def _past_excursion(
    kept: list[Point], points: Sequence[Point], start: int, capacity: int, same: float
) -> int:
    """Level out an excursion that begins at `start`, if it is one; returns where to look on."""
    before = kept[start - 1]
    for back in range(start + 1, len(kept)):
        lasted = kept[back].at - before.at
        if lasted >= DAY:
            break
        change = kept[back].level - before.level
        if not -capacity * REFILL_SHARE <= change <= same:
            continue
        away = [point.level for point in points[start:back]]
        if _impossible(away, before.level, capacity, same, lasted, unchanged=change >= -same):
            for i in range(start, back):
                kept[i] = Point(kept[i].at, before.level, kept[i].after_gap)
            return back + 1
        break
    return start + 1


def _impossible(
    away: Sequence[int], before: int, capacity: int, same: float, lasted: timedelta, *, unchanged: bool
) -> bool:
    """Whether levels between two that are nearly the same can be no stock.

    Args:
        away: the levels, at least one.
        before: the level before them.
        capacity: base units of a full container.
        same: up to how many base units two levels are the same.
        lasted: from the level before to the one after.
        unchanged: whether those two are the same, or else a little was used meanwhile.
    """
    few = len(away) <= _EXCURSION_READINGS
    if few and unchanged and lasted <= EXCURSION:
        return True
    if max(away) <= capacity * _NOTHING_SHARE:
        return True
    leapt = min(abs(level - before) for level in away) > capacity * LEAP_SHARE
    ordered = sorted(away)
    erratic = len(away) > 1 and few and all(b - a > same for a, b in pairwise(ordered))
    return lasted <= ASIDE and (leapt or erratic)


def step_size(points: Sequence[Point], capacity: int) -> int:
    """The smallest fall that is believed, in base units: from half a percent to 3.5 % of the container.

    The noise is measured by small rises: use makes none, so it cannot be taken for noise.
    """
    changes = [after.level - before.level for before, after in pairwise(points)]
    rises = [change for change in changes if 0 < change < capacity * REFILL_SHARE]
    noise = 0.0
    if len(rises) >= max(3, _LEAST_RISING * len(changes)):
        noise = median(rises) / _MEDIAN_RISE
    limits = capacity * NOISE_SHARE, capacity * _LARGEST_NOISE_SHARE
    return max(1, round(min(max(limits[0], _NOISES_PER_STEP * noise), limits[1])))


def find_steps(points: Sequence[Point], capacity: int) -> Steps:
    """Find refills and uses.

    Args:
        points: usable readings without outliers, in the order in which they were taken.
        capacity: base units of a full container, positive.
    """
    if not points:
        return Steps((), (), 0)
    walk = _Walk(points, capacity)
    for i in range(1, len(points)):
        walk.look_back(i)
        if not walk.rise(i):
            walk.fall(i)
    return walk.steps()


class _Walk:
    """One pass over the points. `base` is the level that is accounted for, `low` where a fall is measured."""

    def __init__(self, points: Sequence[Point], capacity: int) -> None:
        self.points = points
        self.capacity = capacity
        self.step = step_size(points, capacity)
        self.calm = _medians_of_three([point.level for point in points])
        self.anchor = 0  # the point from which on a fall may have begun
        self.low = points[0].level
        self.first = 0  # nothing before it is compared: the last refill
        self.refills: list[Refill] = []
        self.uses: list[Consumption] = []
        self.seen = points[0].level
        self.lowest = Lowest()
        self.before_the_last, self.before_those = Moments(), Moments()

    def look_back(self, i: int) -> None:
        """Note what lies before the i-th point, which is next: levels, and when those further back were."""
        self.lowest.add(i - 1, self.calm[i - 1] if i - 1 > self.first else self.points[i - 1].level)
        if i >= 2:
            self.before_the_last.add(i - 2, self.points[i - 2].at)
        if i >= _READINGS_OF_A_DAY + 1:
            k = i - 1 - _READINGS_OF_A_DAY
            self.before_those.add(k, self.points[k].at)

    def rise(self, i: int) -> bool:
        """Take the i-th point as a refill, or as more of the last one, if the next point confirms it."""
        here = self.points[i]
        if i + 1 == len(self.points):
            return False
        standing = min(here.level, self.points[i + 1].level)
        last = self.refills[-1] if self.refills else None
        more = last is not None and here.at - last.at <= FILLING
        reference = self._just_before(i)
        enough = 2 * self.step if more else self.capacity * REFILL_SHARE
        if standing - reference < enough:
            return False
        if reference - self.points[i - 1].level >= self.step:
            reference = self.points[i - 1].level  # a last dose, which the refill hides from the medians
        self._use_before(i, reference)
        if last is not None and more:
            self.refills[-1] = Refill(last.at, last.amount + here.level - reference, last.swapped)
        else:
            self.refills.append(Refill(here.at, here.level - reference, here.after_gap))
        self.seen += here.level - reference
        self.anchor, self.low, self.first = i, here.level, i
        return True

    def fall(self, i: int) -> None:
        """Take the i-th point as use if it lies a step under the lowest level of the last day."""
        level = max(self.calm[i : i + 2])  # noise is rarely low twice
        self._forget(i)
        if self.low - level < self.step:
            return
        amount = self.low - level
        if not self._creeps(self.anchor, i, amount):
            since, at = self._last_full(i), self.points[i].at
            self.uses.append(Consumption(min(since, at), at, amount))
            self.seen -= amount
        self.anchor, self.low = i, level

    def _use_before(self, i: int, reference: int) -> None:
        """What was used last before the i-th point, which is a refill and hides it."""
        amount = self.low - reference
        if i - 1 > self.anchor and amount > self.step // 2 and not self._creeps(self.anchor, i - 1, amount):
            since, at = self.points[self.anchor].at, self.points[i - 1].at
            self.uses.append(Consumption(min(since, at), at, amount))
            self.seen -= amount

    def _last_full(self, i: int) -> datetime:
        """When the fall that the i-th point completes had certainly not begun."""
        k = i - 1
        while k > self.anchor and self.calm[k] < self.low - self.step // 2:
            k -= 1
        return self.points[k].at

    def _creeps(self, since: int, until: int, amount: int) -> bool:
        """Whether a fall between two points is slower than anybody uses anything."""
        passed = self.points[until].at - self.points[since].at
        return passed / DAY * CREEP_SHARE_PER_DAY * self.capacity >= amount

    def steps(self) -> Steps:
        """What was found; what neither refills nor uses account for has drifted."""
        last = self.points[-1].level
        if len(self.points) > 1 and last - self.points[-2].level >= self.capacity * REFILL_SHARE:
            last = self.points[-2].level  # a refill that no second reading confirms yet
        return Steps(tuple(self.refills), tuple(self.uses), last - self.seen, self.step)

    def _just_before(self, i: int) -> int:
        """The lowest level within the last hours before the i-th point, at least that of the last point."""
        too_old = self.before_the_last.newest_until(self.points[i].at - FILLING - timedelta.resolution)
        return self.lowest.since(max(too_old + 1, self.first))[1]

    def _forget(self, i: int) -> None:
        """Let the reference rise where the level has stayed above it for a whole day and three readings."""
        now = self.points[i].at
        if now - self.points[self.anchor].at < DAY or i - self.anchor <= _READINGS_OF_A_DAY:
            return
        a_day_ago = self.before_those.newest_until(now - DAY)
        place, lowest = self.lowest.since(max(a_day_ago, self.anchor) + 1)
        if lowest > self.low:
            self.anchor, self.low = place, lowest


def _medians_of_three(levels: Sequence[int]) -> list[int]:
    """Each level as the median of itself and its neighbours; the ends as they are."""
    inner = [sorted(levels[i - 1 : i + 2])[1] for i in range(1, len(levels) - 1)]
    return [*levels[:1], *inner, *levels[max(1, len(levels) - 1) :]]
