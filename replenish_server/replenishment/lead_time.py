"""PURE: how long a parcel takes, as a distribution learnt from a retailer's own deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

_BELIEF = ((1.0, 0.10), (2.0, 0.30), (3.0, 0.30), (4.0, 0.15), (5.0, 0.08), (7.0, 0.05), (10.0, 0.02))
"""Days and their chance before the first delivery: a usual parcel with its long tail, mean 3.1 days.

Source: the lead-time law of the back-test (docs/forecast.md); a shop's own deliveries outweigh it soon.
"""

_BELIEF_WORTH = 4.0  # deliveries that the belief is worth
_FADING = 0.95  # weight of each older delivery: a shop that changed its carrier is believed after a while


@dataclass(frozen=True)
class LeadTime:
    """Days from order to delivery.

    Args:
        days: the possible numbers of days, rising.
        chance: of each; they add up to 1.
        deliveries: how many were seen.
    """

    days: tuple[float, ...]
    chance: tuple[float, ...]
    deliveries: int

    @property
    def mean_days(self) -> float:
        """The mean."""
        return float(sum(map(mul, self.days, self.chance)))


_BELIEVED = LeadTime(tuple(day for day, _ in _BELIEF), tuple(chance for _, chance in _BELIEF), 0)


def learn_lead_time(seen: Sequence[float]) -> LeadTime:
    """What to expect of the next parcel.

    Args:
        seen: days that earlier parcels took, newest first; each counts by itself, so a late one is not
            averaged away.
    """
    if not seen:
        return _BELIEVED
    weights: dict[float, float] = {day: chance * _BELIEF_WORTH for day, chance in _BELIEF}
    for age, day in enumerate(seen):
        rounded = round(max(0.0, day), 2)
        weights[rounded] = weights.get(rounded, 0.0) + _FADING**age
    total = sum(weights.values())
    days = tuple(sorted(weights))
    return LeadTime(days, tuple(weights[day] / total for day in days), len(seen))
