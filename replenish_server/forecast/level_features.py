"""PURE (numpy): what a slot's days say about how long it will last, free of units.

Everything is relative: levels to the container, uses to the slot's own usual use. So a product kind that was
never seen reads like one that was.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from replenish_server.forecast.shares import UNSEEN, SharePrior
from replenish_server.inventory.days import Days
from replenish_server.inventory.grid import DAYS

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

_AGO = np.arange(DAYS, dtype=np.float32)[::-1]
_MEMORIES = (2.0, 5.0, 10.0, 20.0, 45.0)  # days until a day's weight falls to 1/e
_FADING: Floats = np.exp(-_AGO[:, None] / np.array(_MEMORIES, np.float32)).astype(np.float32)
_BELIEF_DAYS: Floats = np.array([1.5, 2.5, 3.0, 3.5, 4.0], np.float32)  # what the prior is worth in each
_UNSEEN_TRUST = np.float32(0.5)  # a category never seen trusts the fleet half as much
_USUAL = 3  # the memory that "usual use" means
_SPANS = (1, 2, 4, 7, 14, 28, 56)
_BOXES: Floats = (_AGO[:, None] < np.array(_SPANS)).astype(np.float32)
_WEEKS = 6
_WEEK: Floats = (_AGO[:, None] // 7 == np.arange(_WEEKS)).astype(np.float32)
_WINDOWS: Floats = np.concatenate([_FADING, _BOXES, _WEEK], axis=1)
"""Every window at once, shape (84, 18): one product instead of three."""


@dataclass(frozen=True)
class LevelFeatures:
    """What the networks see.

    Args:
        values: shape (n, k).
        offset: shape (n,), log of the days that the level lasts at the usual use.
        usual: shape (n,), the usual share per day.
        days_known: shape (n,), days whose use is known.
        week_ratio: shape (n,), use of the last seven days over the usual use; 1 where it is not known.
        idle_days: shape (n,), days since there was use worth the name, at most 28.
    """

    values: Floats
    offset: Floats
    usual: Floats
    days_known: Floats
    week_ratio: Floats
    idle_days: Floats

    def rows(self, rows: NDArray[np.bool_]) -> "LevelFeatures":
        """Some of the slots."""
        return LevelFeatures(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def fading_shares(days: Days) -> tuple[Floats, Floats]:
    """Mean share per day and the weight behind it, each of shape (n, 5), for the memories of 2 to 45 days."""
    known = np.isfinite(days.use)
    weight = known.astype(np.float32) @ _FADING
    total = np.where(known, days.use, np.float32(0)) @ _FADING
    return np.where(weight > 0, total / np.maximum(weight, np.float32(1e-6)), np.float32(0)), weight


def level_features(
    days: Days, prior: SharePrior, index: Integers, size: Floats, weekday: Integers
) -> LevelFeatures:
    """Features of n slots.

    Args:
        days: their days.
        prior: what is believed of their categories.
        index: shape (n,), of each category in the prior.
        size: shape (n,), of each container.
        weekday: shape (n,), of the coming day (Monday 0).
    """
    known = np.isfinite(days.use)
    seen = index != UNSEEN
    believed = prior.believed(index, size)
    use = np.where(known, days.use, np.float32(0))
    counts = known.astype(np.float32)
    weights = counts @ _WINDOWS
    shares = (use @ _WINDOWS) / np.maximum(weights, np.float32(1e-6))
    memories = len(_MEMORIES)
    share, weight = shares[:, :memories], weights[:, :memories]
    belief = _BELIEF_DAYS * np.where(seen, np.float32(1), _UNSEEN_TRUST)[:, None]
    prior_share = np.exp(believed)[:, None]
    shrunk = np.maximum((weight * share + belief * prior_share) / (weight + belief), 0.12 * prior_share)
    logs = np.log(shrunk)
    usual_log = logs[:, _USUAL]
    usual = np.exp(usual_log)
    away = np.where(seen, believed - usual_log, _UNSEEN_TRUST * (believed - usual_log))
    offset = np.log(days.left) - usual_log
    relative = np.clip(np.where(known, use / usual[:, None], np.float32(0)), -3, 8)
    days_known = counts.sum(axis=1)
    idle, lumps = _lumps(relative, known, counts, days_known)
    windows = np.where(weights > 0, np.clip(shares / usual[:, None], -2, 5), np.float32(1))[:, memories:]
    columns = [
        offset,
        *(logs[:, k] - usual_log for k in range(len(_MEMORIES)) if k != _USUAL),
        away,
        away / (1 + weight[:, _USUAL]),
        *lumps,
        np.log(days.left),
        np.log(days.left) ** 2,
        np.maximum(offset - np.float32(np.log(25)), 0),
        1 / (2 + days_known),
        np.log1p(days_known),
        days_known < 10,
        _weekday_factor(prior, index, weekday, offset),
        np.sin(2 * np.pi * weekday / 7),
        np.cos(2 * np.pi * weekday / 7),
        days.since_refill < 2,
        np.log1p(np.minimum(days.since_refill, DAYS)),
        _in_days(days.newest - days.left, usual),
        _in_days(days.middle - days.left, usual),
        _in_days(days.before - days.left, usual) / days.before_days,
        np.minimum(days.silent_days, 6),
        np.minimum(days.before_days, 8),
        seen,
    ]
    values = np.column_stack([*columns, windows, relative[:, -7:], counts[:, -3:]]).astype(np.float32)
    week_ratio = windows[:, _SPANS.index(7)]
    return LevelFeatures(values, offset.astype(np.float32), usual, days_known, week_ratio, idle)


def _lumps(
    relative: Floats, known: NDArray[np.bool_], counts: Floats, days_known: Floats
) -> tuple[Floats, list[Floats]]:
    """How unevenly a slot is used: days since it was, spread over six weeks, share of idle days in four."""
    used = known & (relative > 0.3)
    idle = np.where(used.any(axis=1), used[:, ::-1].argmax(axis=1), DAYS).clip(0, 28).astype(np.float32)
    half = DAYS // 2
    squares = np.where(known[:, half:], relative[:, half:] - 1, np.float32(0)) ** 2
    spread = np.sqrt(squares.sum(axis=1) / np.maximum(counts[:, half:].sum(axis=1), 1))
    month = slice(DAYS - 28, DAYS)
    quiet = (known[:, month] & (relative[:, month] < 0.25)).sum(axis=1)
    quiet_share = quiet / np.maximum(counts[:, month].sum(axis=1), 1)
    waited = np.log1p(idle)
    return idle, [waited, waited * (days_known > 21), np.minimum(spread, 6), quiet_share]


def _in_days(share: Floats, usual: Floats) -> Floats:
    """A difference of levels as days of usual use."""
    days: Floats = np.clip(share / usual, -5, 5)
    return days


def _weekday_factor(prior: SharePrior, index: Integers, weekday: Integers, offset: Floats) -> Floats:
    """Log of the weekday profile's mean over the days that the level will last, at most two weeks."""
    profile = prior.weekdays[index]  # UNSEEN is the last row: the fleet's
    ahead = (weekday[:, None] + np.arange(14)) % 7
    running = np.cumsum(np.take_along_axis(profile, ahead, axis=1), axis=1)
    days = np.exp(np.clip(offset, 0, np.log(14))).astype(np.int64)
    mean = running[np.arange(len(index)), days - 1] / days
    return np.log(np.maximum(mean, 0.2)).astype(np.float32)
