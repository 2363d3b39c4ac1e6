"""A private house whose parts can be killed and started again, and the sums that must hold afterwards."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import httpx
from sqlmodel import col, select

from device_sim.clock import SimClock
from device_sim.fleet import Access, SimDevice
from device_sim.process import Child
from replenish_server import operations
from replenish_server.demo.house import PrivateHouse
from replenish_server.fleet.registry import NewDevice, Product
from replenish_server.households.mandate import Mandate, Mode
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import PurchaseOrder, RetailerCall
from replenish_server.replenishment.tables import PressAnswer
from replenish_server.telemetry.tables import Reading
from tests.support.zygote import ForkedServer, Zygote

CAP_MINOR = 3000


class MortalHouse(PrivateHouse):
    """A house for killing. Orders ship and arrive within seconds, so that slots order again and again."""

    def __init__(self, mosquitto: str, zygote: Zygote) -> None:
        super().__init__(mosquitto, SimClock.started_now(1.0))
        self._zygote = zygote
        self._commands: dict[str, list[str]] = {}
        self.parts: dict[str, Child | ForkedServer] = {}

    def check(self) -> None:
        """Parts may be dead here."""

    def stop(self) -> None:
        """End every part and remove every file."""
        self._children = list(self.parts.values())  # type: ignore[assignment]
        super().stop()

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a part a signal."""
        part = self.parts[name]
        if part.running():
            os.kill(part.pid, number)

    def restart(self, name: str) -> None:
        """Start a part again, once it is dead."""
        deadline = time.monotonic() + 10
        while self.parts[name].running():
            assert time.monotonic() < deadline, f"{name} does not die"
            time.sleep(0.005)
        self._spawn(name, self._commands[name])

    def faults(self, seed: int, **lists: Any) -> None:
        """Tell the retailer how to fail."""
        answer = httpx.post(f"{self.shop_url}/testing/faults", json={"seed": seed, **lists}, trust_env=False)
        answer.raise_for_status()

    def add(self, kind: str, device_id: str, rng: random.Random) -> tuple[SimDevice, str]:
        """Register a device; returns it (offline) and its slot."""
        level = kind == "level"
        item = ("det-1500", "Detergent", 1_400_000) if level else ("filter-3", "Filters", 1)
        new = NewDevice(
            kind,
            device_id,
            item[1],
            "detergent",
            Product(self.retailer_id, *item),
            capacity=1_500_000 if level else None,
            threshold=300_000 if level else None,
            device_id=device_id,
        )
        mandate = Mandate(Mode.AUTO, CAP_MINOR, "EUR")
        made = operations.register_device(
            self.database, self.settings, self.household_id, new, mandate, self.clock.now()
        )
        access = Access(made.host, made.port, made.device_id, made.password)
        return SimDevice(access, self.clock, rng), made.slot_id

    def _spawn(self, name: str, command: list[str]) -> None:
        if name == "retailer":
            command = [*command, "--ship-after-h", "0.0002", "--deliver-after-h", "0.0004"]
        self._commands[name] = command
        if name == "server":
            settings = self.settings
            env = {
                "REPLENISH_DATA_DIR": str(settings.data_dir),
                "REPLENISH_BROKER_PORT": str(settings.broker_port),
                "REPLENISH_DEVICE_PORT": str(settings.device_port),
                "REPLENISH_HTTP_PORT": str(settings.http_port),
                "REPLENISH_CLOCK": settings.clock,
            }
            self.parts[name] = self._zygote.fork(env, self.folder / "server.log")
        else:
            self.parts[name] = Child(name, command, self.folder / f"{name}.log", os.environ)


@dataclass
class Books:
    """What the devices recorded, what the server stored, and what the retailer really has."""

    house: MortalHouse
    devices: list[SimDevice]
    slots: list[str]
    why: list[str] = field(default_factory=list)

    def settled(self) -> bool:
        """Whether nothing is under way any more: all acknowledged, answered, and no order on its way out."""
        return not self.unsettled()

    def unsettled(self) -> str:
        """What is still under way, for the message of a test that waited in vain."""
        if any(device.pending for device in self.devices):
            return f"records not acknowledged: {[len(device.pending) for device in self.devices]}"
        names = [device.access.device_id for device in self.devices]
        with self.house.database.read() as session:
            presses = session.exec(
                select(Reading).where(col(Reading.device_id).in_(names), Reading.type == "press")
            ).all()
            answered = session.exec(select(PressAnswer).where(col(PressAnswer.device_id).in_(names))).all()
            if len(presses) != len(answered):
                return f"presses without an answer: {len(presses) - len(answered)}"
            leaving = session.exec(
                select(PurchaseOrder.id).where(
                    col(PurchaseOrder.slot_id).in_(self.slots), PurchaseOrder.state == State.PLACING
                )
            ).all()
        return f"orders still leaving: {leaving}" if leaving else ""

    def check(self) -> tuple[int, int]:
        """The laws. Returns how many readings were stored and how many orders were placed."""
        recorded = [
            (device.access.device_id, boot, seq)
            for device in self.devices
            for boot, seq, _ in device.recorded
        ]
        names = [device.access.device_id for device in self.devices]
        with self.house.database.read() as session:
            readings = session.exec(select(Reading).where(col(Reading.device_id).in_(names))).all()
            answers = session.exec(select(PressAnswer).where(col(PressAnswer.device_id).in_(names))).all()
            orders = session.exec(
                select(PurchaseOrder)
                .where(col(PurchaseOrder.slot_id).in_(self.slots))
                .order_by(col(PurchaseOrder.created_at))
            ).all()
            ids = [order.id for order in orders]
            calls = session.exec(select(RetailerCall).where(col(RetailerCall.order_id).in_(ids))).all()
        # Laws 1 and 2: everything recorded is stored, once.
        assert sorted(recorded) == sorted((row.device_id, row.boot, row.seq) for row in readings)
        # Law 3: the orders of a slot never overlap.
        for slot in self.slots:
            mine = [order for order in orders if order.slot_id == slot]
            for earlier, later in pairwise(mine):
                assert earlier.ended_at is not None
                assert earlier.ended_at <= later.created_at
        # Law 4: what the retailer has is what we know, one for one; a press led to at most one order.
        shop = httpx.get(f"{self.house.shop_url}/testing/orders", trust_env=False).json()
        known = {order.checkout_id for order in orders if order.checkout_id}
        keys = {call.key for call in calls if call.step == "complete"}
        there = [row for row in shop if row["checkout_id"] in known or row["idempotency_key"] in keys]
        assert [1] * len(there) == list(Counter(row["checkout_id"] for row in there).values())
        placed = [order.retailer_order_id for order in orders if order.retailer_order_id]
        assert sorted(placed) == sorted(row["id"] for row in there)
        opened = Counter(answer.order_id for answer in answers if not answer.joined)
        assert all(number == 1 for order_id, number in opened.items() if order_id)
        # Law 5: nothing above the cap.
        assert all(order.total_minor is None or order.total_minor <= CAP_MINOR for order in orders)
        # Nothing is missing either: an order is with the retailer, or a person can see why not.
        for order in orders:
            assert order.retailer_order_id or order.state in (State.NEEDS_ATTENTION, State.CANCELED), order
        return len(readings), len(placed)


def wait_until(condition: Callable[[], Any], patience_s: float) -> bool:
    """Whether the condition became true in time."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False
