"""A simulated container: what really happened to it, and what a noisy sensor under it said."""

import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from replenish_server.inventory import LevelSample

START = datetime(2026, 3, 1, tzinfo=UTC)
CAPACITY = 2_000_000
NOISE_SHARE = 0.003  # standard deviation of one reading at noise x1
SWING_SHARE = 0.006  # half the daily swing at noise x1
VIBRATION_SHARE = 0.02  # standard deviation of a reading while a machine runs below the container
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@dataclass
class World:
    """Truth and readings. `doses` and `refills` are (when, base units), `levels` what was there when."""

    doses: list[tuple[datetime, int]] = field(default_factory=list)
    refills: list[tuple[datetime, int]] = field(default_factory=list)
    samples: list[LevelSample] = field(default_factory=list)
    levels: list[tuple[datetime, int]] = field(default_factory=list)


def simulate(
    seed: int,
    *,
    noise: float = 1.0,
    days: int = 84,
    dose_share: float = 0.035,
    doses_per_day: float = 1.2,
    step: timedelta = HOUR,
    creep_share_per_day: float = 0.0002,
    swing: float | None = None,
    refill_kinds: tuple[str, ...] = ("full", "part", "swap"),
    days_between_lifts: float | None = 5.0,
    outliers: float = 0.01,
    vibration_hours: float = 0.0,
) -> World:
    """A household that doses by day and refills when little is left: to the brim, in part, or by swapping.

    Args:
        seed: the same seed gives the same household.
        noise: of each reading, in `NOISE_SHARE`.
        days: how long it is watched.
        dose_share: mean share of the container in a dose; 30 % more or less each time.
        doses_per_day: mean number of doses between 7 and 22 o'clock.
        step: between two readings.
        creep_share_per_day: by how much the sensor's zero moves.
        swing: daily swing with the temperature, in `SWING_SHARE`; as much as `noise` when None.
        refill_kinds: what refills there are: "full", "part", "swap".
        days_between_lifts: mean days between times when the container is off the sensor; None for never.
        outliers: share of readings that say anything.
        vibration_hours: for how long after a dose readings are shaken.
    """
    chance, shaking = random.Random(seed), random.Random(seed + 1_000_000)
    world = World()
    level, creep, away = 0.9, 0.0, 0
    swing = noise if swing is None else swing
    shaken_until = START
    for n in range(int(days * DAY / step)):
        at = START + n * step
        creep += creep_share_per_day * (step / DAY)
        in_day = 7 <= at.hour < 22
        if away == 0 and in_day and chance.random() < doses_per_day * (step / DAY) * 24 / 15:
            amount = min(level, dose_share * chance.uniform(0.7, 1.3))
            if amount > 0.005:
                level -= amount
                shaken_until = at + vibration_hours * HOUR
                world.doses.append((at, round(amount * CAPACITY)))
        if away == 0 and level < 0.2 and in_day and chance.random() < 0.15:
            kind = chance.choice(refill_kinds)
            into = chance.uniform(0.15, 0.6) if kind == "part" else 1.0 - level
            if kind == "swap":
                away = max(1, round(chance.randint(1, 3) * HOUR / step))
            level += into
            world.refills.append((at + away * step, round(into * CAPACITY)))
        elif away == 0 and days_between_lifts and chance.random() < (step / DAY) / days_between_lifts:
            away = max(1, round(chance.randint(1, 4) * HOUR / step))
        reading = level + creep + SWING_SHARE * swing * math.sin(2 * math.pi * (n * (step / DAY)))
        reading += chance.gauss(0, NOISE_SHARE * noise)
        if at < shaken_until:
            reading += shaking.gauss(0, VIBRATION_SHARE)
        if away:
            reading, away = max(0.0, chance.gauss(0.002, 0.003)), away - 1
        elif chance.random() < outliers:  # a hand, a foot, a bit that fell over
            reading = chance.uniform(0.0, 1.2)
        number = round(max(0.0, reading) * CAPACITY)
        world.samples.append(LevelSample(at, "0000000a", n, number, good=True))
        world.levels.append((at, round(level * CAPACITY)))
    return world


def reported(samples: list[LevelSample], step_share: float = 0.01) -> list[LevelSample]:
    """What a battery device would send of its readings: changes of a hundredth, and one a day.

    Source: firmware/core/policy.py; 20 g of 2 kg are a hundredth.
    """
    kept: list[LevelSample] = []
    confirming = False
    for sample in samples:
        last = kept[-1] if kept else None
        if last is None or last.level is None or sample.level is None:
            kept.append(sample)
            continue
        change = sample.level - last.level
        if confirming or abs(change) >= step_share * CAPACITY or sample.at - last.at >= DAY:
            confirming = change >= step_share * CAPACITY
            kept.append(sample)
    return kept


def as_they_arrive(samples: list[LevelSample], chance: random.Random) -> list[LevelSample]:
    """The same readings late, repeated and out of order."""
    arrived = samples + [sample for sample in samples if chance.random() < 0.3]
    chance.shuffle(arrived)
    return arrived


def matched(
    truth: list[tuple[datetime, int]], seen: list[tuple[datetime, int]], within: timedelta
) -> tuple[int, int]:
    """(found, false): each true event takes the nearest seen one of its size, once."""
    left = list(seen)
    found = 0
    for at, amount in truth:
        near = [
            (abs(when - at), when, size)
            for when, size in left
            if abs(when - at) <= within and 0.5 <= size / amount <= 2
        ]
        if near:
            _, when, size = min(near)
            left.remove((when, size))
            found += 1
    return found, len(left)
