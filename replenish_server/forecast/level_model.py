"""PURE (numpy): how long what a sensor sees will last, for a whole fleet at once.

One model for all slots: a belief per category, networks over unit-free features, and a conformal step. It is
fitted on a fleet's own outcomes and plain values hold all of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from replenish_server.forecast.calibration import Calibration, calibrate
from replenish_server.forecast.folds import fold_of
from replenish_server.forecast.level_features import LevelFeatures, fading_shares, level_features
from replenish_server.forecast.network import Ensemble, Recipe, Rows, chunks, in_days, train
from replenish_server.forecast.quantiles import MEDIAN, QUANTILES
from replenish_server.forecast.shares import UNSEEN, SharePrior, learn_shares, learn_weekdays
from replenish_server.inventory.days import read_days
from replenish_server.inventory.grid import BINS, BINS_PER_DAY

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
Texts = NDArray[np.str_]

HORIZON_DAYS = 84.0
_CHUNK = 1000  # rows whose days fit a core's cache
_SHORTENED_COPIES = 4  # of every row, some with a shorter past: a cold start must be learnt, too
_SHORTENED_SHARE = 0.15
_SHORTENED_DAYS = (3.0, 30.0)
_MOST_DAYS_EARLIER = 8
_BLINDED_SHARE = (0.05, 0.15)  # rows that must do without their category, as given and in copies
_NEAR_DAYS = np.array([5.0, 10.0, 18.0, 30.0, 50.0])
_SHORT_PAST_DAYS = 18
_GROUPS = 2 * (len(_NEAR_DAYS) + 1)


@dataclass(frozen=True)
class LevelBatch:
    """What is known of n slots at one moment.

    Args:
        levels: shape (n, 336), see `inventory.days.read_days`.
        category: shape (n,), kinds of consumable.
        size: shape (n,), of each container, in a unit that is the same within a category.
        weekday: shape (n,), of the coming day (Monday 0).
    """

    levels: Floats
    category: Texts
    size: Floats
    weekday: Integers

    def __len__(self) -> int:
        return len(self.levels)

    def rows(self, rows: slice | Integers) -> "LevelBatch":
        """Some of the slots."""
        return LevelBatch(self.levels[rows], self.category[rows], self.size[rows], self.weekday[rows])


@dataclass(frozen=True)
class LevelOutcomes:
    """A batch of the past, with what came true.

    Args:
        batch: what was known.
        days: shape (n,), until the level on hand was used up, at most `HORIZON_DAYS`.
        household: shape (n,), so that nobody is judged by their own household.
        slot: shape (n,), rows of one slot from old to new.
    """

    batch: LevelBatch
    days: Floats
    household: Texts
    slot: Texts


@dataclass(frozen=True)
class LevelForecast:
    """What n slots may expect.

    Args:
        days: shape (n, 23), quantiles of the days until the level is used up, at `QUANTILES`.
        left: shape (n,), the level that it starts from, as a share of the container.
        share_per_day: shape (n,), the usual use, as a share of the container.
        days_known: shape (n,), days of readings behind it.
        week_ratio: shape (n,), use of the last seven days over the usual use; 1 where it is not known.
        idle_days: shape (n,), days since there was use worth the name, at most 28.
    """

    days: Floats
    left: Floats
    share_per_day: Floats
    days_known: Floats
    week_ratio: Floats
    idle_days: Floats


@dataclass(frozen=True)
class LevelModel:
    """The fitted model.

    Args:
        prior: beliefs per category.
        ensemble: networks.
        calibration: the conformal step.
    """

    prior: SharePrior
    ensemble: Ensemble
    calibration: Calibration

    def forecast(self, batch: LevelBatch) -> LevelForecast:
        """Forecast n slots; some 10 microseconds each in a large batch."""
        n = len(batch)
        days = np.empty((n, len(QUANTILES)), np.float32)
        left, share, known, week, idle = (np.empty(n, np.float32) for _ in range(5))
        for rows in chunks(n, _CHUNK):
            part = batch.rows(rows)
            index = self.prior.index(part.category)
            read = read_days(part.levels)
            features = level_features(read, self.prior, index, part.size, part.weekday)
            logs = self.ensemble.log_quantiles(features.values)
            days[rows] = self.calibration.apply(in_days(logs, features.offset), _group(logs, features))
            left[rows], share[rows], known[rows] = read.left, features.usual, features.days_known
            week[rows], idle[rows] = features.week_ratio, features.idle_days
        return LevelForecast(days, left, share, known, week, idle)

    def to_plain(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "prior": self.prior.to_plain(),
            "ensemble": self.ensemble.to_plain(),
            "calibration": self.calibration.to_plain(),
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "LevelModel":
        """What `to_plain` wrote."""
        return cls(
            SharePrior.from_plain(plain["prior"]),
            Ensemble.from_plain(plain["ensemble"]),
            Calibration.from_plain(plain["calibration"]),
        )


def fit_levels(past: LevelOutcomes, recipe: Recipe = Recipe(), seed: int = 1) -> LevelModel:  # noqa: B008 - frozen
    """Learn from a fleet's past.

    Args:
        past: at least some hundred rows of some dozens of households.
        recipe: how the networks are made.
        seed: the same seed and past give the same model.
    """
    chance = np.random.default_rng(seed)
    batch = past.batch
    prior = _learn_prior(past)
    fold = fold_of(past.household, recipe.folds, recipe.repeats)
    given = _features(batch, batch.levels, prior, _BLINDED_SHARE[0], chance)
    copies = [given]
    shortened = []
    days = [past.days.astype(np.float32)]
    for _ in range(_SHORTENED_COPIES):
        earlier, back = _earlier(batch, chance)
        levels, short = _with_shorter_past(earlier.levels, chance)
        copies.append(_features(earlier, levels, prior, _BLINDED_SHARE[1], chance))
        shortened.append(short)
        days.append(np.minimum(past.days + back, HORIZON_DAYS).astype(np.float32))
    joined = _join(copies)
    rows = Rows(
        features=joined.values,
        offset=joined.offset,
        days=np.concatenate(days),
        fold=np.tile(fold, (len(copies), 1)),
        horizon=HORIZON_DAYS,
    )
    ensemble = train(rows, recipe, seed)
    judged = np.concatenate([np.ones(len(batch), bool), *shortened])
    logs = ensemble.held_back(rows)[judged]
    features = joined.rows(judged)
    group = _group(logs, features)
    calibration = calibrate(
        in_days(logs, features.offset), rows.days[judged], group, _GROUPS, HORIZON_DAYS, seed
    )
    return LevelModel(prior, ensemble, calibration)


def _learn_prior(past: LevelOutcomes) -> SharePrior:
    batch = past.batch
    parts = [read_days(batch.levels[rows]) for rows in chunks(len(batch), _CHUNK)]
    fading = [fading_shares(part) for part in parts]
    share = np.concatenate([share for share, _ in fading])[:, -1]
    weight = np.concatenate([weight for _, weight in fading])[:, -1]
    prior = learn_shares(batch.category, batch.size, share, weight, past.slot)
    use = np.concatenate([part.use for part in parts])
    return learn_weekdays(prior, prior.index(batch.category), use, share, batch.weekday)


def _features(
    batch: LevelBatch, levels: Floats, prior: SharePrior, blinded: float, chance: "np.random.Generator"
) -> LevelFeatures:
    index = prior.index(batch.category)
    index = np.where(chance.random(len(batch)) < blinded, UNSEEN, index)
    parts = [
        level_features(read_days(levels[rows]), prior, index[rows], batch.size[rows], batch.weekday[rows])
        for rows in chunks(len(batch), _CHUNK)
    ]
    return _join(parts)


def _join(parts: Sequence[LevelFeatures]) -> LevelFeatures:
    return LevelFeatures(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in LevelFeatures.__dataclass_fields__
        )
    )


def _earlier(batch: LevelBatch, chance: "np.random.Generator") -> tuple[LevelBatch, Integers]:
    """The same slots some days earlier, if no refill lies between: what was left then lasted longer."""
    since = np.concatenate(
        [read_days(batch.levels[rows]).since_refill for rows in chunks(len(batch), _CHUNK)]
    )
    most = np.clip(since - 1, 0, _MOST_DAYS_EARLIER).astype(np.int64)
    back = chance.integers(0, most + 1)
    levels = batch.levels.copy()
    for days in np.unique(back[back > 0]):
        mine = back == days
        levels[mine] = np.nan
        levels[mine, days * BINS_PER_DAY :] = batch.levels[mine, : -days * BINS_PER_DAY]
    return LevelBatch(levels, batch.category, batch.size, (batch.weekday - back) % 7), back


def _with_shorter_past(levels: Floats, chance: "np.random.Generator") -> tuple[Floats, NDArray[np.bool_]]:
    """Grids of which some forget all but their last days, and which."""
    n = len(levels)
    short = chance.random(n) < _SHORTENED_SHARE
    keep = np.where(short, (chance.uniform(*_SHORTENED_DAYS, n) * BINS_PER_DAY).astype(np.int64), BINS)
    out = levels.copy()
    out[np.arange(BINS)[None] < (BINS - keep)[:, None]] = np.nan
    return out, short


def _group(logs: Floats, features: LevelFeatures) -> Integers:
    """By how near the end is, and by how long the past is."""
    near = np.searchsorted(np.log(_NEAR_DAYS), logs[:, MEDIAN] + features.offset, side="right")
    return (near * 2 + (features.days_known < _SHORT_PAST_DAYS)).astype(np.int64)
