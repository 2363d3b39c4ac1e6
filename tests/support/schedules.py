"""A random schedule: a stream of readings and presses while something is killed at random moments."""

import asyncio
import contextlib
import os
import random
import signal
from dataclasses import dataclass

import pytest

from device_sim.fleet import SimDevice
from tests.support.mortal_house import Books, MortalHouse

STREAM_S = 1.2
PATIENCE_S = 45.0
BASE_SEED = int(os.environ.get("REPLENISH_SEED", "20261124"))


@dataclass
class Tally:
    """What the schedules of a file really did: a law that killed and ordered nothing proves nothing."""

    stored: int = 0
    placed: int = 0
    deaths: int = 0

    def run(self, house: MortalHouse, seed: int, deaths: "Deaths") -> None:
        """Run one schedule and add it up."""
        stored, placed, killed = run_schedule(house, seed, deaths)
        self.stored += stored
        self.placed += placed
        self.deaths += killed

    def check(self, schedules: int) -> None:
        """Enough happened; prints the sums."""
        print(f"{schedules} schedules: {self.deaths} deaths, {self.stored} readings, {self.placed} orders")
        assert self.deaths >= schedules
        assert self.stored >= schedules * 10
        assert self.placed >= schedules


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


def run_schedule(house: MortalHouse, seed: int, deaths: Deaths) -> tuple[int, int, int]:
    """Run one schedule and check the laws; returns (stored readings, placed orders, deaths)."""
    print(f"seed {seed}: replay with REPLENISH_SEED={seed} and the first schedule of this file")
    rng = random.Random(seed)
    tag = f"{seed}-{rng.getrandbits(16):04x}"
    made = [house.add("button", f"button-{tag}", random.Random(rng.getrandbits(32)))]
    made += [house.add("level", f"level{n}-{tag}", random.Random(rng.getrandbits(32))) for n in range(2)]
    books = Books(house, [device for device, _ in made], [slot for _, slot in made])
    killed = asyncio.run(_live(house, books, rng, deaths))
    stored, placed = books.check()
    return stored, placed, killed


async def _live(house: MortalHouse, books: Books, rng: random.Random, deaths: Deaths) -> int:
    lives = [asyncio.create_task(device.run()) for device in books.devices]
    button, *jugs = books.devices
    streams = [_press(button, random.Random(rng.getrandbits(32)))]
    streams += [_measure(jug, random.Random(rng.getrandbits(32))) for jug in jugs]
    fate = _die(house, random.Random(rng.getrandbits(32)), deaths)
    *_, killed = await asyncio.gather(*streams, fate)
    try:
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while reason := await asyncio.to_thread(books.unsettled):
            if asyncio.get_running_loop().time() > deadline:
                pytest.fail(
                    f"not settled within {PATIENCE_S} s: {reason}\n{house.parts['server'].last_words()}"
                )
            await asyncio.sleep(0.05)
    finally:
        for task in lives:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    return int(killed)


async def _press(button: SimDevice, rng: random.Random) -> None:
    for _ in range(rng.randint(2, 5)):
        await asyncio.sleep(rng.uniform(0, STREAM_S / 3))
        button.record("press", g="short")


async def _measure(jug: SimDevice, rng: random.Random) -> None:
    """Some hours of readings that were kept on the device, then some live ones; half the jugs run low."""
    level = rng.choice((200, 290, 900, 1400))
    for hour in range(6, 0, -1):
        seq = jug.record("level", n=level + rng.randint(-2, 2))
        jug.pending[seq].at_s -= hour * 3600
    for _ in range(rng.randint(3, 12)):
        await asyncio.sleep(rng.uniform(0, STREAM_S / 6))
        jug.record("level", n=max(0, level + rng.randint(-2, 2)))


async def _die(house: MortalHouse, rng: random.Random, deaths: Deaths) -> int:
    """Kill and start again, at random moments."""
    killed = rng.randint(1, deaths.most)
    for _ in range(killed):
        await asyncio.sleep(rng.uniform(0, STREAM_S / killed))
        part = rng.choice(deaths.parts)
        await asyncio.to_thread(house.kill, part, rng.choice(deaths.signals))
        await asyncio.sleep(rng.choice((0.0, 0.0, rng.uniform(0, 0.3))))
        await asyncio.to_thread(house.restart, part)
    return killed
