"""A random schedule: a stream of readings and presses while something is killed at random moments."""

import asyncio
import contextlib
import random
import signal
from dataclasses import dataclass

import pytest

from device_sim.fleet import SimDevice
from tests.support.books import Books, Watch
from tests.support.mortal_house import MortalHouse

STREAM_S = 2.0
PATIENCE_S = 120.0  # two cores that others load, too: slow is not stuck
LOW_G = (200, 290)
FULL_G = (900, 1400)


@dataclass(frozen=True)
class Deaths:
    """What dies in a schedule.

    Args:
        parts: which parts may be killed.
        signals: how.
        most: at most how many deaths.
    """

    parts: tuple[str, ...]
    signals: tuple[int, ...] = (signal.SIGKILL,)
    most: int = 3


@dataclass
class Tally:
    """What the schedules of a file really did: a law that killed and ordered nothing proves nothing."""

    schedules: int = 0
    stored: int = 0
    placed: int = 0
    deaths: int = 0
    looks: int = 0

    def run(self, house: MortalHouse, seeds: list[int], deaths: Deaths) -> None:
        """Run these schedules at the same time in one house, check the laws, and add up."""
        for seed in seeds:
            print(f"seed {seed}: replay this schedule alone with REPLENISH_SEED={seed}")
        lives = [_Life(house, seed, deaths) for seed in seeds]
        with Watch(house.database.url) as watch:
            asyncio.run(_live_all(lives))
        assert watch.broken == []
        self.looks += watch.looks
        for life in lives:
            self.schedules += 1
            stored, placed = life.books.check()
            self.stored += stored
            self.placed += placed
            self.deaths += life.killed

    def check(self, schedules: int) -> None:
        """Enough happened among those that ran in this process; prints the sums."""
        print(self)
        assert self.schedules in (0, 1, schedules)  # none or one: somebody replays a single schedule
        assert self.deaths >= self.schedules
        assert self.stored >= self.schedules * 10
        assert self.placed >= self.schedules
        assert self.looks >= self.schedules * 10


class _Life:
    """One schedule: three devices of its own, and its own fate for the house that it shares."""

    def __init__(self, house: MortalHouse, seed: int, deaths: Deaths) -> None:
        self.house, self.deaths, self.killed = house, deaths, 0
        self.rng = random.Random(seed)
        tag = f"{seed}-{self.rng.getrandbits(16):04x}"
        made = [house.add("button", f"button-{tag}", self._seed())]
        made += [house.add("level", f"level{n}-{tag}", self._seed()) for n in range(2)]
        self.grams = [self.rng.choice((*LOW_G, *FULL_G)) for _ in made[1:]]
        low = [slot for (_, slot), grams in zip(made[1:], self.grams, strict=True) if grams in LOW_G]
        self.books = Books(house, [device for device, _ in made], [slot for _, slot in made], low)

    def _seed(self) -> random.Random:
        return random.Random(self.rng.getrandbits(32))

    async def stream(self, one_at_a_time: asyncio.Lock) -> None:
        """Press, measure and die, all at once."""
        button, *jugs = self.books.devices
        await asyncio.gather(
            _press(button, self._seed()),
            *(_measure(jug, n, self._seed()) for jug, n in zip(jugs, self.grams, strict=True)),
            self._die(self._seed(), one_at_a_time),
        )

    async def settle(self) -> None:
        """Wait until nothing is under way any more."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while reason := await asyncio.to_thread(self.books.unsettled):
            if asyncio.get_running_loop().time() > deadline:
                parts = self.house.parts.values()
                words = "\n".join(f"--- {part.name}\n{part.last_words()}" for part in parts)
                tried = [(device.sent, device.desired is not None) for device in self.books.devices]
                pytest.fail(f"not settled within {PATIENCE_S} s: {reason}; sent, heard: {tried}\n{words}")
            await asyncio.sleep(0.05)

    async def _die(self, rng: random.Random, one_at_a_time: asyncio.Lock) -> None:
        """Kill and start again, at random moments."""
        deaths = rng.randint(1, self.deaths.most)
        for _ in range(deaths):
            await asyncio.sleep(rng.uniform(0, STREAM_S / deaths))
            part, how = rng.choice(self.deaths.parts), rng.choice(self.deaths.signals)
            async with one_at_a_time:
                self.house.kill(part, how)
                await asyncio.sleep(rng.choice((0.0, 0.0, rng.uniform(0, 0.3))))
                self.house.restart(part)  # in this thread: a child dies with the thread that started it
            self.killed += 1


async def _live_all(lives: list[_Life]) -> None:
    online = [asyncio.create_task(device.run()) for life in lives for device in life.books.devices]
    one_at_a_time = asyncio.Lock()
    try:
        await asyncio.gather(*(life.stream(one_at_a_time) for life in lives))
        await asyncio.gather(*(life.settle() for life in lives))
    finally:
        for task in online:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _press(button: SimDevice, rng: random.Random) -> None:
    for _ in range(rng.randint(2, 5)):
        await asyncio.sleep(rng.uniform(0, STREAM_S / 3))
        button.record("press", g="short")


async def _measure(jug: SimDevice, grams: int, rng: random.Random) -> None:
    """Some hours of readings that were kept on the device, then some live ones."""
    for hour in range(6, 0, -1):
        seq = jug.record("level", n=grams + rng.randint(-2, 2))
        jug.pending[jug.boot, seq].at_s -= hour * 3600
    for _ in range(rng.randint(3, 12)):
        await asyncio.sleep(rng.uniform(0, STREAM_S / 6))
        jug.record("level", n=grams + rng.randint(-2, 2))
