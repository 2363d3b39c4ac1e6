"""Simulated households' level telemetry: use, containers, refills, sensors, and the day all was used up.

Everything here is invented by a seeded generator; no household's data is in it. How strongly use drifts
follows what is published of measured households: the SD of log(next/previous) use over 7 and 28 days is
.43/.34 for dishwashers, .56/.32 for washing machines, .36/.41 for kettles and .23/.20 for tap water
(docs/forecast.md).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device_sim.kinds import KINDS, Kind

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

STEPS_PER_DAY = 4
WINDOW_DAYS = 84
HORIZON_DAYS = 84
_DAY_PARTS = np.array([0.05, 0.30, 0.30, 0.35])  # of a day's use: night, morning, afternoon, evening
_SLOTS_PER_HOUSEHOLD = 3
_DOSE_SHAPE = 4.0  # gamma; a dose varies by half its mean
_TOP_UP_PER_STEP = 0.001
_DAYS_BETWEEN_ROWS = 21
_LEAST_LEVEL = 0.02  # under this a row asks nothing


@dataclass(frozen=True)
class Sensor:
    """What a sensor does to a level, in shares of the container.

    Args:
        noise: SD of white noise.
        resolution: smallest step.
        slosh: how often a reading is an outlier.
        lifted: how often the container is off the sensor, which then reads zero.
        drift: amplitude over a day.
        gain: SD of a relative error of each reading.
    """

    noise: float
    resolution: float
    slosh: float
    lifted: float
    drift: float
    gain: float


SENSORS = (
    Sensor(0.006, 0.002, 0.02, 0.006, 0.004, 0.02),  # scale
    Sensor(0.012, 0.010, 0.05, 0.002, 0.006, 0.02),  # ultrasonic
    Sensor(0.001, 0.001, 0.00, 0.000, 0.000, 0.00),  # flow meter
)
_SENSOR_SHARES = (0.45, 0.40, 0.15)


@dataclass(frozen=True)
class Habits:
    """How much simulated households differ and change; SDs are of logarithms.

    Args:
        household: SD of the mean use between households.
        slow: usual SD of the drift whose memory is `slow_days`.
        slow_days: range of that memory, in days.
        fast: usual SD of the drift whose memory is four days.
        change_every_days: mean days between changes of habit.
        change: SD of a change.
        away_every_days: mean days between absences.
        away_days: mean length of an absence beyond two days.
    """

    household: float = 0.45
    slow: float = 0.25
    slow_days: tuple[float, float] = (20.0, 100.0)
    fast: float = 0.05
    change_every_days: float = 400.0
    change: float = 0.3
    away_every_days: float = 200.0
    away_days: float = 7.0


@dataclass(frozen=True)
class LevelHistories:
    """Rows from old to new within each slot.

    Args:
        levels: shape (n, 336), share of the container in each quarter-day, newest last; NaN where silent.
        category: shape (n,).
        weekday: shape (n,), of the coming day (Monday 0).
        days: shape (n,), until what was in the container was used up, at most 84.
        household: shape (n,).
        slot: shape (n,).
    """

    levels: NDArray[np.float32]
    category: NDArray[np.str_]
    weekday: Integers
    days: NDArray[np.float32]
    household: NDArray[np.str_]
    slot: NDArray[np.str_]


def simulate_levels(
    slots: int, seed: int, kinds: tuple[Kind, ...] = KINDS, habits: Habits = Habits(), watched_days: int = 147
) -> LevelHistories:  # fmt: skip
    """Simulate slots, each seen every three weeks.

    Args:
        slots: how many.
        seed: the same seed gives the same households.
        kinds: what they use, in turn.
        habits: how they do it.
        watched_days: for how long rows are taken; the first falls in a slot's first two weeks.
    """
    chance = np.random.default_rng(seed)
    kind = np.arange(slots) % len(kinds)
    total = watched_days + HORIZON_DAYS + 1
    monday = chance.integers(0, 7, slots)
    demand = _demand(kinds, kind, monday, total, habits, chance)
    level = _levels(demand, chance)
    seen = _observe(level, chance)
    used = np.concatenate([np.zeros((slots, 1)), np.cumsum(demand, axis=1)], axis=1)
    first_day = chance.integers(4, 15, slots)
    rows = []
    for turn in range(watched_days // _DAYS_BETWEEN_ROWS):
        day = first_day + turn * _DAYS_BETWEEN_ROWS
        rows.append(_rows(day, level, seen, used))
    slot = np.concatenate([row[0] for row in rows])
    order = np.argsort(slot, kind="stable")
    slot = slot[order]
    day = np.concatenate([row[1] for row in rows])[order]
    names = np.array([kinds[k].name for k in kind])
    return LevelHistories(
        levels=np.concatenate([row[2] for row in rows])[order],
        category=names[slot],
        weekday=(monday[slot] + day) % 7,
        days=np.concatenate([row[3] for row in rows])[order],
        household=np.array([f"home-{s // _SLOTS_PER_HOUSEHOLD}" for s in slot]),
        slot=np.array([f"slot-{s}" for s in slot]),
    )


def _rows(
    day: Integers, level: Floats, seen: NDArray[np.float32], used: Floats
) -> tuple[Integers, Integers, NDArray[np.float32], NDArray[np.float32]]:
    """What is known at the end of `day - 1`, and what came true: slots, days, grids, days to empty."""
    last = day * STEPS_PER_DAY - 1
    every = np.arange(len(day))
    left = level[every, last]
    slot = np.flatnonzero(left > _LEAST_LEVEL)
    at = last[slot, None] + np.arange(1 - WINDOW_DAYS * STEPS_PER_DAY, 1)
    grid = np.where(at >= 0, seen[slot[:, None], np.maximum(at, 0)], np.float32(np.nan))
    steps = np.array([np.searchsorted(used[s], used[s, last[s] + 1] + left[s]) - last[s] - 1 for s in slot])
    days = np.clip(steps / STEPS_PER_DAY, 0.25, HORIZON_DAYS)
    return slot, day[slot], grid, days.astype(np.float32)


def _demand(
    kinds: tuple[Kind, ...],
    kind: Integers,
    monday: Integers,
    days: int,
    habits: Habits,
    chance: np.random.Generator,
) -> Floats:
    """Shape (n, days * 4): use in each quarter-day, as a share of the container."""
    n = len(kind)
    median = np.array([k.container_days for k in kinds])[kind]
    lasts = np.clip(median * np.exp(habits.household * chance.standard_normal(n)), 6, 110)
    doses = np.array([k.doses_per_day for k in kinds])[kind] * np.exp(0.3 * chance.standard_normal(n))
    weekend = np.array([k.weekend for k in kinds])[kind] * np.exp(0.15 * chance.standard_normal(n))
    free = ((monday[:, None] + np.arange(days)) % 7) >= 5
    week = np.where(free, weekend[:, None], 1.0)
    week /= (5 + 2 * weekend[:, None]) / 7
    pace = np.exp(_drift(n, days, habits, chance)) * week * _presence(n, days, habits, chance)
    pace = np.repeat(pace, STEPS_PER_DAY, axis=1) * np.tile(_DAY_PARTS, days)
    regular = np.array([k.regular for k in kinds])[kind][:, None]
    ticks = np.cumsum(chance.poisson(pace * doses[:, None] * regular), axis=1)
    ticks += chance.integers(0, regular, (n, 1))
    counts = np.diff(ticks // regular, axis=1, prepend=0)
    amounts = np.where(counts > 0, chance.gamma(np.maximum(counts, 1) * _DOSE_SHAPE) / _DOSE_SHAPE, 0.0)
    result: Floats = amounts / (lasts * doses)[:, None]
    return result


def _drift(n: int, days: int, habits: Habits, chance: np.random.Generator) -> Floats:
    """Shape (n, days): log of the pace: two memories, and steps where a habit changes."""
    slow_sd = habits.slow * np.exp(0.4 * chance.standard_normal(n))
    fast_sd = habits.fast * np.exp(0.4 * chance.standard_normal(n))
    keep = np.exp(-1 / chance.uniform(*habits.slow_days, n))
    keep_fast = np.exp(-1 / 4.0)
    slow, fast = chance.standard_normal(n), chance.standard_normal(n)
    out = np.empty((n, days))
    for day in range(days):
        slow = keep * slow + np.sqrt(1 - keep**2) * chance.standard_normal(n)
        fast = keep_fast * fast + np.sqrt(1 - keep_fast**2) * chance.standard_normal(n)
        out[:, day] = slow_sd * slow + fast_sd * fast
    steps = (chance.random((n, days)) < 1 / habits.change_every_days) * chance.standard_normal((n, days))
    result: Floats = out + habits.change * np.cumsum(steps, axis=1)
    return result


def _presence(n: int, days: int, habits: Habits, chance: np.random.Generator) -> Floats:
    """Shape (n, days): 0 while a household is away; its slots rest together."""
    homes = -(-n // _SLOTS_PER_HOUSEHOLD)
    away = spells(homes, days, habits.away_every_days, 2 + habits.away_days, chance)
    return np.where(np.repeat(away, _SLOTS_PER_HOUSEHOLD, axis=0)[:n], 0.0, 1.0)


def spells(n: int, steps: int, every: float, mean: float, chance: np.random.Generator) -> NDArray[np.bool_]:
    """Shape (n, steps): spells that begin on average once in `every` steps and last `mean` on average."""
    starts = chance.random((n, steps)) < 1 / every
    length = np.ceil(chance.exponential(mean, (n, steps)))
    ends = np.maximum.accumulate(np.where(starts, np.arange(steps) + length, 0), axis=1)
    result: NDArray[np.bool_] = ends > np.arange(steps)
    return result


def _levels(demand: Floats, chance: np.random.Generator) -> Floats:
    """Shape (n, steps): the level after each step; refilled at 0 to 30 % left, sometimes late or by half."""
    n, steps = demand.shape
    half = np.where(chance.random(n) < 0.2, 0.5, 1.0)
    top_up = chance.random((n, steps)) < _TOP_UP_PER_STEP
    level = np.asarray(chance.uniform(0.2, 1.0, n))
    refill_at = np.asarray(chance.uniform(0, 0.3, n))
    wait = np.zeros(n, np.int64)
    out = np.empty((n, steps))
    for step in range(steps):
        level = np.maximum(level - demand[:, step], 0)
        fill = ((level <= refill_at) & (wait <= 0)) | top_up[:, step]
        wait = np.where(level <= refill_at, wait - 1, wait)
        level = np.where(fill, np.minimum(level + half, 1.02), level)
        late = np.where(chance.random(n) < 0.15, chance.integers(1, 16, n), 0)
        wait = np.where(fill, late, wait)
        refill_at = np.where(fill, chance.uniform(0, 0.3, n), refill_at)
        out[:, step] = level
    return out


def _observe(level: Floats, chance: np.random.Generator) -> NDArray[np.float32]:
    """What the sensors say: shape as `level`, NaN where nothing arrived."""
    n, steps = level.shape
    which = chance.choice(len(SENSORS), n, p=_SENSOR_SHARES)

    def of(field: str) -> Floats:
        values: Floats = np.array([float(getattr(sensor, field)) for sensor in SENSORS])[which][:, None]
        return values

    phase = np.arange(steps) / STEPS_PER_DAY + chance.random((n, 1))
    seen = level * (1 + of("gain") * chance.standard_normal((n, steps)))
    seen += of("drift") * np.sin(2 * np.pi * phase) + of("noise") * chance.standard_normal((n, steps))
    seen += np.where(chance.random((n, steps)) < of("slosh"), 0.15 * chance.standard_t(3, (n, steps)), 0.0)
    seen = np.where(chance.random((n, steps)) < of("lifted"), 0.0, seen)
    seen = np.clip(np.round(seen / of("resolution")) * of("resolution"), 0, 1.3)
    lost = chance.random((n, steps)) < 0.03
    lost |= spells(n, steps, 45.0 * STEPS_PER_DAY, 1.5 * STEPS_PER_DAY, chance)
    return np.where(lost, np.nan, seen).astype(np.float32)
