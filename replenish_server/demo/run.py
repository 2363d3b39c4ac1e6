"""`replenish demo`: a household at high speed, told line by line until it is interrupted or done."""

import json
import signal
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from rich.console import Console

from device_sim.clock import SimClock
from device_sim.household import Household, Laundry, Presses
from device_sim.vm import VmDevice
from replenish_server import operations
from replenish_server.demo.account import Account, ServerStory
from replenish_server.demo.house import HouseFailed, PrivateHouse
from replenish_server.fleet import twin
from replenish_server.fleet.registry import NewDevice, Product
from replenish_server.fleet.units import MASS
from replenish_server.households.mandate import Mandate, Mode
from replenish_server.replenishment.amounts import money

CAPACITY_G = 1600
PACK_G = 1500
START_G = 560
THRESHOLD_G = 300
_MONDAY = datetime(2026, 6, 1, 7, 0, tzinfo=UTC)  # fixed, so that one seed always tells the same story
_LOOK_S = 0.2


@dataclass(frozen=True)
class DemoOptions:
    """What the command line asks for.

    Args:
        mosquitto: the broker's binary.
        speed: simulated seconds per real second.
        seed: everything random comes from here.
        until_order: end once both journeys are delivered.
        timeout_s: for `until_order`, in real seconds.
        as_json: print one JSON object at the end, and no account.
        port: TCP port of the page; 0 takes a free one.
    """

    mosquitto: str
    speed: float
    seed: int
    until_order: bool
    timeout_s: float
    as_json: bool
    port: int


def run_demo(options: DemoOptions) -> int:
    """Run the demo; returns the exit status."""
    console = Console(highlight=False, stderr=options.as_json)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    started = time.monotonic()
    clock = SimClock.started_now(options.speed, _MONDAY)
    account = Account(clock, console, options.as_json)
    house = PrivateHouse(options.mosquitto, clock, options.port)
    story = ServerStory(house.database, account)
    household: Household | None = None
    done, error = False, None
    summary: dict[str, Any] = {"page": house.settings.base_url}
    try:
        credentials = _furnish(house)
        house.start()
        account.say("page", f"{house.settings.base_url}   (Ctrl-C ends everything)")
        household = _move_in(house, credentials, account, options.seed)
        household.start()
        while not stopping.wait(_LOOK_S):
            house.check()
            for order in story.look():
                if order.slot_id == credentials["level"].slot_id:
                    household.receive(order.packs)
            done = story.journeys_done()
            if options.until_order and (done or time.monotonic() - started > options.timeout_s):
                break
        summary |= story.summary()
    except HouseFailed as failure:
        error = str(failure)
    finally:
        if household is not None:
            household.stop()
        house.stop()
    seconds = round(time.monotonic() - started, 1)
    if options.as_json:
        result = {"ok": done and error is None, "seconds": seconds, "error": error, **summary}
        sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    elif error is not None:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
    else:
        _print_summary(console, summary, seconds)
    return 0 if error is None and (done or not options.until_order) else 1


def _furnish(house: PrivateHouse) -> dict[str, operations.Credential]:
    """A washing machine with detergent, and a button for water filters."""
    detergent = Product(house.retailer_id, "det-1500", "Detergent 1.5 kg", PACK_G * MASS.factor)
    machine = NewDevice(
        "level",
        "Washing machine",
        "Detergent",
        "detergent",
        detergent,
        capacity=CAPACITY_G * MASS.factor,
        threshold=THRESHOLD_G * MASS.factor,
        device_id="washing-machine",
    )
    filters = Product(house.retailer_id, "filter-3", "Water filters, 3 pack", 1)
    button = NewDevice(
        "button", "Shelf button", "Water filters", "water filter", filters, device_id="shelf-button"
    )
    now = house.clock.now()
    made = {
        new.kind: operations.register_device(
            house.database,
            house.settings,
            house.household_id,
            new,
            Mandate(Mode.AUTO, cap, "EUR"),
            now + timedelta(milliseconds=order),  # the page lists slots in the order in which they came
        )
        for order, (new, cap) in enumerate(((machine, 2500), (button, 4000)))
    }
    with house.database.write() as session:
        # Every hour rather than every half: at this speed a wake of the VM takes longer than a board's.
        twin.want(session, made["level"].device_id, {"cfg": {"measure_s": 3600}}, now)
    return made


def _move_in(
    house: PrivateHouse, credentials: dict[str, operations.Credential], account: Account, seed: int
) -> Household:
    scale: dict[str, Any] = {"capacity_g": CAPACITY_G}
    devices = {
        kind: VmDevice(
            kind,
            credential.device_id,
            credential.password,
            credential.host,
            credential.port,
            house.folder / credential.device_id,
            house.clock,
            on_event=partial(account.hear, credential.device_id),
            **(scale if kind == "level" else {}),
        )
        for kind, credential in credentials.items()
    }
    return Household(
        devices["level"],
        devices["button"],
        Laundry(START_G, 0, PACK_G),
        Presses(after=timedelta(hours=18), every=timedelta(days=20)),
        house.clock,
        seed,
        account.say,
    )


def _print_summary(console: Console, summary: dict[str, Any], seconds: float) -> None:
    days = summary["simulated_days"]
    console.print(f"\n{days} simulated days in {seconds} s; every process has ended, every file is gone.")
    for order in summary["orders"]:
        price = money(order["total_minor"], order["currency"])
        path = " > ".join(state.replace("_", " ") for state in order["states"])
        line = f"  {order['trigger']:<6} {order['product']} x{order['packs']} {price}: {path}"
        console.print(line, soft_wrap=True)
