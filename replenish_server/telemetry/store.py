"""One batch of messages into one transaction: readings, quarantine, reports, slots marked due.

It never acknowledges anything; the caller does, after the commit.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, update
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import Session, col, select

from replenish_server.database import UtcTime
from replenish_server.fleet import twin
from replenish_server.fleet.tables import Device, Slot
from replenish_server.ids import DeviceId
from replenish_server.telemetry.codec import (
    PRESS_AGE_LIMIT,
    Event,
    Rejected,
    decode_event,
    decode_report,
    parse_topic,
)
from replenish_server.telemetry.tables import Quarantined, Reading

_KEPT_PAYLOAD_BYTES = 1024  # enough to see what it was; a quarantine must not be a way to fill the disk


@dataclass(frozen=True)
class Incoming:
    """A message as the broker delivered it."""

    topic: str
    payload: bytes
    retained: bool
    received_at: datetime


@dataclass(frozen=True, order=True)
class PressKey:
    """Which press: the same three numbers that make any reading unique."""

    device_id: str
    boot: str
    seq: int


@dataclass
class Stored:
    """What a committed batch allows to be said.

    Args:
        acks: (device id, boot id) -> sequences that are now safe.
        presses: presses among them, which are answered one by one.
        slots_due: whether any slot wants to be evaluated.
    """

    acks: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    presses: list[PressKey] = field(default_factory=list)
    slots_due: bool = False


def store_batch(session: Session, batch: list[Incoming]) -> Stored:
    """Store every message of the batch, or its refusal, and mark the slots that it concerns as due.

    The order within the batch does not matter, and neither does storing a message again.
    """
    stored = Stored()
    slots = _known_slots(session, batch)
    rows: list[dict[str, Any]] = []
    due: dict[str, datetime] = {}
    seen: dict[str, datetime] = {}
    for message in batch:
        address = parse_topic(message.topic)
        if address is None:
            _quarantine(session, message, Rejected("topic", "no device event or report has this topic"))
            continue
        device_id, kind = address
        if device_id not in slots:
            reason = Rejected("unknown_device", f"no device {device_id!r} is registered here")
            _quarantine(session, message, reason)
            continue
        seen[device_id] = max(message.received_at, seen.get(device_id, message.received_at))
        if kind == "st":
            _store_report(session, DeviceId(device_id), message)
            continue
        event = decode_event(message.payload)
        if isinstance(event, Event) and event.type != "hello" and event.slot_key not in slots[device_id]:
            key = (event.boot, event.seq)
            event = Rejected("unknown_slot", f"device {device_id!r} has no slot {event.slot_key!r}", key)
        if isinstance(event, Rejected):
            _quarantine(session, message, event)
            if event.key is not None:
                stored.acks.setdefault((device_id, event.key[0]), []).append(event.key[1])
            continue
        late = _lateness(event, message.retained)
        if late is not None:
            _quarantine(session, message, late)
        rows.append(_row(device_id, event, message, late is not None))
        if event.type == "press":
            stored.presses.append(PressKey(device_id, event.boot, event.seq))
        else:
            stored.acks.setdefault((device_id, event.boot), []).append(event.seq)
        if event.type != "hello":
            slot_id = slots[device_id][event.slot_key]
            due[slot_id] = min(message.received_at, due.get(slot_id, message.received_at))
    if rows:
        session.connection().execute(insert(Reading).on_conflict_do_nothing(), rows)
    _mark(session, due, seen)
    stored.slots_due = bool(due)
    return stored


def _known_slots(session: Session, batch: Iterable[Incoming]) -> dict[str, dict[str, str]]:
    """Device id -> slot key -> slot id, for the devices named in the batch that are registered."""
    named = {address[0] for message in batch if (address := parse_topic(message.topic))}
    found: dict[str, dict[str, str]] = {
        device_id: {} for device_id in session.exec(select(Device.id).where(col(Device.id).in_(named)))
    }
    query = select(Slot.device_id, Slot.key, Slot.id).where(col(Slot.device_id).in_(found))
    for device_id, key, slot_id in session.exec(query):
        found[device_id][key] = slot_id
    return found


def _lateness(event: Event, retained: bool) -> Rejected | None:
    if retained:
        return Rejected("retained", "an event arrived as a retained copy; it informs but never orders")
    if event.type == "press" and timedelta(seconds=event.age_s) > PRESS_AGE_LIMIT:
        minutes = event.age_s // 60
        return Rejected("stale_press", f"the press is {minutes} minutes old; it asks instead of ordering")
    return None


def _row(device_id: str, event: Event, message: Incoming, late: bool) -> dict[str, Any]:
    return {
        "device_id": device_id,
        "boot": event.boot,
        "seq": event.seq,
        "type": event.type,
        "slot_key": event.slot_key,
        "number": event.number,
        "quality": event.quality,
        "gesture": event.gesture,
        "clock": event.clock,
        "late": late,
        "health": event.health,
        "occurred_at": message.received_at - timedelta(seconds=event.age_s),
        "received_at": message.received_at,
    }


def _store_report(session: Session, device_id: DeviceId, message: Incoming) -> None:
    report = decode_report(message.payload)
    if isinstance(report, Rejected):
        _quarantine(session, message, report)
    else:
        twin.record_report(session, device_id, report, message.received_at)


def _mark(session: Session, due: dict[str, datetime], seen: dict[str, datetime]) -> None:
    """One statement for all slots and one for all devices, whatever their number."""
    connection = session.connection()
    if due:
        connection.execute(_MARK_DUE, [{"which": which, "moment": at} for which, at in due.items()])
    if seen:
        connection.execute(_MARK_SEEN, [{"which": which, "moment": at} for which, at in seen.items()])


_MOMENT = bindparam("moment", type_=UtcTime())
_MARK_DUE = (
    update(Slot)
    .where(col(Slot.id) == bindparam("which"))
    .values(due_at=func.min(func.coalesce(col(Slot.due_at), _MOMENT), _MOMENT))
)
_MARK_SEEN = (
    update(Device)
    .where(col(Device.id) == bindparam("which"))
    .values(last_seen_at=func.max(func.coalesce(col(Device.last_seen_at), _MOMENT), _MOMENT))
)


def _quarantine(session: Session, message: Incoming, rejected: Rejected) -> None:
    digest = hashlib.sha256(f"{message.topic}\0{rejected.code}\0".encode() + message.payload).hexdigest()
    row = insert(Quarantined).values(
        fingerprint=digest[:32],
        topic=message.topic[:256],
        code=rejected.code,
        reason=rejected.reason[:500],
        payload=message.payload[:_KEPT_PAYLOAD_BYTES],
        size=len(message.payload),
        retained=message.retained,
        seen=1,
        first_at=message.received_at,
        last_at=message.received_at,
    )
    session.execute(
        row.on_conflict_do_update(
            index_elements=["fingerprint"],
            set_={"seen": Quarantined.__table__.c.seen + 1, "last_at": message.received_at},  # type: ignore[attr-defined]
        )
    )
