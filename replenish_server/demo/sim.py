"""`replenish sim`: many simulated devices with faults against a broker, and the count of what was lost."""

import asyncio
import contextlib
import json
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from device_sim.clock import SimClock
from device_sim.fleet import Access, SimDevice
from replenish_server import operations
from replenish_server.demo.house import HouseFailed, PrivateHouse
from replenish_server.fleet.registry import NewDevice, Product
from replenish_server.fleet.units import MASS
from replenish_server.households.mandate import Mandate, Mode

_DRAIN_S = 60.0
_CAPACITY_G = 1500


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
            accesses = _read_credentials(options.credentials)
        else:
            house = PrivateHouse(options.mosquitto, clock)
            accesses = _furnish(house, options.devices)
            house.start()
        result = asyncio.run(_live(accesses, clock, options))
        if house is not None:
            result["stored"] = operations.collect_stats(house.database, clock.now())["readings"]
    except HouseFailed as failure:
        console.print(f"[red]{failure}[/red]", soft_wrap=True)
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
    return 1 if lost else 0


def _furnish(house: PrivateHouse, count: int) -> list[Access]:
    product = Product(house.retailer_id, "det-1500", "Detergent 1.5 kg", _CAPACITY_G * MASS.factor)
    accesses = []
    for number in range(count):
        new = NewDevice(
            "level",
            f"Machine {number}",
            "Detergent",
            "detergent",
            product,
            capacity=_CAPACITY_G * MASS.factor,
            threshold=300 * MASS.factor,
            device_id=f"sim-{number:05d}",
        )
        made = operations.register_device(
            house.database,
            house.settings,
            house.household_id,
            new,
            Mandate(Mode.ASK, 2500, "EUR"),
            house.clock.now(),
        )
        accesses.append(Access(made.host, made.port, made.device_id, made.password))
    return accesses


def _read_credentials(path: Path) -> list[Access]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [Access(row["host"], row["port"], row["device_id"], row["password"]) for row in rows]


async def _live(accesses: list[Access], clock: SimClock, options: SimOptions) -> dict[str, Any]:
    rng = random.Random(options.seed)  # noqa: S311 - a simulation wants seeded randomness
    devices = [SimDevice(access, clock, random.Random(rng.getrandbits(32))) for access in accesses]  # noqa: S311
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
    return {
        "devices": len(devices),
        "recorded": recorded,
        "sent": sum(device.sent for device in devices),
        "unacknowledged": sum(len(device.pending) for device in devices),
        "seconds": round(seconds, 1),
    }


async def _one(device: SimDevice, options: SimOptions) -> None:
    """One device's life: record all the time, be on the network most of it."""
    rng = device.rng
    level = float(rng.randint(400, _CAPACITY_G))
    end = time.monotonic() + options.seconds
    online: asyncio.Task[None] | None = None
    while (left := end - time.monotonic()) > 0:
        if online is None and rng.random() >= options.outage:
            online = asyncio.create_task(device.run())
        elif online is not None and rng.random() < options.outage:
            await _leave(online)
            online = None
        level = max(0.0, level - rng.expovariate(1 / 5))
        device.record("level", n=round(level))
        await asyncio.sleep(min(left, rng.expovariate(1 / options.every_s)))
    if online is not None:
        await _leave(online)


async def _leave(online: asyncio.Task[None]) -> None:
    online.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await online
