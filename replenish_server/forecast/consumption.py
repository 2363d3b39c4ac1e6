"""PURE: how fast a slot is used, and how sure that is.

A shrunk, exponentially weighted mean of daily use: a first household starts at its category's prior
and leaves it as days come in. Units cancel: priors are shares of the container per day, because a
prior in grams is wrong for every product that it has not seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_MEMORY_DAYS = 14.0  # weight of a day falls to 1/e in two weeks: habits change, noise does not matter
_OUTLIER_FACTOR = 6.0  # a day of more than six times the usual is capped: a spill is not a habit


@dataclass(frozen=True)
class Prior:
    """What is believed of a category before its first reading.

    Args:
        share_per_day: expected use per day as a share of the container.
        days: how many days of evidence the belief is worth.
        variation: standard deviation of one day's use over its mean.
    """

    share_per_day: float
    days: float
    variation: float


PRIORS = {"detergent": Prior(1 / 25, 4.0, 1.0)}
"""Starting beliefs by category; every other category starts from `_ANY`."""

_ANY = Prior(1 / 30, 3.0, 1.2)


@dataclass(frozen=True)
class Consumption:
    """A rate of use.

    Args:
        rate_per_day: base units per day.
        rate_sd: standard error of that rate, base units per day.
        daily_sd: standard deviation of one day's use, base units.
        days_observed: days of readings behind it.
    """

    rate_per_day: float
    rate_sd: float
    daily_sd: float
    days_observed: int


def estimate_consumption(daily_use: Sequence[int | None], capacity: int, category: str) -> Consumption:
    """Estimate the rate of use.

    Args:
        daily_use: base units per day, newest first; None where nothing was read.
        capacity: base units of a full container, positive.
        category: kind of consumable, for the prior.
    """
    prior = PRIORS.get(category, _ANY)
    prior_rate = prior.share_per_day * capacity
    pairs = [(age, use) for age, use in enumerate(daily_use) if use is not None]
    if not pairs:
        daily_sd = prior.variation * prior_rate
        return Consumption(prior_rate, daily_sd / prior.days**0.5, daily_sd, 0)
    ages = np.array([age for age, _ in pairs], dtype=float)
    uses = np.array([use for _, use in pairs], dtype=float)
    usual = max(float(np.median(uses)), prior_rate)
    uses = np.minimum(uses, usual * _OUTLIER_FACTOR)
    weights = np.exp(-ages / _MEMORY_DAYS)
    total = float(weights.sum()) + prior.days
    rate = (float(weights @ uses) + prior.days * prior_rate) / total
    spread = float(weights @ (uses - rate) ** 2) + prior.days * (prior.variation * prior_rate) ** 2
    daily_sd = max((spread / total) ** 0.5, 0.1 * rate)
    effective_days = total**2 / (float((weights**2).sum()) + prior.days)
    return Consumption(rate, daily_sd / max(1.0, effective_days) ** 0.5, daily_sd, len(pairs))
