"""PURE: absence is not zero: when a level near nothing is a container that was lifted off its sensor.

A level at or under 1.5 % that follows one over 15 % is believed only once readings near nothing span a whole
day; until then, and for ever when the level comes back sooner, it is unknown. Whoever used the last sixth at
once is therefore noticed a day late, and nobody gets an order because the container stood in the sink.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from replenish_server.inventory.days import BINS_PER_DAY

TEN_THOUSANDTHS = 10_000
UNKNOWN = -1
NOTHING = 150  # ten-thousandths: what an empty sensor may still show
PLENTY = 1500  # ten-thousandths: more than anybody uses between two readings and then leaves empty
_WHOLE_DAY = timedelta(days=1)


def to_ten_thousandths(level: int, capacity: int) -> int:
    """A level as ten-thousandths of the container, rounded half up; both in base units, capacity positive."""
    return (level * TEN_THOUSANDTHS + capacity // 2) // capacity


def lifted(levels: Sequence[tuple[datetime, int]]) -> list[bool]:
    """Which of one slot's levels are a lifted container.

    Args:
        levels: (when, ten-thousandths of the container) of every plausible reading, oldest first.
    """
    absent = [False] * len(levels)
    start = 0  # of the run near nothing that is being read
    before: int | None = None
    for i, (_, level) in enumerate(levels):
        if level > NOTHING:
            before, start = level, i + 1
            continue
        ends = i + 1 == len(levels) or levels[i + 1][1] > NOTHING
        if ends and before is not None and before > PLENTY:
            moments = [at for at, _ in levels[start : i + 1]]
            if max(moments) - min(moments) < _WHOLE_DAY:
                absent[start : i + 1] = [True] * (i + 1 - start)
    return absent


def visible_shares(bins: NDArray[np.int16]) -> NDArray[np.float32]:
    """Shares of the container in n slots' quarter-days, a lifted container being NaN as the unknown is.

    Args:
        bins: shape (n, width), ten-thousandths of the container in each quarter-day, oldest first,
            -1 where nothing good was read.
    """
    width = bins.shape[1]
    column = np.arange(width, dtype=np.intp)
    low = (bins >= 0) & (bins <= NOTHING)
    high = bins > NOTHING
    last_high = np.maximum.accumulate(np.where(high, column, -1), axis=1)
    next_high = np.minimum.accumulate(np.where(high, column, width)[:, ::-1], axis=1)[:, ::-1]
    last_low = np.maximum.accumulate(np.where(low, column, -1), axis=1)
    next_low = np.minimum.accumulate(np.where(low, column, width)[:, ::-1], axis=1)[:, ::-1]
    # Within a run near nothing, its first reading is the next low one after the last high one, and so on.
    first = np.take_along_axis(next_low, np.clip(last_high + 1, 0, width - 1), axis=1)
    final = np.take_along_axis(last_low, np.clip(next_high - 1, 0, width - 1), axis=1)
    before = np.take_along_axis(bins, np.maximum(last_high, 0), axis=1)
    plenty = (last_high >= 0) & (before > PLENTY)
    absent = low & plenty & (final - first < BINS_PER_DAY)
    shares: NDArray[np.float32] = np.where(absent | (bins < 0), np.nan, bins / np.float32(TEN_THOUSANDTHS))
    return shares.astype(np.float32)
