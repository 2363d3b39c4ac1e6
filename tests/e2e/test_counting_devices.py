"""A water meter and a page counter of the real firmware, to the server: used, told, stored, fitted."""

from typing import Any

import pytest
from sqlmodel import select

from device_sim.vm import VmDevice
from replenish_server import operations
from replenish_server.fleet import twin
from replenish_server.fleet.registry import NewDevice, Product
from replenish_server.households.mandate import Mandate, Mode
from replenish_server.telemetry.tables import Reading
from tests.e2e.conftest import Home, Until

pytestmark = [pytest.mark.broker, pytest.mark.vm]


def add(home: Home, kind: str, capacity: int, remaining: int, cfg: dict[str, int]) -> VmDevice:
    """Register a counting device with so much left, and give it a VM."""
    house, now = home.house, home.house.clock.now()
    new = NewDevice(
        kind,
        f"The {kind}",
        "Refill",
        "filter",
        Product(house.retailer_id, "filter-3", "Filters", capacity),
        capacity=capacity,
        threshold=capacity // 5,
        device_id=f"{kind}-one",
        remaining=remaining,
    )
    made = operations.register_device(
        house.database, house.settings, house.household_id, new, Mandate(Mode.AUTO, 3000, "EUR"), now
    )
    with house.database.write() as session:
        twin.want(session, made.device_id, {"cfg": cfg}, now)
    facts: list[dict[str, Any]] = []
    where = made.device_id, made.password, made.host, made.port, house.folder / made.device_id, house.clock
    device = VmDevice(kind, *where, on_event=facts.append, slots={"main": {"capacity": capacity}})
    home.devices[kind], home.facts[kind], home.slots[kind] = device, facts, made.slot_id
    return device


def readings(home: Home, kind: str, of: str) -> list[int]:
    """Numbers of this type that the server stored, oldest first."""
    with home.house.database.read() as session:
        rows = session.exec(select(Reading).where(Reading.device_id == f"{kind}-one", Reading.type == of))
        return [row.number or 0 for row in sorted(rows, key=lambda row: row.occurred_at)]


def test_what_is_used_is_told_and_what_is_fitted_is_too(home: Home, until: Until) -> None:
    """The server stores exactly what was used, and holding the button says that a new unit was fitted."""
    meter = add(home, "flow", 100_000, 50_000, {"report_ml": 1000})
    printer = add(home, "pages", 200, 100, {"report_pages": 10, "page_ms": 50})
    meter.start()
    printer.start()
    for kind in ("flow", "pages"):
        until(
            lambda kind=kind: "desired" in {fact["e"] for fact in home.facts[kind]},
            f"{kind} has its settings",
        )
    litres = 0

    def told(kind: str) -> int:
        return max(readings(home, kind, "usage"), default=0)

    def all_told() -> bool:
        nonlocal litres
        meter.pulse(450 * min(3, 45 - litres))
        litres += min(3, 45 - litres)
        if told("pages") < 90:
            printer.pulse(1)  # pages come one by one: more at once would be taken for chatter
        return told("flow") == 45_000 and told("pages") >= 90

    until(all_told, "everything that was used is stored")
    for kind, device, capacity in (("flow", meter, 100_000), ("pages", printer, 200)):
        device.hold(True)
        until(lambda kind=kind: readings(home, kind, "refill"), f"the new unit of {kind} is stored")
        device.hold(False)
        assert readings(home, kind, "refill") == [capacity]
