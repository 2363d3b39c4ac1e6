"""PURE: one slot's forecast in its own units, as decisions and pages use it."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from replenish_server.forecast.level_model import LevelForecast  # with numpy

LEVELS = (0.01, 0.025, *(round(0.05 * i, 2) for i in range(1, 20)), 0.975, 0.99)
"""The levels at which every forecast answers, rising."""

_EARLY, _MEDIAN, _LATE = (LEVELS.index(level) for level in (0.1, 0.5, 0.9))


@dataclass(frozen=True)
class RunOut:
    """When a slot's stock will be used up.

    Args:
        days: 23 quantiles, at `LEVELS`, of the days until `amount` is used up.
        amount: base units that the days are for; never nothing, so that they can be scaled.
        rate_per_day: usual use, base units per day.
        days_known: days of readings behind it; below about ten the kind's prior speaks.
        week_ratio: use of the last seven days over the usual use; 1 when unknown.
        idle_days: days since there was use worth the name, at most 28.
    """

    days: tuple[float, ...]
    amount: float
    rate_per_day: float
    days_known: int
    week_ratio: float
    idle_days: int

    @property
    def band(self) -> tuple[float, float, float]:
        """The 10, 50 and 90 % quantiles of the days."""
        return self.days[_EARLY], self.days[_MEDIAN], self.days[_LATE]

    def of(self, amount: float) -> "RunOut":
        """The same for another stock: twice as much lasts twice as long."""
        scale = amount / self.amount
        return replace(self, days=tuple(day * scale for day in self.days), amount=amount)


def run_out_of(forecast: "LevelForecast", row: int, capacity: int) -> RunOut:
    """One row of a batch as a slot's forecast.

    Args:
        forecast: of a batch.
        row: which slot.
        capacity: base units of its full container.
    """
    return RunOut(
        days=tuple(round(float(day), 4) for day in forecast.days[row]),
        amount=float(forecast.left[row]) * capacity,
        rate_per_day=float(forecast.share_per_day[row]) * capacity,
        days_known=int(forecast.days_known[row]),
        week_ratio=float(forecast.week_ratio[row]),
        idle_days=int(forecast.idle_days[row]),
    )
