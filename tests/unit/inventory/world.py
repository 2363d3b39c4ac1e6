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
DAY = timedelta(days=1)


@dataclass
class World:
    """Truth and readings. `doses` and `refills` are (when, base units)."""

    doses: list[tuple[datetime, int]] = field(default_factory=list)
    refills: list[tuple[datetime, int]] = field(default_factory=list)
    samples: list[LevelSample] = field(default_factory=list)


def simulate(
    seed: int,
    *,
    noise: float = 1.0,
    days: int = 84,
    dose_share: float = 0.035,
    doses_per_day: float = 1.2,
    step: timedelta = timedelta(hours=1),
    creep_share_per_day: float = 0.0002,
) -> World:
    """A household that doses by day and refills when little is left: to the brim, in part, or by swapping."""
    chance = random.Random(seed)
    world = World()
    level, creep, away = 0.9, 0.0, 0
    hour = timedelta(hours=1)
    for n in range(int(days * DAY / step)):
        at = START + n * step
        creep += creep_share_per_day * (step / DAY)
        in_day = 7 <= at.hour < 22
        if away == 0 and in_day and chance.random() < doses_per_day * (step / DAY) * 24 / 15:
            amount = min(level, dose_share * chance.uniform(0.7, 1.3))
            if amount > 0.005:
                level -= amount
                world.doses.append((at, round(amount * CAPACITY)))
        if away == 0 and level < 0.2 and in_day and chance.random() < 0.15:
            kind = chance.choice(["full", "part", "swap"])
            into = chance.uniform(0.15, 0.6) if kind == "part" else 1.0 - level
            if kind == "swap":
                away = max(1, round(chance.randint(1, 3) * hour / step))
            level += into
            world.refills.append((at + away * step, round(into * CAPACITY)))
        elif away == 0 and chance.random() < (step / DAY) / 5:  # lifted every five days, for some hours
            away = max(1, round(chance.randint(1, 4) * hour / step))
        reading = level + creep + SWING_SHARE * noise * math.sin(2 * math.pi * (n * (step / DAY)))
        reading += chance.gauss(0, NOISE_SHARE * noise)
        if away:
            reading, away = max(0.0, chance.gauss(0.002, 0.003)), away - 1
        elif chance.random() < 0.01:  # a hand, a foot, a bit that fell over
            reading = chance.uniform(0.0, 1.2)
        number = round(max(0.0, reading) * CAPACITY)
        world.samples.append(LevelSample(at, "0000000a", n, number, good=True))
    return world


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
