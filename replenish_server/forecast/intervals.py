"""PURE (numpy): what is believed of the days between two purchases, per category and for the fleet.

Source: empirical Bayes for a normal mean with known variances, on logarithms of days.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

UNSEEN = -1
LEAST_DAYS = 0.7  # two purchases on one day are one need
_FLEET_WORTH = 3.0  # slots that the fleet's mean is worth to a category


@dataclass(frozen=True)
class IntervalPrior:
    """Beliefs learnt from a fleet.

    Args:
        categories: names, in the order of `log_days`.
        log_days: shape (c,), mean log of the days between purchases.
        fleet_log_days: for categories that were never seen.
        worth: how many intervals the belief is worth: the variance within slots over that between them.
    """

    categories: tuple[str, ...]
    log_days: Floats
    fleet_log_days: float
    worth: float

    def believed(self, categories: Sequence[str] | NDArray[np.str_]) -> tuple[Floats, NDArray[np.bool_]]:
        """Mean log days of each category, shape (n,), and which were seen before."""
        names, inverse = np.unique(np.asarray(categories, str), return_inverse=True)
        known = {name: k for k, name in enumerate(self.categories)}
        seen = np.array([str(name) in known for name in names], bool)
        values = np.array(
            [self.log_days[known[str(n)]] if str(n) in known else self.fleet_log_days for n in names], float
        )
        return values[inverse], seen[inverse]

    def to_plain(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "categories": list(self.categories),
            "log_days": [round(float(v), 5) for v in self.log_days],
            "fleet_log_days": round(self.fleet_log_days, 5),
            "worth": round(self.worth, 5),
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "IntervalPrior":
        """What `to_plain` wrote."""
        return cls(
            tuple(plain["categories"]),
            np.array(plain["log_days"], float),
            float(plain["fleet_log_days"]),
            float(plain["worth"]),
        )


def learn_intervals(
    ages: NDArray[np.floating[Any]], category: NDArray[np.str_], slot: NDArray[np.str_]
) -> IntervalPrior:
    """Learn from the newest row of each slot.

    Args:
        ages: shape (n, k), days since each past purchase, newest first, NaN where there was none.
        category: shape (n,).
        slot: shape (n,); a later row is a newer one.
    """
    newest = {name: row for row, name in enumerate(slot)}
    rows = np.array(sorted(newest.values()), np.int64)
    logs = np.log(np.maximum(ages[rows, 1:] - ages[rows, :-1], LEAST_DAYS))
    n = np.isfinite(logs).sum(axis=1)
    rows, logs, n = rows[n >= 2], logs[n >= 2], n[n >= 2]
    if len(rows) == 0:
        return IntervalPrior((), np.zeros(0), float(np.log(30)), 2.0)
    mean = np.nansum(logs, axis=1) / n
    fleet = float(np.median(mean))
    categories, log_days = [], []
    for name in np.unique(category[rows]):
        mine = category[rows] == name
        if mine.sum() < 2:
            continue
        weight = np.minimum(n[mine], 8).astype(float)
        trust = mine.sum() / (mine.sum() + _FLEET_WORTH)
        categories.append(str(name))
        log_days.append(trust * float(np.average(mean[mine], weights=weight)) + (1 - trust) * fleet)
    many = n >= 4
    worth = 2.0
    if many.sum() >= 2:
        within = float(np.mean(np.nanvar(logs[many], axis=1)))
        worth = within / max(float(np.var(mean[many])), 1e-3)
    return IntervalPrior(tuple(categories), np.array(log_days), fleet, worth)
