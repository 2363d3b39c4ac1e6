"""PURE: what happened to the stock of a slot, whichever way it was seen, and how use spreads over days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

DAY = timedelta(days=1)
_SHORTEST_USE = timedelta(seconds=1)  # a fall between readings of the same moment still is use


@dataclass(frozen=True)
class Refill:
    """Stock that came into the container.

    Args:
        at: when the first reading with it was taken.
        amount: how much came in, in base units; of a swapped container, what it holds more than the old one.
        swapped: whether the container was away just before.
    """

    at: datetime
    amount: int
    swapped: bool = False


@dataclass(frozen=True)
class Consumption:
    """Stock that was used: a dose, or what several doses below the noise add up to.

    Args:
        since: the newest moment at which it certainly had not happened; None when nobody knows.
        at: when it was seen.
        amount: base units, positive.
    """

    since: datetime | None
    at: datetime
    amount: int


def daily_use(uses: Sequence[Consumption], end: datetime, days: int) -> tuple[int, ...]:
    """Base units used in each 24 hours, newest first; each use spread evenly over its time.

    Args:
        uses: in any order; one of unknown beginning is left out.
        end: where the newest day ends.
        days: how many days to return.
    """
    totals = [0.0] * days
    for use in uses:
        if use.since is None:
            continue
        begin = min(use.since, use.at - _SHORTEST_USE)
        seconds = (use.at - begin).total_seconds()
        newest = max(0, (end - use.at) // DAY)
        oldest = min(days - 1, (end - begin) // DAY)
        for day in range(newest, oldest + 1):
            low, high = end - (day + 1) * DAY, end - day * DAY
            overlap = (min(high, use.at) - max(low, begin)).total_seconds()
            if overlap > 0:
                totals[day] += use.amount * overlap / seconds
    return tuple(round(total) for total in totals)
