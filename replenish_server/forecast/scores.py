"""PURE (numpy): how good forecasts were, once it is known what came true.

Times are cut at the horizon first, for forecasts and truth alike, which keeps the scores proper under a fixed
follow-up.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from replenish_server.forecast.quantiles import MEDIAN, QUANTILES, WEIGHTS

Reals = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]

_LOW_80, _HIGH_80, _LOW_90, _HIGH_90 = (int(QUANTILES.searchsorted(q)) for q in (0.1, 0.9, 0.05, 0.95))


@dataclass(frozen=True)
class Score:
    """Of n forecasts.

    Args:
        rows: n.
        crps_days: mean continuous ranked probability score, days; smaller is better.
        median_error_days: mean absolute error of the median.
        within_80: share of truths inside the 80 % interval.
        within_90: share inside the 90 % interval.
        below_05: share below the 5 % quantile: the side that leaves a container empty.
    """

    rows: int
    crps_days: float
    median_error_days: float
    within_80: float
    within_90: float
    below_05: float


def crps(quantiles: Reals, days: Reals, horizon: float) -> Floats:
    """Shape (n,): the score of each forecast, in days.

    Args:
        quantiles: shape (n, 23).
        days: shape (n,), what came true.
        horizon: days after which nobody looked any more.

    Source: the CRPS as the integral of the pinball loss over all levels, Gneiting and Raftery 2007.
    """
    q = np.clip(np.maximum.accumulate(quantiles, axis=1), 0, horizon)
    error = np.minimum(days, horizon)[:, None] - q
    result: Floats = (2 * np.where(error >= 0, QUANTILES * error, (QUANTILES - 1) * error) * WEIGHTS).sum(
        axis=1
    )
    return result


def score(quantiles: Reals, days: Reals, horizon: float) -> Score:
    """All scores of n forecasts, n at least 1; arguments as in `crps`."""
    q = np.clip(np.maximum.accumulate(quantiles, axis=1), 0, horizon)
    y = np.minimum(days, horizon)

    def within(low: int, high: int) -> float:
        return float(np.mean((y >= q[:, low] - 1e-6) & (y <= q[:, high] + 1e-6)))

    return Score(
        len(y),
        float(crps(q, y, horizon).mean()),
        float(np.abs(q[:, MEDIAN] - y).mean()),
        within(_LOW_80, _HIGH_80),
        within(_LOW_90, _HIGH_90),
        float(np.mean(y < q[:, _LOW_90])),
    )
