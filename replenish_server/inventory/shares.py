"""PURE (numpy): slots' quarter-days as shares of their containers, as a forecast reads them."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from replenish_server.inventory.absence import NOTHING, PLENTY, TEN_THOUSANDTHS
from replenish_server.inventory.grid import BINS, BINS_PER_DAY, LevelGrid


def fleet_shares(grids: Sequence[LevelGrid], at: datetime) -> NDArray[np.float32]:
    """Shape (n, 336): n slots' shares up to the quarter-day of one moment, as `days.read_days` takes them.

    Args:
        grids: at least one, none of which ends after `at`.
        at: the moment.
    """
    bins = b"".join(grid.moved_to(at).bins for grid in grids)
    return visible_shares(np.frombuffer(bins, "<i2").reshape(len(grids), BINS))


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
