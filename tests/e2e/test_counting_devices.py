"""A water meter and a page counter of the real firmware, to the server: used, told, stored, fitted."""

import pytest
from sqlmodel import select

from device_sim import images
from device_sim.vm import ROOT, VmDevice
from replenish_server import operations
from replenish_server.fleet import twin
from replenish_server.fleet.registry import NewDevice, Product
from replenish_server.fleet.tables import Twin
from replenish_server.households.mandate import Mandate, Mode
from replenish_server.operations import Credential
from replenish_server.telemetry.tables import Reading
from tests.e2e.conftest import Home, Until

pytestmark = [pytest.mark.broker, pytest.mark.vm]


def add(home: Home, kind: str, capacity: int, remaining: int, cfg: dict[str, int]) -> Credential:
    """Register a counting device with so much left."""
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
    home.facts[kind], home.slots[kind] = [], made.slot_id
    return made


def power_up(home: Home, kind: str, capacity: int, made: Credential) -> VmDevice:
    """A board of this device, its flash as it was left; its will leaves after a second instead of twenty."""
    house, hasty = home.house, home.house.folder / "hasty"
    if not hasty.exists():
        lasting = (ROOT / "firmware/net/persistent.py").read_text()
        assert lasting.count("_WILL_DELAY_S = const(20)\n") == 1
        sooner = lasting.replace("_WILL_DELAY_S = const(20)", "_WILL_DELAY_S = const(1)")
        images.tree(hasty, ROOT, {"firmware/net/persistent.py": sooner})
    where = made.device_id, made.password, made.host, made.port, house.folder / made.device_id, house.clock
    device = VmDevice(kind, *where, on_event=home.facts[kind].append, slots={"main": {"capacity": capacity}})
    device.firmware_root = hasty
    home.devices[kind] = device
    return device


def readings(home: Home, kind: str, of: str) -> list[int]:
    """Numbers of this type that the server stored, oldest first."""
    with home.house.database.read() as session:
        rows = session.exec(select(Reading).where(Reading.device_id == f"{kind}-one", Reading.type == of))
        return [row.number or 0 for row in sorted(rows, key=lambda row: row.occurred_at)]


def test_what_is_used_is_told_and_what_is_fitted_is_too(home: Home, until: Until) -> None:
    """The server stores exactly what was used; a held button says what was fitted; a dead board is silent."""
    made = add(home, "flow", 100_000, 50_000, {"report_ml": 1000})
    meter = power_up(home, "flow", 100_000, made)
    printer = power_up(home, "pages", 200, add(home, "pages", 200, 100, {"report_pages": 10, "page_ms": 50}))
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
    meter.stop()  # kill -9, and nobody starts it again: the broker sends its will
    until(lambda: gone(home, "flow"), "the server has the will")
    until(lambda: presence(home, "The flow") == "silent", "an hour later the page says silent")
    before = len(readings(home, "flow", "hello"))
    power_up(home, "flow", 100_000, made).start()
    until(lambda: len(readings(home, "flow", "hello")) > before, "it is back")
    until(lambda: presence(home, "The flow") == "in touch", "the page says so")


def gone(home: Home, kind: str) -> bool:
    """Whether the broker said that this device is gone."""
    with home.house.database.read() as session:
        return session.get_one(Twin, f"{kind}-one").gone_at is not None


def presence(home: Home, name: str) -> str:
    """What the page says of a device, by its chip's word."""
    page = home.page("/devices")
    part = page[page.index(name) :][:600]
    return next((word for word in ("silent", "in touch") if f">{word}<" in part), part)
