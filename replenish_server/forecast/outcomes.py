"""PURE (numpy): past moments of recorded slots, each with how long the level then lasted.

What came true is counted, not observed: a household refills before it is empty, so the days are those after
which its later use had reached the level. A day whose use nobody knows counts with the mean of the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from replenish_server.forecast.level_model import HORIZON_DAYS, LevelBatch, LevelOutcomes
from replenish_server.inventory.days import read_days
from replenish_server.inventory.grid import BINS, BINS_PER_DAY, DAYS

Floats = NDArray[np.float32]

EVERY_DAYS = 7
_LEAST_PAST_DAYS = 4
_LEAST_KNOWN_AFTER = DAYS // 2
_LEAST_LEFT = 0.02  # an emptier container says nothing about its use


@dataclass(frozen=True)
class Recorded:
    """One slot's whole recording.

    Args:
        slot: its name.
        household: whose.
        category: kind of consumable.
        size: of its container, as in `LevelBatch`.
        levels: shape (k,), a share in each quarter-day, oldest first, NaN where unknown; k divides by four.
        weekday: of the first day (Monday 0).
    """

    slot: str
    household: str
    category: str
    size: float
    levels: Floats
    weekday: int


def outcomes_of(recordings: Sequence[Recorded]) -> LevelOutcomes | None:
    """Every seventh day of every recording that was followed for 84 days, or None when there is none."""
    before, after, kept = [], [], []
    for recorded in recordings:
        total = len(recorded.levels) // BINS_PER_DAY
        for day in range(_LEAST_PAST_DAYS, total - DAYS + 1, EVERY_DAYS):
            end = day * BINS_PER_DAY
            window = np.full(BINS, np.nan, np.float32)
            past = recorded.levels[max(0, end - BINS) : end]
            window[BINS - len(past) :] = past
            before.append(window)
            after.append(recorded.levels[end : end + BINS])
            kept.append((recorded, (recorded.weekday + day) % 7))
    if not kept:
        return None
    then, later = read_days(np.array(before, np.float32)), read_days(np.array(after, np.float32))
    lasted, known = _lasted(then.left, later.use)
    seen = np.isfinite(np.array(before)).any(axis=1)
    good = seen & known & (then.left > _LEAST_LEFT)
    if not good.any():
        return None
    batch = LevelBatch(
        np.array(before, np.float32)[good],
        np.array([recorded.category for recorded, _ in kept])[good],
        np.array([recorded.size for recorded, _ in kept], np.float32)[good],
        np.array([weekday for _, weekday in kept], np.int64)[good],
    )
    return LevelOutcomes(
        batch,
        lasted[good],
        np.array([recorded.household for recorded, _ in kept])[good],
        np.array([recorded.slot for recorded, _ in kept])[good],
    )


def _lasted(left: Floats, use: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Days until the use after each moment reached the level, cut at the horizon; and whether it is known."""
    known = np.isfinite(use)
    counts = known.sum(axis=1)
    mean = np.where(known, use, 0).sum(axis=1) / np.maximum(counts, 1)
    filled = np.where(known, use, mean[:, None])
    gone = np.maximum.accumulate(np.cumsum(filled, axis=1), axis=1)
    reached = gone >= left[:, None]
    day = reached.argmax(axis=1)
    rows = np.arange(len(left))
    earlier = np.where(day > 0, gone[rows, np.maximum(day - 1, 0)], 0)
    share = np.clip((left - earlier) / np.maximum(gone[rows, day] - earlier, 1e-9), 0, 1)
    lasted = np.where(reached.any(axis=1), day + share, HORIZON_DAYS)
    return np.clip(lasted, 0.25, HORIZON_DAYS).astype(np.float32), counts >= _LEAST_KNOWN_AFTER
