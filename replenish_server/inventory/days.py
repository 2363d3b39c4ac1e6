"""PURE (numpy): a fleet's level telemetry as days: what was left, what was used, when it was refilled.

A slot's telemetry is a grid of 84 days times four quarter-days, each the last good level in it as a share of
the container. The grid is a function of the readings alone, so late, repeated and reordered readings give
the same days. All slots of a batch are read at once; nothing here is a loop over slots or days.

Source: docs/forecast.md, section "From readings to days".
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from replenish_server.inventory.grid import BINS_PER_DAY, DAYS

Floats = NDArray[np.float32]

REFILL_SHARE = 0.07  # a rise of less is drift or a nudge
REFILL_STAYS = 0.6  # of the rise must still be there the day after
HIGH_DAY_SHARE = 0.06  # a day this far above both its neighbours is a hand on the lid
LOW_DAY_SHARE = 0.10  # this far below both: the container was lifted
SUDDEN_DROP_SHARE = 0.15  # of the container within a day: believed only when it survives a day
EMPTY_SHARE = 0.015  # at or under this, what was wanted cannot be seen any more
LEAST_LEVEL = 0.004
MOST_LEVEL = 1.3  # a heaped container; more is not stock
_RECENT_BINS = 40
_RECENT_DAYS = 30


@dataclass(frozen=True)
class Days:
    """What n slots' telemetry says. Shares are of the slot's container; days run from oldest to newest.

    Args:
        use: shape (n, 84), share used per day; NaN where nobody can know: before the first reading, on
            the day of a refill, and while the container was empty.
        left: shape (n,), the level now.
        newest: shape (n,), the newest reading.
        middle: shape (n,), the median of the three newest readings.
        before: shape (n,), the level of the last day before today that has readings.
        silent_days: shape (n,), days since the newest reading, at most 10.
        before_days: shape (n,), how many days ago `before` was.
        since_refill: shape (n,), whole days since the last refill; 85 when none was seen.
    """

    use: Floats
    left: Floats
    newest: Floats
    middle: Floats
    before: Floats
    silent_days: Floats
    before_days: Floats
    since_refill: Floats


def read_days(levels: Floats) -> Days:
    """Read n slots' grids.

    Args:
        levels: shape (n, 336), level as a share of the container in each quarter-day, newest last; NaN
            where no good reading fell into it.
    """
    n = len(levels)
    level = _day_medians(np.asarray(levels, np.float32).reshape(n, DAYS, BINS_PER_DAY))
    known = np.isfinite(level)
    at = np.where(known, np.arange(DAYS, dtype=np.intp), -1)
    last = np.maximum.accumulate(at, axis=1)  # newest known day up to each day
    earlier = np.concatenate([np.full((n, 1), -1, np.intp), last[:, :-1]], axis=1)
    starts = np.arange(n, dtype=np.intp)[:, None] * (DAYS + 1)
    level = _without_lone_days(level, _padded(level)[earlier + starts])
    at = np.where(known, np.arange(DAYS, dtype=np.intp), DAYS)
    later = np.minimum.accumulate(at[:, ::-1], axis=1)[:, ::-1]  # oldest known day from each day on
    padded = _padded(level)
    before, after = padded[earlier + starts], padded[later + starts]
    with np.errstate(invalid="ignore"):
        drop = before - after
        day_after = padded[np.minimum(later + 1, DAYS) + starts]
        stays = ~np.isfinite(day_after) | (day_after - before > REFILL_STAYS * REFILL_SHARE)
        refill = (drop < -REFILL_SHARE) & stays
        hidden = refill | (before <= EMPTY_SHARE)
        use = np.where(hidden, np.float32(np.nan), drop / (later - earlier)).astype(np.float32)
    refilled_at = np.where(refill & known, np.arange(DAYS), -1).max(axis=1)
    since = np.where(refilled_at >= 0, DAYS - 1 - refilled_at, DAYS + 1).astype(np.float32)
    return _with_newest(levels, level, last[:, -1], use, since)


def _padded(level: Floats) -> Floats:
    """The days of all slots in one row, with a NaN behind each slot: columns -1 and 84 are unknown."""
    padded = np.full((len(level), DAYS + 1), np.nan, np.float32)
    padded[:, :DAYS] = level
    return padded.reshape(-1)


def _day_medians(bins: Floats) -> Floats:
    """The median of each day's readings, by a sorting network of four; NaN for a day without any."""
    columns = [np.ascontiguousarray(bins[:, :, k]) for k in range(BINS_PER_DAY)]
    finite = [np.isfinite(column) for column in columns]
    count = sum(f.astype(np.int8) for f in finite)
    a, b, c, d = (np.where(f, v, np.float32(np.inf)) for f, v in zip(finite, columns, strict=True))
    low_1, high_1 = np.minimum(a, b), np.maximum(a, b)
    low_2, high_2 = np.minimum(c, d), np.maximum(c, d)
    first = np.minimum(low_1, low_2)
    middle_1, middle_2 = np.maximum(low_1, low_2), np.minimum(high_1, high_2)
    second, third = np.minimum(middle_1, middle_2), np.maximum(middle_1, middle_2)
    upper = np.where(count == 4, third, second)
    lower = np.where(count >= 3, second, first)
    upper = np.where(count == 1, first, upper)
    with np.errstate(invalid="ignore"):
        middle: Floats = np.where(count > 0, (lower + upper) * np.float32(0.5), np.float32(np.nan))
    return middle


def _without_lone_days(level: Floats, before: Floats) -> Floats:
    """Replace a day that both its neighbours contradict."""
    after = np.full_like(level, np.nan)
    after[:, :-1] = level[:, 1:]
    with np.errstate(invalid="ignore"):
        high = level - np.maximum(before, after) > HIGH_DAY_SHARE  # NaN neighbours compare false
        low = np.minimum(before, after) - level > LOW_DAY_SHARE
        lone = high | low
        lone[:, 1:] &= ~lone[:, :-1]  # the neighbour was the odd one
        falling = after <= before + 0.02
    middle = (before + after) * np.float32(0.5)
    nearer = np.where(high, np.maximum(before, after), np.minimum(before, after))
    return np.where(lone, np.where(falling, middle, nearer), level)


def _with_newest(levels: Floats, level: Floats, last: NDArray[np.intp], use: Floats, since: Floats) -> Days:
    """The level now from the newest readings, and a sudden drop that has not yet survived a day limited."""
    n = len(levels)
    recent = np.ascontiguousarray(levels[:, : -_RECENT_BINS - 1 : -1], np.float32)
    seen = np.isfinite(recent)
    rank = np.cumsum(seen, axis=1, dtype=np.int8)
    total = rank[:, -1]
    values = np.where(seen, recent, np.float32(0))
    one, two, three = (np.where((rank == k) & seen, values, 0).sum(axis=1) for k in (1, 2, 3))
    two = np.where(total > 1, two, one)
    three = np.where(total > 2, three, two)
    middle = np.maximum(np.minimum(one, two), np.minimum(np.maximum(one, two), three))
    silent = np.where(total > 0, seen.argmax(axis=1), _RECENT_BINS) / BINS_PER_DAY
    earlier = level[:, DAYS - 2 : DAYS - 2 - _RECENT_DAYS : -1]
    known = np.isfinite(earlier)
    some = known.any(axis=1)
    ago = known.argmax(axis=1)
    before = np.where(some, earlier[np.arange(n), ago], np.float32(np.nan))
    left = middle.copy()
    with np.errstate(invalid="ignore"):
        left = np.where((since > 0) & (left < before - SUDDEN_DROP_SHARE), before - SUDDEN_DROP_SHARE, left)
    left = np.where(since == 0, np.maximum(one, two), left)  # refilled today: the higher of the newest two
    oldest_known = np.where(last >= 0, level[np.arange(n), np.maximum(last, 0)], np.float32(0.5))
    left = np.clip(np.where(total > 0, left, oldest_known), LEAST_LEVEL, MOST_LEVEL)
    return Days(
        use=use,
        left=left,
        newest=np.where(total > 0, one, left),
        middle=np.where(total > 0, middle, left),
        before=np.where(some, before, left),
        silent_days=silent.astype(np.float32),
        before_days=np.where(some, ago + 1, _RECENT_DAYS).astype(np.float32),
        since_refill=since,
    )
