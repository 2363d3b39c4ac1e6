"""PURE (numpy): a slot's whole recording as quarter-days, for looking back over more than a grid holds."""

from collections.abc import Iterable
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from replenish_server.inventory.absence import UNKNOWN
from replenish_server.inventory.grid import BINS_PER_DAY, bin_at, newest_levels
from replenish_server.inventory.levels import LevelSample
from replenish_server.inventory.shares import visible_shares


def long_shares(
    samples: Iterable[LevelSample], capacity: int, at: datetime
) -> tuple[NDArray[np.float32], int]:
    """Shares of the container in every quarter-day of whole days, and where they begin.

    Args:
        samples: readings in any order.
        capacity: base units of a full container, positive.
        at: the moment at which the recording ends; its own day is left out.

    Returns:
        Shape (k,), oldest first, NaN where unknown or lifted, empty when nothing good was read; and the first
        quarter-day, by `grid.bin_at`.
    """
    end = bin_at(at) // BINS_PER_DAY * BINS_PER_DAY
    levels = {number: level for number, level in newest_levels(samples, capacity).items() if number < end}
    first = min(levels, default=end) // BINS_PER_DAY * BINS_PER_DAY
    if first == end:
        return np.zeros(0, np.float32), first
    bins = np.full((1, end - first), UNKNOWN, np.int16)
    for number, level in levels.items():
        bins[0, number - first] = level
    return visible_shares(bins)[0], first
