"""PURE: a stock that no sensor sees: packs left, inferred from presses, deliveries and time.

Whoever presses has little left; a delivery adds packs; time takes them away. The range is part of the
answer: it grows until the next press or delivery, and what nobody ever touched is unknown.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import fmean

from replenish_server.inventory.ledger import Delivered

_DAY = timedelta(days=1)
_ONE_WISH = timedelta(hours=12)  # whoever presses again so soon saw nothing happen; it is the same wish
_LEFT_AT_PRESS = (
    0.0,
    0.25,
    1.0,
)  # packs: lowest, likely and highest; people press when the last one is in use
_BEFORE_FIRST = (0.0, 0.25, 1.0)  # packs left when a first delivery came that nobody pressed for
_USUAL_WEIGHT = 2  # the usual interval counts as much as two cycles of this home
_USUAL_SPREAD = 0.35  # homes differ by about a third from what is usual
_LEAST_SPREAD, _MOST_SPREAD = 0.15, 0.6
_CYCLES = 8  # the newest: households change


@dataclass(frozen=True)
class InferredStock:
    """What a button's slot should hold. Packs are estimates and therefore no integers.

    Args:
        packs: likely number of packs left, the opened one in part; None when nothing is known.
        low: with fast use, 0 or more; None as above.
        high: with slow use; None as above.
        quality: `inferred`, or `unknown` without any press or delivery.
        days_per_pack: how long a pack lasts here, learnt from this home and from what is usual.
        as_of: the newest press or delivery; None when there is none.
    """

    packs: float | None
    low: float | None
    high: float | None
    quality: str
    days_per_pack: float
    as_of: datetime | None


def infer_stock(
    deliveries: Iterable[Delivered], presses: Iterable[datetime], usual_days_per_pack: float, at: datetime
) -> InferredStock:
    """Infer the stock at a moment.

    Args:
        deliveries: in any order, each once; those after `at` are left out.
        presses: when the button was pressed, in any order, with or without repetitions; likewise.
        usual_days_per_pack: for how long a pack lasts in a usual home, in days, positive.
        at: the moment, aware UTC.
    """
    came = sorted((d.at, d.packs) for d in deliveries if d.at <= at)
    wishes = _wishes(press for press in presses if press <= at)
    cycles = (_press_cycles(wishes, came) or _delivery_cycles(came))[-_CYCLES:]
    days = (_USUAL_WEIGHT * usual_days_per_pack + sum(cycles)) / (_USUAL_WEIGHT + len(cycles))
    # A press is worth more than a delivery of the same moment: it is put last.
    events = sorted([(moment, 0, packs) for moment, packs in came] + [(moment, 1, 0) for moment in wishes])
    if not events:
        return InferredStock(None, None, None, "unknown", days, None)
    off = [_USUAL_SPREAD] * _USUAL_WEIGHT + [abs(cycle / days - 1) for cycle in cycles]
    spread = min(max(fmean(off), _LEAST_SPREAD), _MOST_SPREAD)
    lasts = (days * (1 - spread), days, days * (1 + spread))
    left, since = _BEFORE_FIRST, events[0][0]
    for moment, is_press, packs in events:
        low, likely, high = _after(left, moment - since, lasts)
        left = _LEFT_AT_PRESS if is_press else (low + packs, likely + packs, high + packs)
        since = moment
    low, likely, high = _after(left, at - since, lasts)
    return InferredStock(likely, low, high, "inferred", days, since)


def _after(
    left: tuple[float, float, float], passed: timedelta, lasts: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Packs left once time has passed; `lasts` is in days per pack, fast use first."""
    low, likely, high = (
        max(0.0, packs - passed / _DAY / days) for packs, days in zip(left, lasts, strict=True)
    )
    return low, likely, high


def _wishes(presses: Iterable[datetime]) -> list[datetime]:
    """The first press of each wish, oldest first."""
    wishes: list[datetime] = []
    for press in sorted(presses):
        if not wishes or press - wishes[-1] > _ONE_WISH:
            wishes.append(press)
    return wishes


def _press_cycles(wishes: Sequence[datetime], came: Sequence[tuple[datetime, int]]) -> list[float]:
    """Days per pack from one wish to the next, where packs came in between."""
    cycles = []
    for wish, following in pairwise(wishes):
        packs = sum(packs for moment, packs in came if wish <= moment < following)
        if packs > 0:
            cycles.append((following - wish) / _DAY / packs)
    return cycles


def _delivery_cycles(came: Sequence[tuple[datetime, int]]) -> list[float]:
    """Days per pack from one delivery to the next."""
    return [(after - moment) / _DAY / packs for (moment, packs), (after, _) in pairwise(came) if packs > 0]
