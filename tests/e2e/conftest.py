"""A private house with VM devices for the end-to-end tests: real broker, VM, retailer and server."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from sqlmodel import col, select

from device_sim.clock import SimClock
from device_sim.vm import VmDevice, VmMissingError, find_vm
from replenish_server import operations
from replenish_server.demo.house import PrivateHouse
from replenish_server.fleet import twin
from replenish_server.fleet.broker import find_mosquitto
from replenish_server.fleet.registry import NewDevice, Product
from replenish_server.households.mandate import Mandate, Mode
from replenish_server.ordering.tables import OrderEvent, PurchaseOrder

SPEED = 3600.0  # an hour a second
CAPACITY_G = 1500
PACK_G = 1400


def need(what: str, present: bool) -> None:
    """Skip where a real component is missing on a laptop; fail where it is missing in CI."""
    if not present:
        if os.environ.get("CI"):
            pytest.fail(f"{what} is missing, and CI must have it")
        pytest.skip(f"{what} is not installed")


@dataclass
class Home:
    """The house, with ways to furnish it and look at it."""

    house: PrivateHouse
    devices: dict[str, VmDevice] = field(default_factory=dict)
    facts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    slots: dict[str, str] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """The page's origin."""
        return self.house.settings.base_url

    def add(
        self,
        kind: str,
        *,
        mode: Mode = Mode.AUTO,
        cap: int | None = 3000,
        threshold_g: int = 300,
        measure_s: int = 1800,
        **config: Any,
    ) -> VmDevice:
        """Register a device of this kind, named after it, and give it a VM (not yet started)."""
        house, now = self.house, self.house.clock.now()
        level = kind == "level"
        item = ("det-1500", "Detergent", PACK_G * 1000) if level else ("filter-3", "Filters", 1)
        new = NewDevice(
            kind,
            f"The {kind}",
            item[1],
            "detergent" if level else "filter",
            Product(house.retailer_id, *item),
            capacity=CAPACITY_G * 1000 if level else None,
            threshold=threshold_g * 1000 if level else None,
            device_id=f"{kind}-one",
        )
        made = operations.register_device(
            house.database, house.settings, house.household_id, new, Mandate(mode, cap, "EUR"), now
        )
        if level:
            config = {"capacity_g": CAPACITY_G, **config}
            with house.database.write() as session:
                twin.want(session, made.device_id, {"cfg": {"measure_s": measure_s}}, now)
        facts: list[dict[str, Any]] = []
        device = VmDevice(
            kind,
            made.device_id,
            made.password,
            made.host,
            made.port,
            house.folder / made.device_id,
            house.clock,
            on_event=facts.append,
            **config,
        )
        self.devices[kind], self.facts[kind], self.slots[kind] = device, facts, made.slot_id
        return device

    def orders(self, kind: str) -> list[PurchaseOrder]:
        """Every order of this kind's slot, oldest first."""
        with self.house.database.read() as session:
            query = select(PurchaseOrder).where(PurchaseOrder.slot_id == self.slots[kind])
            return list(session.exec(query.order_by(col(PurchaseOrder.created_at))))

    def order_in(self, kind: str, state: str) -> PurchaseOrder | None:
        """The newest order of this kind's slot, if it is in this state."""
        orders = self.orders(kind)
        return orders[-1] if orders and orders[-1].state == state else None

    def history(self, order_id: str) -> list[str]:
        """The states that an order went through."""
        with self.house.database.read() as session:
            query = select(OrderEvent).where(OrderEvent.order_id == order_id).order_by(col(OrderEvent.id))
            return [event.state for event in session.exec(query)]

    def answers(self, kind: str) -> list[str]:
        """What the device lit up, in order."""
        return [fact["r"] for fact in self.facts[kind] if fact.get("e") == "answer"]

    def shop(self, path: str, **body: Any) -> None:
        """Tell the sandbox retailer something."""
        httpx.post(f"{self.house.shop_url}{path}", json=body, trust_env=False).raise_for_status()

    def shop_orders(self) -> list[dict[str, Any]]:
        """What the retailer really has."""
        answer = httpx.get(f"{self.house.shop_url}/testing/orders", trust_env=False)
        return list(answer.json())

    def page(self, path: str) -> str:
        """A page as a person without JavaScript gets it."""
        answer = httpx.get(f"{self.base}{path}", trust_env=False)
        assert answer.status_code == 200
        return answer.text

    def submit(self, path: str, **form: str) -> httpx.Response:
        """Send a form as the page itself would."""
        headers = {"Origin": self.base, "Sec-Fetch-Site": "same-origin"}
        return httpx.post(f"{self.base}{path}", data=form, headers=headers, trust_env=False)

    def tell(self) -> str:
        """What the devices and the server said, for a failed test."""
        server = (self.house.folder / "server.log").read_text(errors="replace")[-3000:]
        return f"{ {kind: facts[-12:] for kind, facts in self.facts.items()} }\n{server}"


Until = Callable[..., Any]


@pytest.fixture
def home() -> Iterator[Home]:
    """A running house without devices; everything ends with the test."""
    binary = find_mosquitto()
    need("Mosquitto", binary is not None)
    try:
        find_vm()
    except VmMissingError:
        need("the MicroPython VM", present=False)
    assert binary is not None
    house = PrivateHouse(binary, SimClock.started_now(SPEED))
    made = Home(house)
    try:
        house.start()
        yield made
    finally:
        for device in made.devices.values():
            device.stop()
        house.stop()


@pytest.fixture
def until(home: Home) -> Until:
    """Wait until a condition gives something true, and return it; fail with what everybody said."""

    def wait(condition: Callable[[], Any], what: str, patience_s: float = 60.0) -> Any:
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            result = condition()
            if result:
                return result
            time.sleep(0.1)
        pytest.fail(f"not within {patience_s} s: {what}\n{home.tell()}")

    return wait


def chromium_path() -> str:
    """The browser's binary."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    need("Chromium", found is not None)
    assert found is not None
    return found
