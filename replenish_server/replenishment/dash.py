"""What an appliance cloud may do that was written for the Dash Replenishment Service.

A replenish call is a press: it is stored as one, deduplicated as one and judged under the same mandate.
Source: the service's public description of its endpoints; what we chose where it is silent: docs/drs.md.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import func
from sqlmodel import Session, col, select

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.fleet.tables import Device, Slot
from replenish_server.fleet.units import BY_BASE
from replenish_server.households.hashed_secrets import token_hash
from replenish_server.households.tables import SlotMandate
from replenish_server.ids import new_id
from replenish_server.ordering.orders import open_order
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.dash_codes import ORDER_STATUS, DetailCode, detail_code
from replenish_server.replenishment.dash_tables import DashTestOrder, DashToken
from replenish_server.replenishment.decision import Kind
from replenish_server.replenishment.evaluate import evaluate_slot, judge_press
from replenish_server.replenishment.forecasts import forecast_slots
from replenish_server.replenishment.priors import Models
from replenish_server.replenishment.record import from_json
from replenish_server.replenishment.stock import correct_spare
from replenish_server.replenishment.tables import DecisionRecord, PressAnswer
from replenish_server.retailers.kinds import RetailerKind
from replenish_server.retailers.tables import Retailer
from replenish_server.telemetry.codec import MAX_AGE_S, MAX_NUMBER, PRESS_AGE_LIMIT, SCHEMA
from replenish_server.telemetry.store import Incoming, PressKey, store_batch
from replenish_server.telemetry.tables import Reading

KINDS = ("level", "button")
_BOOT = "da500000"  # what a cloud says is counted under a boot id of its own
_MOST_SPARE_PACKS = 99


class DashRefused(ValueError):
    """The call cannot be carried out; `code` is for programs, the text says what to change."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True)
class Speaker:
    """The device that a token speaks for."""

    device_id: str
    test: bool


@dataclass(frozen=True)
class SlotStatus:
    """What a slot reports, in whatever unit: only shares of `original` count. None for what it left out."""

    remaining: float | None
    original: float | None
    on_hand: float | None


def make_token(session: Session, device_id: str, test: bool, now: datetime) -> str:
    """A token that speaks for a device; the only time that it can be read.

    Raises:
        DashRefused: there is no such device, or its kind reports in another way.
    """
    device = session.get(Device, device_id)
    if device is None:
        raise DashRefused("NO_DEVICE", f"there is no device {device_id!r}; see replenish device list")
    if device.kind not in KINDS:
        raise DashRefused("KIND", f"a device of kind {device.kind} counts; only {', '.join(KINDS)} fit here")
    token = f"drs_{secrets.token_urlsafe(32)}"
    session.add(DashToken(digest=token_hash(token), device_id=device_id, test=test, created_at=now))
    return token


class DashDesk:
    """The service's calls.

    Args:
        database: where everything is.
        clock: the server's clock.
        models: what forecasts are made with.
        on_change: called after something was committed that others have to act on.
    """

    def __init__(
        self, database: Database, clock: Clock, models: Callable[[], Models], on_change: Callable[[], None]
    ) -> None:
        self._database = database
        self._clock = clock
        self._models = models
        self._on_change = on_change

    def now(self) -> datetime:
        """The server's time."""
        return self._clock.now()

    def authenticate(self, token: str) -> Speaker | None:
        """Whom the token speaks for, or None."""
        with self._database.read() as session:
            row = session.get(DashToken, token_hash(token))
            return None if row is None or row.revoked_at is not None else Speaker(row.device_id, row.test)

    def replenish(self, who: Speaker, slot_id: str, sent_at: datetime | None) -> tuple[str, DetailCode]:
        """More is wanted. Returns the event's id, by which its order is found, and what became of the wish.

        Args:
            who: from `authenticate`.
            slot_id: the slot's key on the device, or our id of it.
            sent_at: when the cloud says that it sent this, or None; an old wish asks instead of ordering.

        Raises:
            DashRefused: the device has no such slot.
        """
        now = self.now()
        slot = self._slot(who, slot_id)
        if who.test:
            late = sent_at is not None and now - sent_at > PRESS_AGE_LIMIT
            return self._test_order(slot, late, now)
        with self._database.read() as session:
            forecasts = forecast_slots(session, [slot], now, self._models)
        with self._database.write() as session:
            age = now - (sent_at or now)
            press = _record(session, slot, age, now, t="press", g="short")
            evaluate_slot(session, slot.id, now, forecasts.get(slot.id))
            answer = session.get_one(PressAnswer, (press.device_id, press.boot, press.seq))
            decision = from_json(session.get_one(DecisionRecord, answer.decision_id).data)
            event, code = answer.order_id or answer.decision_id, detail_code(decision)
            if code is DetailCode.STANDARD_ORDER_PLACED and _hands_over(session, event):
                code = DetailCode.APPROVAL_REQUIRED
        self._on_change()
        return event, code

    def report_slot(self, who: Speaker, slot_id: str, status: SlotStatus) -> None:
        """Keep what is left in a slot as a reading, and spare packs as a person's count would be.

        Raises:
            DashRefused: the device has no such slot, or the quantities make no level.
        """
        now = self.now()
        slot = self._slot(who, slot_id)
        share = _share(status)
        with self._database.write() as session:
            if slot.capacity is not None and share is not None:
                unit = BY_BASE[slot.unit]
                number = min(MAX_NUMBER, round(share * slot.capacity / unit.factor))
                _record(session, slot, timedelta(0), now, t="level", n=number)
                if status.on_hand is not None and status.original:
                    packs = int(status.on_hand / status.original * slot.capacity / slot.pack_amount)
                    correct_spare(session, slot, min(_MOST_SPARE_PACKS, packs), now)
            session.get_one(Device, slot.device_id).last_seen_at = now
            slot.due_at = now
            session.add(slot)
        self._on_change()

    def report_device(self, who: Speaker, active_at: datetime) -> None:
        """Keep when the device was active last; nobody is believed about the future."""
        with self._database.write() as session:
            device = session.get_one(Device, who.device_id)
            seen = min(active_at, self.now())
            if device.last_seen_at is None or seen > device.last_seen_at:
                device.last_seen_at = seen
                session.add(device)

    def subscriptions(self, who: Speaker) -> dict[str, tuple[bool, list[dict[str, Any]]]]:
        """By slot key: whether it may want something, and the product it would get."""
        with self._database.read() as session:
            return {
                slot.key: (
                    session.get(SlotMandate, slot.id) is not None,
                    [
                        {
                            "asin": slot.item_id,
                            "quantity": slot.pack_amount / BY_BASE[slot.unit].factor,
                            "unit": "grams" if slot.unit == "mg" else "count",
                        }
                    ],
                )
                for slot in _slots(session, who)
            }

    def order_info(self, who: Speaker, event_id: str) -> dict[str, Any]:
        """What became of an event.

        Raises:
            DashRefused: it was not this device's.
        """
        with self._database.read() as session:
            keys = {slot.id: slot for slot in _slots(session, who)}
            order = session.get(PurchaseOrder, event_id)
            if order is not None and order.slot_id in keys:
                status = ORDER_STATUS[State(order.state)]
                item = _item(keys[order.slot_id], order.item_id, order.packs, status)
                return {"instanceId": event_id, "orderItems": [item]}
            test = session.exec(select(DashTestOrder).where(DashTestOrder.id == event_id)).first()
            if test is not None and test.slot_id in keys:
                slot = keys[test.slot_id]
                return {"instanceId": event_id, "orderItems": [_item(slot, slot.item_id, 1, "Pending")]}
            decision = session.get(DecisionRecord, event_id)
            if decision is not None and decision.slot_id in keys:
                return {"instanceId": event_id, "orderItems": []}
        raise DashRefused("NO_EVENT", "this device has no such eventInstanceId")

    def cancel_tests(self, who: Speaker, slot_id: str | None) -> list[str]:
        """Free one slot, or every slot, of its test order; returns their keys.

        Raises:
            DashRefused: the device has no such slot.
        """
        chosen = None if slot_id is None else self._slot(who, slot_id)
        with self._database.write() as session:
            slots = [slot for slot in _slots(session, who) if chosen is None or slot.id == chosen.id]
            for slot in slots:
                test = session.get(DashTestOrder, slot.id)
                if test is not None:
                    session.delete(test)
            return [slot.key for slot in slots]

    def deregister(self, who: Speaker) -> None:
        """End every token of the device; its orders and readings stay the household's."""
        with self._database.write() as session:
            for row in session.exec(select(DashToken).where(DashToken.device_id == who.device_id)):
                row.revoked_at = row.revoked_at or self.now()
                session.add(row)

    def _test_order(self, slot: Slot, late: bool, now: datetime) -> tuple[str, DetailCode]:
        """The whole way but the order: decided as a press, and busy until it is freed."""
        with self._database.write() as session:
            test = session.get(DashTestOrder, slot.id)
            busy = open_order(session, slot.id)
            if test is not None or busy is not None:
                return (test.id if test is not None else busy.id if busy else ""), DetailCode.ORDER_INPROGRESS
            decision, decision_id = judge_press(session, slot, late, now)
            if decision.kind is not Kind.ORDER:
                return decision_id, detail_code(decision)
            test = DashTestOrder(slot_id=slot.id, id=new_id("test"), decision_id=decision_id, at=now)
            session.add(test)
            return test.id, DetailCode.TEST_ORDER_PLACED

    def _slot(self, who: Speaker, slot_id: str) -> Slot:
        with self._database.read() as session:
            for slot in _slots(session, who):
                if slot_id in (slot.key, slot.id):
                    return slot
        raise DashRefused("NO_SLOT", f"this device has no slot {slot_id[:40]!r}; see subscriptionInfo")


def _slots(session: Session, who: Speaker) -> list[Slot]:
    return list(session.exec(select(Slot).where(Slot.device_id == who.device_id).order_by(col(Slot.key))))


def _hands_over(session: Session, order_id: str) -> bool:
    """Whether the order's shop takes no orders from programs, so that a person buys."""
    order = session.get_one(PurchaseOrder, order_id)
    return session.get_one(Retailer, order.retailer_id).kind in (RetailerKind.CART, RetailerKind.LIST)


def _share(status: SlotStatus) -> float | None:
    if status.remaining is None and status.original is None:
        return None
    if status.remaining is None or status.original is None or status.original <= 0:
        raise DashRefused(
            "QUANTITY", "send remainingQuantityInUnit with originalQuantityInUnit, which is more than 0"
        )
    if not 0 <= status.remaining <= 1.05 * status.original:
        raise DashRefused("QUANTITY", "remainingQuantityInUnit lies between 0 and originalQuantityInUnit")
    return min(1.0, status.remaining / status.original)


def _record(session: Session, slot: Slot, age: timedelta, now: datetime, **event: int | str) -> PressKey:
    """Store an event as if the device itself had sent it, under a boot id of the cloud's own."""
    last = session.exec(
        select(func.max(Reading.seq)).where(Reading.device_id == slot.device_id, Reading.boot == _BOOT)
    ).one()
    seq = 0 if last is None else last + 1
    age_s = min(MAX_AGE_S, max(0, round(age.total_seconds())))
    envelope = {"v": SCHEMA, "b": _BOOT, "s": seq, "k": slot.key, "a": age_s, **event}
    topic = f"rp/1/{slot.device_id}/up/ev"
    store_batch(session, [Incoming(topic, msgspec.json.encode(envelope), False, now)])
    session.flush()
    return PressKey(slot.device_id, _BOOT, seq)


def _item(slot: Slot, item_id: str, packs: int, status: str) -> dict[str, Any]:
    return {
        "asin": item_id,
        "expectedDeliveryDate": None,
        "quantity": packs,
        "slotId": slot.key,
        "status": status,
    }
