"""PURE (numpy): the 23 levels at which every forecast answers, and what can be read off such an answer."""

import numpy as np
from numpy.typing import NDArray

from replenish_server.forecast.run_out import LEVELS

Floats = NDArray[np.float64]

QUANTILES: Floats = np.array(LEVELS)
"""The levels, rising."""

MEDIAN = 11
"""Where 0.5 stands among them."""

WEIGHTS: Floats = np.diff(np.concatenate([[0.0], (QUANTILES[1:] + QUANTILES[:-1]) / 2, [1.0]]))
"""The share of the unit interval that each level stands for, for integrals over all of them."""


def probability_within(quantiles: Floats, days: Floats | float) -> Floats:
    """The probability that the time is over within `days`.

    Args:
        quantiles: shape (n, 23), non-decreasing along each row.
        days: a number, or shape (n,).

    Returns:
        Shape (n,). Straight between the levels, from 0 at day 0; above the highest level the rest fades
        exponentially with a quarter of that level (at least a day) as its scale.
    """
    n = len(quantiles)
    t = np.broadcast_to(np.asarray(days, float), (n,))
    rows = np.arange(n)
    passed = (quantiles <= t[:, None]).sum(axis=1)
    below = np.where(passed > 0, quantiles[rows, np.maximum(passed - 1, 0)], 0.0)
    level = np.where(passed > 0, QUANTILES[np.maximum(passed - 1, 0)], 0.0)
    above = np.minimum(passed, len(QUANTILES) - 1)
    gap = quantiles[rows, above] - below
    share = np.where(gap > 0, (t - below) / np.where(gap > 0, gap, 1.0), 0.0)
    inside = level + (QUANTILES[above] - level) * share
    highest = quantiles[:, -1]
    rest = (1 - QUANTILES[-1]) * np.exp(-(t - highest) / np.maximum(highest / 4, 1.0))
    result: Floats = np.where(passed >= len(QUANTILES), 1 - rest, inside)
    return result
