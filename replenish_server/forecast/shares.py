"""PURE (numpy): what is believed of a slot's use before and besides its own readings.

Beliefs are shares of the container per day, so that units cancel: a prior in grams is wrong for every
product that it has not seen. A category's belief is the median of its slots; one never seen falls back to the
fleet's. A larger container of the same thing is used up more slowly: that elasticity is learnt within
categories.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

UNSEEN = -1
_ELASTICITY_BELIEF = (-0.5, 4.0)  # before any data, and how many squared log-units it is worth
_LEAST_SLOTS = 2
_WEEKDAY_BELIEF = 300.0  # rows that a flat week is worth


@dataclass(frozen=True)
class SharePrior:
    """Beliefs learnt from a fleet.

    Args:
        categories: names, in the order of the arrays.
        log_share: shape (c,), log share per day of a container of size one.
        elasticity: how the log share falls with the log of the container's size.
        fleet_log_share: for categories that were never seen, whatever their size.
        weekdays: shape (c + 1, 7), use on each weekday (Monday first) over the mean; the last row is the
            fleet's.
    """

    categories: tuple[str, ...]
    log_share: Floats
    elasticity: float
    fleet_log_share: float
    weekdays: Floats

    def index(self, categories: Sequence[str] | NDArray[np.str_]) -> Integers:
        """Where each category stands; UNSEEN for one that was not learnt."""
        names, inverse = np.unique(np.asarray(categories, str), return_inverse=True)
        known = {name: k for k, name in enumerate(self.categories)}
        found = np.array([known.get(str(name), UNSEEN) for name in names], np.int64)
        result: Integers = found[inverse]
        return result

    def believed(self, index: Integers, size: Floats) -> Floats:
        """Shape (n,): the log share per day.

        Args:
            index: of each slot's category.
            size: of each slot's container, in a unit that is the same within a category.
        """
        of_category = np.append(self.log_share, 0)[index] + self.elasticity * np.log(size)  # UNSEEN: the 0
        return np.where(index == UNSEEN, self.fleet_log_share, of_category).astype(np.float32)

    def to_plain(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "categories": list(self.categories),
            "log_share": [round(float(v), 5) for v in self.log_share],
            "elasticity": round(self.elasticity, 5),
            "fleet_log_share": round(self.fleet_log_share, 5),
            "weekdays": [[round(float(v), 4) for v in row] for row in self.weekdays],
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "SharePrior":
        """What `to_plain` wrote."""
        return cls(
            tuple(plain["categories"]),
            np.array(plain["log_share"], np.float32),
            float(plain["elasticity"]),
            float(plain["fleet_log_share"]),
            np.array(plain["weekdays"], np.float32).reshape(-1, 7),
        )


def learn_shares(
    categories: NDArray[np.str_],
    size: Floats,
    share: Floats,
    days_known: Floats,
    slot: NDArray[np.str_],
) -> SharePrior:
    """Learn categories' shares from the newest row of each slot.

    Args:
        categories: shape (n,).
        size: shape (n,), of the container.
        share: shape (n,), used per day.
        days_known: shape (n,), how many days stand behind it.
        slot: shape (n,), which slot; a later row is a newer one.
    """
    newest = {name: row for row, name in enumerate(slot)}
    rows = np.array(sorted(newest.values()), np.int64)
    rows = rows[(days_known[rows] > 8) & (share[rows] > 1e-4)]
    if len(rows) == 0:
        return SharePrior((), np.zeros(0, np.float32), _ELASTICITY_BELIEF[0], float(np.log(1 / 30)), _flat(0))
    log_share, log_size, names = np.log(share[rows]), np.log(size[rows]), categories[rows]
    counted, inverse, counts = np.unique(names, return_inverse=True, return_counts=True)
    x, y = log_size.copy(), log_share.copy()
    for k in range(len(counted)):
        x[inverse == k] -= x[inverse == k].mean()
        y[inverse == k] -= y[inverse == k].mean()
    belief, weight = _ELASTICITY_BELIEF
    elasticity = float((x @ y + belief * weight) / (x @ x + weight))
    rest = log_share - elasticity * log_size
    seen = [k for k in range(len(counted)) if counts[k] >= _LEAST_SLOTS]
    return SharePrior(
        tuple(str(counted[k]) for k in seen),
        np.array([np.median(rest[inverse == k]) for k in seen], np.float32),
        elasticity,
        float(np.median(log_share)),
        _flat(len(seen)),
    )


def learn_weekdays(
    prior: SharePrior, index: Integers, use: Floats, usual: Floats, weekday: Integers
) -> SharePrior:
    """The same prior with weekday profiles.

    Args:
        prior: whose categories count.
        index: shape (n,), of each row's category.
        use: shape (n, d), share per day, newest last.
        usual: shape (n,), the row's mean share per day.
        weekday: shape (n,), of the day after the newest (Monday 0).
    """
    ago = np.arange(use.shape[1])[::-1]
    day = (weekday[:, None] - 1 - ago[None]) % 7
    relative = np.clip(use / np.maximum(usual, np.float32(2e-3))[:, None], -2, 6).astype(np.float32)
    rows = [_profile(relative[index == k], day[index == k]) for k in range(len(prior.categories))]
    rows.append(_profile(relative, day))
    weekdays = np.array(rows, np.float32)
    return SharePrior(prior.categories, prior.log_share, prior.elasticity, prior.fleet_log_share, weekdays)


def _profile(relative: Floats, day: Integers) -> Floats:
    """Mean use on each weekday, drawn toward a flat week where there are few rows."""
    known = np.isfinite(relative)
    sums = np.bincount(day[known], relative[known], 7)
    counts = np.bincount(day[known], minlength=7)
    if counts.min() == 0 or sums.sum() <= 0:
        return np.ones(7, np.float32)
    profile = sums / counts
    profile = profile / profile.mean()
    trust = len(relative) / (len(relative) + _WEEKDAY_BELIEF)
    result: Floats = (1 + (profile - 1) * trust).astype(np.float32)
    return result


def _flat(categories: int) -> Floats:
    return np.ones((categories + 1, 7), np.float32)
