"""The sums that must hold when everything has settled, whatever died on the way: the laws of the house."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlmodel import col, select

from device_sim.fleet import SimDevice
from replenish_server.database import Database
from replenish_server.fleet.tables import Slot
from replenish_server.ordering.sentences import note_text, problem_sentence
from replenish_server.ordering.states import ENDED, OPEN, STARTS, Event, State, after, may
from replenish_server.ordering.tables import OrderEvent, Parcel, PurchaseOrder, RetailerCall
from replenish_server.replenishment.record import from_json
from replenish_server.replenishment.sentences import sentence
from replenish_server.replenishment.tables import DecisionRecord, PressAnswer
from replenish_server.retailers.port import Problem
from replenish_server.telemetry.tables import Reading
from tests.support.mortal_house import CAP_MINOR, MortalHouse


class Watch:
    """Looks at the database all the time, as a stranger who may only read: law 3 at every moment.

    Args:
        url: of the database; while that is down, nothing is seen.
    """

    def __init__(self, url: str) -> None:
        self.looks = 0
        self.broken: list[tuple[str, int]] = []
        self._url = url
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=10)

    def _look(self) -> None:
        states = ", ".join(f"'{state.value}'" for state in OPEN)
        query = (
            f"SELECT slot_id, count(*) FROM purchase_order WHERE state IN ({states})"
            " GROUP BY slot_id HAVING count(*) > 1"
        )
        database = Database(self._url)
        while not self._over.is_set():
            with suppress(OperationalError), database.read() as session:
                self.broken += [(str(slot), int(count)) for slot, count in session.execute(text(query))]
                self.looks += 1
            time.sleep(0.015)
        database.close()


@dataclass
class Books:
    """What the devices recorded, what the server stored, and what the retailer really has.

    Args:
        house: where.
        devices: of this schedule.
        slots: of these devices.
        low: slots whose container runs low, so that an order must come.
    """

    house: MortalHouse
    devices: list[SimDevice]
    slots: list[str]
    low: list[str] = field(default_factory=list)

    def unsettled(self) -> str:
        """What is still under way, for the message of a test that waited in vain; empty when nothing is."""
        if any(device.pending for device in self.devices):
            return f"records not acknowledged: {[len(device.pending) for device in self.devices]}"
        names = [device.access.device_id for device in self.devices]
        now = self.house.clock.now()
        with self.house.database.read() as session:
            presses = session.exec(
                select(Reading).where(col(Reading.device_id).in_(names), Reading.type == "press")
            ).all()
            answered = session.exec(select(PressAnswer).where(col(PressAnswer.device_id).in_(names))).all()
            if len(presses) != len(answered):
                return f"presses without an answer: {len(presses) - len(answered)}"
            due = session.exec(
                select(Slot.id).where(col(Slot.id).in_(self.slots), col(Slot.due_at) <= now)
            ).all()
            leaving = session.exec(
                select(PurchaseOrder.id, Parcel.failures).where(
                    PurchaseOrder.parcel_id == Parcel.id,
                    col(PurchaseOrder.slot_id).in_(self.slots),
                    col(PurchaseOrder.state).in_((State.PLACING, State.COOLING_OFF)),
                )
            ).all()
        if due:
            return f"slots to be judged: {due}"
        return f"orders still leaving: {leaving}" if leaving else ""

    def check(self) -> tuple[int, int]:
        """The laws. Returns how many readings were stored and how many orders were placed."""
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
            parcels = [order.parcel_id for order in orders]
            calls = session.exec(select(RetailerCall).where(col(RetailerCall.parcel_id).in_(parcels))).all()
            sessions = session.exec(select(Parcel).where(col(Parcel.id).in_(parcels))).all()
            # A parcel may carry orders of another schedule's slots too: they live in the same house.
            carried = session.exec(
                select(PurchaseOrder).where(col(PurchaseOrder.parcel_id).in_(parcels))
            ).all()
            lines = session.exec(
                select(OrderEvent).where(col(OrderEvent.order_id).in_(ids)).order_by(col(OrderEvent.id))
            ).all()
            decisions = session.exec(
                select(DecisionRecord).where(col(DecisionRecord.slot_id).in_(self.slots))
            ).all()
        self._check_stored(readings)
        self._check_one_open(orders, lines)
        self._check_retailer(carried, calls, answers, sessions)
        _check_explained(orders, lines, decisions)
        placed = [order for order in orders if order.retailer_order_id]
        # Nothing is missing: what is low or was pressed is ordered; what is not bought is before a person.
        assert set(self.low) <= {order.slot_id for order in orders}
        for order in orders:
            assert order.retailer_order_id or order.state == State.NEEDS_ATTENTION, order
            assert order.problem in (None, Problem.UNKNOWN_OUTCOME), order
        return len(readings), len(placed)

    def _check_stored(self, readings: Sequence[Reading]) -> None:
        """Laws 1 and 2: everything recorded is stored, once."""
        recorded = [
            (device.access.device_id, boot, seq, kind)
            for device in self.devices
            for boot, seq, kind in device.recorded
        ]
        assert sorted(recorded) == sorted((row.device_id, row.boot, row.seq, row.type) for row in readings)

    def _check_one_open(self, orders: Sequence[PurchaseOrder], lines: Sequence[OrderEvent]) -> None:
        """Law 3: the orders of a slot never overlap, and each went a legal way, by its own history."""
        spans: dict[str, list[tuple[OrderEvent, OrderEvent | None]]] = {slot: [] for slot in self.slots}
        for order in orders:
            mine = [line for line in lines if line.order_id == order.id]
            assert mine[0].state in STARTS
            assert mine[-1].state == order.state
            for here, there in pairwise(mine):
                ways = {after(State(here.state), e) for e in Event if may(State(here.state), e)}
                assert there.state == here.state or there.state in ways, (here, there)
            ended = [line for line in mine if line.state in ENDED]
            assert len(ended) <= 1
            spans[order.slot_id].append((mine[0], ended[0] if ended else None))
        for mine_of_slot in spans.values():
            for (_, ended_at), (opened, _) in pairwise(mine_of_slot):
                assert ended_at is not None
                assert ended_at.at <= opened.at
                assert (ended_at.id or 0) < (opened.id or 0)

    def _check_retailer(
        self,
        orders: Sequence[PurchaseOrder],
        calls: Sequence[RetailerCall],
        answers: Sequence[PressAnswer],
        parcels: Sequence[Parcel],
    ) -> None:
        """Laws 4 and 5: the retailer has what we know, one order for each parcel, and none above the caps."""
        shop = self.house.shop_orders()
        sessions = {parcel.checkout_id: parcel.id for parcel in parcels if parcel.checkout_id}
        keys = {call.key: call.parcel_id for call in calls if call.step == "complete"}
        there = [row for row in shop if row["checkout_id"] in sessions or row["idempotency_key"] in keys]
        owners = Counter(_owner(row, sessions, keys) for row in there)
        assert all(number == 1 for number in owners.values()), owners
        placed = {order.retailer_order_id: order.parcel_id for order in orders if order.retailer_order_id}
        assert set(placed) <= {row["id"] for row in there}
        in_doubt = {order.parcel_id for order in orders if order.state == State.NEEDS_ATTENTION}
        assert set(owners) - set(placed.values()) <= in_doubt
        completes = Counter((call.parcel_id, call.attempt) for call in calls if call.step == "complete")
        assert all(number == 1 for number in completes.values()), completes
        opened = Counter(answer.order_id for answer in answers if not answer.joined)
        assert all(number == 1 for order_id, number in opened.items() if order_id)
        within = Counter(order.parcel_id for order in orders)
        assert all(row["total_minor"] <= CAP_MINOR * within[_owner(row, sessions, keys)] for row in there)
        for row in there:  # the shares add up to what the retailer charges
            mine = [order for order in orders if order.retailer_order_id == row["id"]]
            assert not mine or sum(order.total_minor or 0 for order in mine) == row["total_minor"]
        assert all(order.total_minor is None or order.total_minor <= CAP_MINOR for order in orders)


def _owner(row: dict[str, Any], sessions: dict[str, str], keys: dict[str, str]) -> str:
    """The parcel whose session or key an order at the retailer carries."""
    return sessions.get(row["checkout_id"]) or keys[row["idempotency_key"]]


def _check_explained(
    orders: Sequence[PurchaseOrder], lines: Sequence[OrderEvent], decisions: Sequence[DecisionRecord]
) -> None:
    """Law 7: every order and every decision reads as a sentence, in both languages."""
    by_id = {decision.id: decision for decision in decisions}
    for language in ("en", "ko"):
        for decision in decisions:
            assert sentence(from_json(decision.data), language)
        for order in orders:
            assert sentence(from_json(by_id[order.decision_id].data), language)
            if order.problem:
                assert problem_sentence(order.problem, order.problem_detail, language)
        assert all(note_text(line.note, language) for line in lines if line.note)
