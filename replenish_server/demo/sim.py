"""`replenish sim`: many simulated devices with faults against a broker, and the count of what was lost."""

import asyncio
import contextlib
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlmodel import select

from device_sim.clock import SimClock
from device_sim.fleet import Access, SimDevice
from device_sim.meter import Meter
from replenish_server import operations
from replenish_server.demo.house import HouseFailed, PrivateHouse
from replenish_server.fleet.registry import NewDevice, Product
from replenish_server.fleet.tables import Slot
from replenish_server.fleet.units import OF_KIND
from replenish_server.households.mandate import Mandate, Mode
from replenish_server.replenishment.readings import read_history

_DRAIN_S = 60.0
_CAPACITY_G = 1500
_KINDS = (("level", "detergent", _CAPACITY_G), ("flow", "water filter", 150_000), ("pages", "toner", 2500))
_FULL = {kind: full for kind, _, full in _KINDS if OF_KIND[kind].counted}
_FIT_CHANCE, _RESTART_CHANCE = 0.05, 0.2
_RESTARTS_APART_S = 3.0  # ages are whole seconds: the server must be able to tell which boot came first


@dataclass(frozen=True)
class Sink:
    """A device to be simulated: how it connects, and what a full unit holds if it counts (wire units)."""

    access: Access
    full: int | None

    def device(self, clock: SimClock, rng: random.Random) -> SimDevice:
        """Switched on, with a full unit."""
        if self.full is None:
            return SimDevice(self.access, clock, rng)
        return Meter(self.access, clock, rng, self.full, self.full)


@dataclass(frozen=True)
class SimOptions:
    """What the command line asks for.

    Args:
        mosquitto: the broker's binary, for a private house.
        devices: how many, in a private house.
        credentials: a file with one JSON object per line, from `replenish device add --json`; None starts
            a private house.
        seconds: how long devices record.
        every_s: mean seconds between two readings of a device.
        outage: share of the time for which a device is off the network.
        seed: everything random comes from here.
        as_json: print one JSON object.
    """

    mosquitto: str
    devices: int
    credentials: Path | None
    seconds: float
    every_s: float
    outage: float
    seed: int
    as_json: bool


def run_sim(options: SimOptions) -> int:
    """Run the fleet; returns 0 when every record was acknowledged as stored."""
    console = Console(highlight=False, stderr=options.as_json)
    clock = SimClock.started_now(1.0)
    house: PrivateHouse | None = None
    try:
        if options.credentials is not None:
            sinks = _read_credentials(options.credentials)
        else:
            house = PrivateHouse(options.mosquitto, clock)
            sinks = _furnish(house, options.devices)
            house.start()
        result, devices = asyncio.run(_live(sinks, clock, options))
        if house is not None:
            result["stored"] = operations.collect_stats(house.database, clock.now())["readings"]
            result["miscounted"] = _miscounted(house, devices)
    except HouseFailed as failure:
        console.print(str(failure), style="red", markup=False, soft_wrap=True)
        return 1
    finally:
        if house is not None:
            house.stop()
    if options.as_json:
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        for name, value in result.items():
            console.print(f"{name.replace('_', ' '):<22}{value}")
    lost = result["unacknowledged"] or result.get("stored", result["recorded"]) != result["recorded"]
    return 1 if lost or result.get("miscounted") else 0


def _furnish(house: PrivateHouse, count: int) -> list[Sink]:
    """Of each three devices one weighs, one counts water, one counts pages."""
    made = []
    for number in range(count):
        kind, category, full = _KINDS[number % len(_KINDS)]
        capacity = full * OF_KIND[kind].factor
        new = NewDevice(
            kind,
            f"Device {number}",
            category.capitalize(),
            category,
            Product(house.retailer_id, "det-1500", f"{category.capitalize()}, a pack", capacity),
            capacity=capacity,
            threshold=capacity // 5,
            device_id=f"sim-{number:05d}",
            remaining=capacity if OF_KIND[kind].counted else None,
        )
        credential = operations.register_device(
            house.database,
            house.settings,
            house.household_id,
            new,
            Mandate(Mode.ASK, 2500, "EUR"),
            house.clock.now(),
        )
        access = Access(credential.host, credential.port, credential.device_id, credential.password)
        made.append(Sink(access, full if OF_KIND[kind].counted else None))
    return made


def _read_credentials(path: Path) -> list[Sink]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [
        Sink(
            Access(row["host"], row["port"], row["device_id"], row["password"], row.get("ca", "")),
            _FULL[row["kind"]] if row.get("kind") in _FULL else None,
        )
        for row in rows
    ]


def _miscounted(house: PrivateHouse, devices: Sequence[SimDevice]) -> int:
    """Counting devices of which the server believes another rest than there is."""
    wrong = 0
    with house.database.read() as session:
        for device in devices:
            if isinstance(device, Meter):
                slot = session.exec(select(Slot).where(Slot.device_id == device.access.device_id)).one()
                history, _ = read_history(session, slot, slot.created_at)
                wrong += history.level != device.left
    return wrong


async def _live(
    sinks: Sequence[Sink], clock: SimClock, options: SimOptions
) -> tuple[dict[str, Any], list[SimDevice]]:
    rng = random.Random(options.seed)  # noqa: S311 - a simulation wants seeded randomness
    devices = [sink.device(clock, random.Random(rng.getrandbits(32))) for sink in sinks]  # noqa: S311
    started = time.monotonic()
    lives = [asyncio.create_task(_one(device, options)) for device in devices]
    await asyncio.gather(*lives)
    drains = [asyncio.create_task(device.run()) for device in devices]
    deadline = time.monotonic() + _DRAIN_S
    while any(device.pending for device in devices) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    seconds = time.monotonic() - started
    for task in drains:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    recorded = sum(len(device.recorded) for device in devices)
    result = {
        "devices": len(devices),
        "recorded": recorded,
        "sent": sum(device.sent for device in devices),
        "unacknowledged": sum(len(device.pending) for device in devices),
        "seconds": round(seconds, 1),
    }
    return result, devices


async def _one(device: SimDevice, options: SimOptions) -> None:
    """One device's life: record all the time, be on the network most of it."""
    rng = device.rng
    act = _counting(device) if isinstance(device, Meter) else _weighing(device)
    end = time.monotonic() + options.seconds
    online: asyncio.Task[None] | None = None
    while (left := end - time.monotonic()) > 0:
        if online is None and rng.random() >= options.outage:
            online = asyncio.create_task(device.run())
        elif online is not None and rng.random() < options.outage:
            await _leave(online)
            online = None
        next(act)
        await asyncio.sleep(min(left, rng.expovariate(1 / options.every_s)))
    if online is not None:
        await _leave(online)


def _weighing(device: SimDevice) -> Iterator[None]:
    """A level that falls with each reading."""
    level = float(device.rng.randint(400, _CAPACITY_G))
    while True:
        level = max(0.0, level - device.rng.expovariate(1 / 5))
        device.record("level", n=round(level))
        yield


def _counting(meter: Meter) -> Iterator[None]:
    """Use, a new unit now and then, and power cuts some seconds apart."""
    restarted = time.monotonic()
    while True:
        chance = meter.rng.random()
        if chance < _FIT_CHANCE:
            meter.fit()
        elif chance < _FIT_CHANCE + _RESTART_CHANCE and time.monotonic() - restarted > _RESTARTS_APART_S:
            meter.restart()
            restarted = time.monotonic()
        else:
            meter.use(meter.rng.randint(0, meter.capacity // 30))
        yield


async def _leave(online: asyncio.Task[None]) -> None:
    online.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await online
