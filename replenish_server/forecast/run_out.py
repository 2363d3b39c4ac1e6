"""PURE: from a level and a rate to the distribution of the days until it is used up.

Demand over t days is taken as normal with mean r t and variance s^2 t + u^2 t^2, where s is the spread
of a day and u the doubt about the rate. Running out within t days is that demand reaching the level.
"""

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

QUANTILES: Floats = np.array([0.01, 0.025, *(round(0.05 * i, 2) for i in range(1, 20)), 0.975, 0.99])
"""The 23 levels at which every forecast answers."""

HORIZON_DAYS = 730.0  # nobody plans a household's consumables beyond two years
_STEPS = 40  # bisection steps: 730 days / 2^40 is far below a second

_Z: Floats = np.array([NormalDist().inv_cdf(1.0 - float(q)) for q in QUANTILES])


def run_out_days(level: Floats, rate_per_day: Floats, rate_sd: Floats, daily_sd: Floats) -> Floats:
    """Quantiles of the days until each slot is used up.

    Args:
        level: shape (n,), base units on hand, zero or more.
        rate_per_day: shape (n,), base units per day.
        rate_sd: shape (n,), standard error of the rate.
        daily_sd: shape (n,), standard deviation of one day's use.

    Returns:
        Shape (n, 23), days at the levels `QUANTILES`, non-decreasing along each row, between 0 and
        `HORIZON_DAYS`.
    """
    shape = (len(level), len(QUANTILES))
    low, high = np.zeros(shape), np.full(shape, HORIZON_DAYS)
    target, rate = level[:, None], rate_per_day[:, None]
    variance_once, variance_rate = daily_sd[:, None] ** 2, rate_sd[:, None] ** 2
    for _ in range(_STEPS):
        middle = (low + high) / 2
        # What demand exceeds with probability q after `middle` days: reached means T <= middle has that
        # probability.
        demand = rate * middle + _Z * np.sqrt(variance_once * middle + variance_rate * middle**2)
        reached = demand >= target
        high = np.where(reached, middle, high)
        low = np.where(reached, low, middle)
    days = np.where(target <= 0, 0.0, high)
    result: Floats = np.maximum.accumulate(days, axis=1)
    return result


def demand_quantile(
    rate_per_day: float, rate_sd: float, daily_sd: float, days: float, days_sd: float, service_level: float
) -> float:
    """The demand over a lead time that is not exceeded with probability `service_level`.

    Args:
        rate_per_day: base units per day.
        rate_sd: standard error of the rate.
        daily_sd: standard deviation of one day's use.
        days: mean of the time to bridge, in days.
        days_sd: its standard deviation, in days.
        service_level: between 0 and 1.

    Source: demand over a random lead time, e.g. Silver, Pyke, Thomas, Inventory and Production
        Management in Supply Chains, 4th ed., section 6.10.
    """
    variance = daily_sd**2 * days + rate_sd**2 * days**2 + rate_per_day**2 * days_sd**2
    z = NormalDist().inv_cdf(service_level)
    return max(0.0, float(rate_per_day * days + z * variance**0.5))
