"""PURE (numpy): when a slot without a sensor will be wanted again, from its purchases alone.

A purchase is not consumption: what was bought elsewhere, or still stands in the cupboard, is not seen
(docs/forecast.md says how much that costs). The same networks and the same conformal step as for levels, over
other features.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from replenish_server.forecast.calibration import Calibration, calibrate
from replenish_server.forecast.folds import fold_of
from replenish_server.forecast.intervals import LEAST_DAYS, IntervalPrior, learn_intervals
from replenish_server.forecast.network import Ensemble, Recipe, Rows, chunks, in_days, train
from replenish_server.forecast.quantiles import MEDIAN, QUANTILES

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
Texts = NDArray[np.str_]

PURCHASES = 24
HORIZON_DAYS = 84.0
RECIPE = Recipe(hidden=(64, 48), rounds=16)
_LEAST_TARGET = 0.5
_LATE_SHARE = 0.35  # of the usual interval: the first guess when it is already over
_FORGETTING = 0.9  # weight of each older interval
_QUICK_FORGETTING = 0.6
_NEAR_DAYS = np.array([10.0, 20.0, 35.0, 60.0])
_PAST = np.array([2, 5])
_GROUPS = (len(_NEAR_DAYS) + 2) * (len(_PAST) + 1)
_CHUNK = 4000


@dataclass(frozen=True)
class PurchaseBatch:
    """What is known of n slots at one moment.

    Args:
        ages: shape (n, 24), days since each purchase, newest first; NaN where there was none.
        amounts: shape (n, 24), of each purchase, relative to what is usual in its category.
        category: shape (n,).
        weekday: shape (n,), Monday 0.
        watched_days: shape (n,), for how long purchases have been recorded.
        household: shape (n, 3), the household's other slots: days since any purchase, days with a purchase
            in the last 28 and in the last 84.
    """

    ages: Floats
    amounts: Floats
    category: Texts
    weekday: Integers
    watched_days: Floats
    household: Floats

    def __len__(self) -> int:
        return len(self.ages)

    def rows(self, rows: slice | Integers | NDArray[np.bool_]) -> "PurchaseBatch":
        """Some of the slots."""
        return PurchaseBatch(
            self.ages[rows],
            self.amounts[rows],
            self.category[rows],
            self.weekday[rows],
            self.watched_days[rows],
            self.household[rows],
        )


@dataclass(frozen=True)
class PurchaseOutcomes:
    """A batch of the past, with what came true.

    Args:
        batch: what was known.
        days: shape (n,), until the next purchase, at most `HORIZON_DAYS`; every row was followed that long.
        household: shape (n,), whose.
        slot: shape (n,), rows of one slot from old to new.
    """

    batch: PurchaseBatch
    days: Floats
    household: Texts
    slot: Texts


@dataclass(frozen=True)
class _Features:
    values: Floats
    offset: Floats
    intervals: Integers
    elapsed: Floats


@dataclass(frozen=True)
class PurchaseModel:
    """The fitted model.

    Args:
        prior: beliefs per category.
        ensemble: networks.
        calibration: the conformal step.
    """

    prior: IntervalPrior
    ensemble: Ensemble
    calibration: Calibration

    def forecast(self, batch: PurchaseBatch) -> Floats:
        """Shape (n, 23): quantiles of the days until the next purchase, at `QUANTILES`."""
        out = np.empty((len(batch), len(QUANTILES)), np.float32)
        for rows in chunks(len(batch), _CHUNK):
            features = _features(batch.rows(rows), self.prior)
            logs = self.ensemble.log_quantiles(features.values)
            out[rows] = self.calibration.apply(in_days(logs, features.offset), _group(logs, features))
        return out

    def to_plain(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "prior": self.prior.to_plain(),
            "ensemble": self.ensemble.to_plain(),
            "calibration": self.calibration.to_plain(),
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "PurchaseModel":
        """What `to_plain` wrote."""
        return cls(
            IntervalPrior.from_plain(plain["prior"]),
            Ensemble.from_plain(plain["ensemble"]),
            Calibration.from_plain(plain["calibration"]),
        )


def fit_purchases(past: PurchaseOutcomes, recipe: Recipe = RECIPE, seed: int = 1) -> PurchaseModel:
    """Learn from a fleet's past purchases.

    Args:
        past: moments between purchases and moments right after one; at least some hundred.
        recipe: how the networks are made.
        seed: the same seed and past give the same model.
    """
    prior = learn_intervals(past.batch.ages, past.batch.category, past.slot)
    features = _features(past.batch, prior)
    rows = Rows(
        features.values,
        features.offset,
        np.maximum(past.days, _LEAST_TARGET).astype(np.float32),
        fold_of(past.household, recipe.folds, recipe.repeats),
        HORIZON_DAYS,
    )
    ensemble = train(rows, recipe, seed)
    logs = ensemble.held_back(rows)
    calibration = calibrate(
        in_days(logs, features.offset), rows.days, _group(logs, features), _GROUPS, HORIZON_DAYS, seed
    )
    return PurchaseModel(prior, ensemble, calibration)


def _features(batch: PurchaseBatch, prior: IntervalPrior) -> _Features:
    """Intervals on a log scale, relative to the slot's own usual interval."""
    ages = batch.ages.astype(float)
    elapsed = ages[:, 0]
    intervals = ages[:, 1:] - ages[:, :-1]
    known = np.isfinite(intervals)
    n = known.sum(axis=1)
    some = np.maximum(n, 1)
    believed, seen = prior.believed(batch.category)
    logs = np.where(known, np.log(np.maximum(np.where(known, intervals, 1), LEAST_DAYS)), 0.0)
    order = np.arange(intervals.shape[1])
    weight = known * _FORGETTING**order
    usual_log = ((logs * weight).sum(axis=1) + prior.worth * believed) / (weight.sum(axis=1) + prior.worth)
    usual = np.exp(usual_log)
    away = np.where(known, logs - usual_log[:, None], 0.0)
    spread = np.sqrt(((away**2 * weight).sum(axis=1) + 1.0) / (weight.sum(axis=1) + 2.0))
    quick = known * _QUICK_FORGETTING**order
    lately = (away * quick).sum(axis=1) / np.maximum(quick.sum(axis=1), 1e-9)
    total = np.where(known, intervals, 0.0).sum(axis=1)
    mean_log = np.where(n > 0, np.log(np.maximum(total / some, LEAST_DAYS)) - usual_log, 0.0)
    ratio = np.minimum(elapsed / usual, 6.0)
    amount = np.log(np.clip(np.nan_to_num(batch.amounts.astype(float), nan=1.0), 0.05, 20.0))
    mean_amount = (amount[:, 1:] * known).sum(axis=1) / some
    longest = np.where(n > 0, np.where(known, away, -9.0).max(axis=1), 0.0)
    shortest = np.clip(np.where(n > 0, np.where(known, away, 9.0).min(axis=1), 0.0), -4.0, 0.0)
    days = np.where(known, intervals, np.inf)
    recent, month, quarter = (batch.household[:, k].astype(float) for k in range(3))
    columns = [
        usual_log,
        np.log1p(elapsed) - np.log1p(usual),
        ratio,
        ratio**2,
        np.minimum(elapsed, HORIZON_DAYS) / HORIZON_DAYS,
        _median_log(logs[:, :9], known[:, :9], usual_log) * n / (n + 1),
        away[:, 0],
        away[:, 1],
        away[:, 2],
        away[:, 3],
        lately,
        mean_log,
        believed - usual_log,
        (believed - usual_log) / (1 + n),
        spread,
        np.log1p(n),
        1 / (1 + n),
        n == 0,
        n == 1,
        longest,
        shortest,
        amount[:, 0],
        amount[:, 0] - mean_amount,
        mean_amount,
        (days < elapsed[:, None]).sum(axis=1) / some,
        (days < 5).sum(axis=1) / some,
        (days < 0.5 * usual[:, None]).sum(axis=1) / some,
        np.log1p(7 / usual),
        np.log1p(batch.watched_days),
        np.log1p(n) - np.log1p(np.maximum(batch.watched_days, 1) / usual),
        np.sin(2 * np.pi * batch.weekday / 7),
        np.cos(2 * np.pi * batch.weekday / 7),
        seen,
        np.log1p(recent),
        np.log1p(month),
        np.log1p(quarter),
        np.log1p(month) - np.log1p(quarter / 3),
        np.where(elapsed > 1, np.minimum(recent, 30) / np.maximum(elapsed, 1), 0.0),
    ]
    offset = np.log(np.maximum(usual - elapsed, _LATE_SHARE * usual))
    return _Features(
        np.column_stack(columns).astype(np.float32), offset.astype(np.float32), n, elapsed.astype(np.float32)
    )


def _median_log(logs: NDArray[np.float64], known: NDArray[np.bool_], usual_log: NDArray[np.float64]) -> Any:
    """Median of the newest intervals' logs over the usual one; 0 where there is none."""
    ordered = np.sort(np.where(known, logs, np.inf), axis=1)
    n = known.sum(axis=1)
    rows = np.arange(len(logs))
    low = ordered[rows, np.maximum((n - 1) // 2, 0)]
    high = ordered[rows, np.minimum(n // 2, ordered.shape[1] - 1)]
    middle = np.where(n > 0, np.where(n % 2 == 1, low, (low + np.where(n > 0, high, low)) / 2), usual_log)
    return middle - usual_log


def _group(logs: Floats, features: _Features) -> Integers:
    """By how near the next purchase is, or right after one; and by how many intervals were seen."""
    near = np.searchsorted(np.log(_NEAR_DAYS), logs[:, MEDIAN] + features.offset, side="right")
    near = np.where(features.elapsed < 1, len(_NEAR_DAYS) + 1, near)
    return (near * (len(_PAST) + 1) + np.digitize(features.intervals, _PAST)).astype(np.int64)
