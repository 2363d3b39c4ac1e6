"""PURE (numpy): the conformal step, which makes "80 %" mean 80 %.

On rows that a model never saw, it is counted which of its levels really has coverage p; afterwards that level
is read where p is asked for. Rows are grouped, because a model may be sure of itself near the end and unsure
far from it; a small group leans on all the others.

Source: distributional conformal prediction, Chernozhukov, Wuthrich, Zhu 2021; probability integral transform
with an atom at the horizon, randomised.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from replenish_server.forecast.quantiles import QUANTILES

Floats = NDArray[np.float64]
Reals = NDArray[np.floating[Any]]
Integers = NDArray[np.int64]

_POOL_WORTH = 500.0  # rows that the levels of all groups together are worth to one group
_BEYOND = 1.3  # the quantiles' own highest is stretched so far for level 1
_EDGES: Floats = np.concatenate([[0.0], QUANTILES, [1.0]])


@dataclass(frozen=True)
class Calibration:
    """Levels to read instead of those asked for.

    Args:
        levels: shape (groups, 23).
    """

    levels: Floats

    def apply(self, quantiles: Reals, group: Integers) -> NDArray[np.float32]:
        """Quantiles at calibrated levels.

        Args:
            quantiles: shape (n, 23), days.
            group: shape (n,).
        """
        n = len(quantiles)
        padded = np.empty((n, len(_EDGES)), np.float32)
        padded[:, 0] = 0
        padded[:, 1:-1] = quantiles
        padded[:, -1] = quantiles[:, -1] * _BEYOND
        out = np.empty((n, len(QUANTILES)), np.float32)
        for g in np.unique(group):
            mine = np.flatnonzero(group == g)
            below = np.clip(np.searchsorted(_EDGES, self.levels[g], side="right") - 1, 0, len(_EDGES) - 2)
            share = ((self.levels[g] - _EDGES[below]) / (_EDGES[below + 1] - _EDGES[below])).astype(
                np.float32
            )
            rows = padded[mine]
            low = rows[:, below]
            out[mine] = low + share * (rows[:, below + 1] - low)
        return out

    def to_plain(self) -> Any:
        """Nested lists for JSON."""
        return [[round(float(v), 5) for v in row] for row in self.levels]

    @classmethod
    def from_plain(cls, plain: Sequence[Sequence[float]]) -> "Calibration":
        """What `to_plain` wrote."""
        return cls(np.array(plain, float))


def calibrate(
    quantiles: Reals, days: Reals, group: Integers, groups: int, horizon: float, seed: int
) -> Calibration:
    """Count which levels have which coverage.

    Args:
        quantiles: shape (m, 23), said of rows that the speaker never saw.
        days: shape (m,), what came true, cut at `horizon`.
        group: shape (m,), below `groups`.
        groups: how many groups there are; one without rows gets the levels of all.
        horizon: days after which nobody looked any more.
        seed: for the randomised transform.
    """
    passed = _transform(quantiles, days, horizon, np.random.default_rng(seed))
    pooled = np.quantile(passed, QUANTILES, method="higher")
    levels = np.tile(pooled, (groups, 1))
    for g in np.unique(group):
        mine = passed[group == g]
        trust = len(mine) / (len(mine) + _POOL_WORTH)
        levels[g] = trust * np.quantile(mine, QUANTILES, method="higher") + (1 - trust) * pooled
    return Calibration(levels)


def _transform(quantiles: Reals, days: Reals, horizon: float, chance: "np.random.Generator") -> Floats:
    """Shape (m,): where in the forecast the truth lay, uniform when the forecast is calibrated."""
    n = len(quantiles)
    at = _level_of(quantiles, np.minimum(days, horizon))
    rest = at + (1 - at) * chance.random(n)
    result: Floats = np.where(days >= horizon, rest, at)
    return result


def _level_of(quantiles: Reals, days: Reals) -> Floats:
    """The level at which each row's forecast names this day."""
    rows = np.arange(len(quantiles))
    padded = np.concatenate(
        [np.zeros((len(quantiles), 1)), quantiles, quantiles[:, -1:] * _BEYOND + 1e-6], axis=1
    )
    k = np.clip((padded <= days[:, None]).sum(axis=1) - 1, 0, len(_EDGES) - 2)
    low, high = padded[rows, k], padded[rows, k + 1]
    share = np.clip((days - low) / np.maximum(high - low, 1e-9), 0, 1)
    result: Floats = _EDGES[k] + (_EDGES[k + 1] - _EDGES[k]) * share
    return result
