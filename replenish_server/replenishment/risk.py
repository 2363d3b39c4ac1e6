"""PURE (numpy): the chance of running out before a parcel ordered later could arrive, and what follows.

The order leaves as late as the chance allows: when what is on hand may be used up, with more than the risk
that the household accepts, before an order of the next look would arrive. What is on hand scales the days
that it lasts, so the same forecast says at which stock that point lies.

Source: newsvendor critical ratio over a random lead time plus review gap (Silver, Pyke, Thomas, Inventory and
Production Management in Supply Chains, 4th ed., sections 6 and 7); one stock-out day weighs as much as R days
of cover, which makes the accepted risk 1 / (1 + R).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from replenish_server.forecast.quantiles import QUANTILES, WEIGHTS
from replenish_server.replenishment.lead_time import LeadTime
from replenish_server.replenishment.timing import TimingOutcome

Floats = NDArray[np.float64]

REVIEW_GAP_DAYS = 1.0  # a level sensor reports at least daily: no chance to order in between
_LEVELS: Floats = np.concatenate([[0.0], QUANTILES])
_STEPS = 40  # bisection steps; the point is exact to a millionth of the stock
_LEAST_SCALE, _MOST_SCALE = 1e-3, 1e3
_DAYS_A_YEAR = 365.0


def risk_before_parcel(days: Sequence[float] | Floats, lead: LeadTime, scale: float = 1.0) -> float:
    """The chance that the stock is used up before a parcel ordered at the next look arrives.

    Args:
        days: 23 quantiles of the days until what is on hand is used up.
        lead: days from order to delivery.
        scale: a stock so many times as large as the one that the days are for.
    """
    if scale <= 0:
        return 1.0
    waits = np.array(lead.days) + REVIEW_GAP_DAYS
    return float(np.array(lead.chance) @ _within(days, waits / scale))


def reorder_scale(days: Sequence[float] | Floats, lead: LeadTime, accepted_risk: float) -> float:
    """The stock, over what is on hand, at which the risk is just what the household accepts.

    At least 1 means that the order should leave now. Between a thousandth and a thousand.
    """
    low, high = np.log(_LEAST_SCALE), np.log(_MOST_SCALE)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if risk_before_parcel(days, lead, float(np.exp(middle))) >= accepted_risk:
            low = middle
        else:
            high = middle
    return float(np.exp(low))


def timing_outcome(
    days: Sequence[float] | Floats, lead: LeadTime, accepted_risk: float, cycle_days: float
) -> TimingOutcome:
    """What ordering at this risk costs: cover held when early, an empty container when late.

    Args:
        days: 23 quantiles of the days until what is on hand is used up.
        lead: days from order to delivery.
        accepted_risk: between 0 and 1.
        cycle_days: how long one order lasts, in days.
    """
    scale = reorder_scale(days, lead, accepted_risk)
    lasts = np.asarray(days, float) * scale
    waits, chance = np.array(lead.days), np.array(lead.chance)
    left = np.maximum(lasts[None, :] - waits[:, None], 0.0) @ WEIGHTS
    out = float(chance @ _within(days, waits / scale))
    years = cycle_days / _DAYS_A_YEAR / max(out, 1e-9)
    return TimingOutcome(accepted_risk, float(chance @ left), min(years, 1000.0), scale)


def _within(days: Sequence[float] | Floats, waits: Floats) -> Floats:
    """The chance that the time is over within each wait: straight between quantiles, from 0 at day 0."""
    points = np.concatenate([[0.0], np.asarray(days, float)])
    return np.interp(waits, points, _LEVELS, right=1.0)
