"""One batch of messages into one transaction: readings, quarantine, reports, slots marked due.

It never acknowledges anything; the caller does, after the commit. Statements are few and set-based, and no
ORM object is made on the way of a reading.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection
from sqlmodel import Session

from replenish_server.database import Bulk, to_ms
from replenish_server.fleet import commands, twin
from replenish_server.fleet.alarms import alarm_of, note_alarm, note_double, note_resolution, resolution_of
from replenish_server.fleet.troubles import Said, note_troubles
from replenish_server.ids import DeviceId
from replenish_server.telemetry.ahead import Leaps
from replenish_server.telemetry.codec import (
    PRESS_AGE_LIMIT,
    Event,
    Rejected,
    decode_event,
    decode_report,
    parse_topic,
)
from replenish_server.telemetry.conduct import Pace
from replenish_server.telemetry.deduplication import Boot, take
from replenish_server.telemetry.quarantine import keep_refused
from replenish_server.telemetry.sources import SlotMarks, Source, Sources
from replenish_server.telemetry.tables import MEASURED, QUALITIES

# "Last seen" is written when it is older than this, not with each message; in a crowd later.
_SEEN_STEP_MS = 10_000
_CROWD, _CROWD_STEP_MS = 200, 60_000
_KIND = {kind: number for number, kind in enumerate(MEASURED)}
_QUALITY = {quality: number << 2 for number, quality in enumerate(QUALITIES)}


class Incoming(msgspec.Struct, frozen=True, gc=False):
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
        repeated: those of them that were stored before, and may be decided by now.
        slots_due: whether any slot wants to be evaluated at once.
        slots_pressed: those where somebody presses and waits.
    """

    acks: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    presses: list[PressKey] = field(default_factory=list)
    repeated: list[PressKey] = field(default_factory=list)
    slots_due: bool = False
    slots_pressed: list[str] = field(default_factory=list)


def store_batch(session: Session, batch: list[Incoming]) -> Stored:
    """Store one batch by itself; a stream of them is cheaper through one `ReadingStore`."""
    return ReadingStore().store(session, batch)


class ReadingStore:
    """Stores batches, and remembers between them what it must not ask the database again.

    Args:
        patience: how long an ordinary reading may wait for the next look at its slot; low ones, refills
            and presses never do.
        pace: how fast a device may speak; None as fast as it can.
    """

    def __init__(self, patience: timedelta = timedelta(0), pace: Pace | None = None) -> None:
        self._patience_ms = patience // timedelta(milliseconds=1)
        self._pace = pace
        self._sources = Sources()

    def forget(self) -> None:
        """A transaction failed: what is remembered may never have been stored."""
        self._sources.forget()

    def store(self, session: Session, batch: list[Incoming]) -> Stored:
        """Store every message of the batch, or its refusal, and mark the slots that it concerns as due.

        The order within the batch does not matter, and neither does storing a message again.
        """
        sources, connection = self._sources, session.connection
        sources.begin()
        speakers = sources.speakers(connection(), [message.topic for message in batch])
        sources.recall(connection(), _first_boots(batch, speakers).values())
        work = _Work(session, sources, self._patience_ms, self._pace)
        for message, source in zip(batch, speakers, strict=True):
            work.take_in(message, source)
        stored = work.finish()
        sources.written(connection())
        return stored


class _Work:
    """What one batch has gathered so far."""

    def __init__(
        self,
        session: Session,
        sources: Sources,
        patience_ms: int,
        pace: Pace | None,
    ) -> None:
        self._patience_ms, self._pace = patience_ms, pace
        self._session, self._sources, self._batch = session, sources, sources.batch
        self._connection: Connection = session.connection()
        self._samples: list[tuple[int, int, int, int, int, int, int | None]] = []
        self._events: list[tuple[Any, ...]] = []
        self._boots: list[Boot] = []
        self._heard: list[Source] = []
        self._due: dict[str, SlotMarks] = {}
        self._alarms: list[tuple[str, str, datetime]] = []
        self._healths: list[Said] = []
        self._steps: dict[str, int] = {}
        self._held: dict[str, int] = {}
        self._doubled: dict[str, datetime] = {}
        self._leaps = Leaps()
        self._stored = Stored()
        self._received_at: datetime | None = None
        self._received_ms = 0

    def take_in(self, message: Incoming, source: Source | None) -> None:
        """Gather one message of a device, or refuse it; None for its source where nobody is registered."""
        if source is None:
            self._refuse_stranger(message)
            return
        is_report = message.topic[-1] == "t"  # up/st, and not up/ev
        if not message.payload and (is_report or source.revoked):
            return  # what the broker retained was cleared
        if source.revoked:
            reason = f"device {source.device_id!r} was revoked; nothing of it counts"
            self._refuse(message, Rejected("revoked", reason))
            return
        if message.received_at is not self._received_at:
            self._received_at, self._received_ms = message.received_at, to_ms(message.received_at)
        if not message.retained:  # a copy comes whenever we subscribe, of a device silent since long ago, too
            if source.batch != self._batch:
                source.batch, source.paced_before_ms = self._batch, source.conduct.paced_ms
                self._heard.append(source)
                self._leaps.note(source, self._received_ms)
            source.seen_ms = max(source.seen_ms, self._received_ms)
        if self._pace is not None and not source.conduct.may_speak(self._received_ms, self._pace):
            # Neither stored nor acknowledged to the device: an honest one still has it, and sends it again.
            self._held[source.device_id] = self._held.get(source.device_id, 0) + 1
            return
        if is_report:
            self._report(source.device_id, message)
            return
        event = decode_event(message.payload)
        if type(event) is Event:
            self._event(source, event, message)
        elif isinstance(event, Rejected):
            self._refuse_event(source, message, event)

    def _event(self, source: Source, event: Event, message: Incoming) -> None:
        slot = source.slot(event.slot_key)
        if slot is None and event.type != "hello":
            reason = f"device {source.device_id!r} has no slot {event.slot_key!r}"
            key = (event.boot, event.seq)
            self._refuse_event(source, message, Rejected("unknown_slot", reason, key))
            return
        late = message.retained or event.type == "press"
        lateness = _lateness(event, message.retained) if late else None
        if lateness is not None:
            self._refuse(message, lateness)
        boot = self._boot(source, event.boot)
        if event.type == "press":
            self._stored.presses.append(PressKey(source.device_id, event.boot, event.seq))
        else:
            _acknowledge(boot, event.seq)
        if not take(self._connection, boot, event.seq):
            if event.type == "press":
                self._stored.repeated.append(self._stored.presses[-1])
            return
        at_ms = self._received_ms - event.age_s * 1000
        if not message.retained and source.conduct.is_two(boot.name, at_ms):
            self._doubled[source.device_id] = message.received_at
        if lateness is None:
            self._note_health(source, slot, event, message.received_at)
        kind = _KIND.get(event.type)
        if kind is None:
            self._events.append(
                _event_row(source.device_id, event, lateness is not None, at_ms, self._received_ms)
            )
        elif slot is not None:
            stream = slot.stream
            if stream is None:
                stream = self._sources.stream(self._connection, source, slot)
            flags = kind | _QUALITY[event.quality] | event.clock << 4 | (lateness is not None) << 6
            self._samples.append((stream, at_ms, boot.number, event.seq, event.age_s, flags, event.number))
        if slot is not None and event.type != "hello":
            self._want_look(slot, event)

    def _note_health(
        self, source: Source, slot: SlotMarks | None, event: Event, received_at: datetime
    ) -> None:
        """Keep of a device's health what a person should see; a device sends its oldest record first."""
        if event.type == "hello":
            at = received_at - timedelta(seconds=event.age_s)
            self._alarms.append((source.device_id, alarm_of(event.health), at))
            if event.health is not None:
                self._healths.append((source.device_id, at, event.health))
        elif slot is not None and event.health and (step := resolution_of(event.health)) is not None:
            self._steps[slot.slot_id] = step

    def _want_look(self, slot: SlotMarks, event: Event) -> None:
        """Make a slot due, at once or when its turn has come."""
        wish = self._received_ms
        if slot.in_hurry(event.type, event.number):
            self._stored.slots_due = True
            if event.type == "press":
                self._stored.slots_pressed.append(slot.slot_id)
        else:
            wish += self._patience_ms
        if slot.due_as_of != self._sources.age or slot.due_ms > wish:
            slot.due_as_of, slot.due_ms = self._sources.age, wish
            self._due[slot.slot_id] = slot

    def finish(self) -> Stored:
        """Write what was gathered, one statement for each table."""
        connection = self._connection
        for source in self._leaps.settle(self._session, self._received_ms):
            for slot in source.slots:
                slot.due_as_of, slot.due_ms = self._sources.age, source.seen_ms
                self._due[slot.slot_id] = slot
        if len(self._heard) >= _CROWD:
            self._samples.sort()  # in the order of their places, so that each page is looked for once
        _INSERT_SAMPLE.run(connection, self._samples)
        _INSERT_EVENT.run(connection, self._events)
        stored = self._stored
        self._sources.ranges.write(connection, self._boots, urgent=bool(stored.presses))
        for boot in self._boots:
            if boot.acks:
                stored.acks[boot.device_id, boot.name] = boot.acks
                boot.acks = None
        self._mark_seen()
        for device_id, count in self._held.items():
            self._hold_back(device_id, count)
        for device_id, at in self._doubled.items():
            note_double(self._session, device_id, at)
        for alarm in self._alarms:
            note_alarm(self._session, *alarm)
        if self._healths:
            note_troubles(self._session, self._healths)
        for slot_id, step in self._steps.items():
            note_resolution(self._session, slot_id, step)
        due = [(slot.due_ms, slot_id, slot.due_ms) for slot_id, slot in self._due.items()]
        _MARK_DUE.run(connection, due)
        return stored

    def _mark_seen(self) -> None:
        step_ms = _SEEN_STEP_MS if len(self._heard) < _CROWD else _CROWD_STEP_MS
        seen = []
        for source in self._heard:
            if source.seen_ms - source.last_seen_ms >= step_ms:
                source.last_seen_ms = source.seen_ms
                seen.append((source.seen_ms, source.device_id, source.seen_ms))
        _MARK_SEEN.run(self._connection, seen)

    def _boot(self, source: Source, name: str) -> Boot:
        boot = source.boot
        if boot is None or boot.name != name:
            boot = source.known_boot(name) or self._sources.boot(self._connection, source, name)
            source.boot = boot
        if not boot.acks and not boot.changed:
            self._boots.append(boot)
        return boot

    def _refuse_event(self, source: Source, message: Incoming, rejected: Rejected) -> None:
        """Refused, and acknowledged where its key can be read: a device must not send it for ever."""
        self._refuse(message, rejected)
        if rejected.key is not None:
            _acknowledge(self._boot(source, rejected.key[0]), rejected.key[1])

    def _refuse_stranger(self, message: Incoming) -> None:
        """A topic of nobody, or of somebody who is not registered."""
        address = parse_topic(message.topic)
        if address is None:
            self._refuse(message, Rejected("topic", "no device event or report has this topic"))
        else:
            reason = f"no device {address[0]!r} is registered here"
            self._refuse(message, Rejected("unknown_device", reason))

    def _refuse(self, message: Incoming, rejected: Rejected) -> None:
        keep_refused(self._session, message, rejected)

    def _hold_back(self, device_id: str, count: int) -> None:
        """One row for all that a device says too fast: its flood must not fill the quarantine."""
        nothing = Incoming(f"rp/1/{device_id}/up/ev", b"", False, self._received_at or datetime.now(UTC))
        reason = "more messages than an honest device has; held back until there is room again"
        keep_refused(self._session, nothing, Rejected("too_fast", reason), count)

    def _report(self, device_id: str, message: Incoming) -> None:
        report = decode_report(message.payload)
        if isinstance(report, Rejected):
            self._refuse(message, report)
        else:
            twin.record_report(self._session, DeviceId(device_id), report, message.received_at)
            commands.record_answer(self._session, device_id, report, message.received_at)
            health = report.get("h")
            if isinstance(health, dict) and not message.retained:  # a retained copy may be of long ago
                self._healths.append((device_id, message.received_at, health))


def _first_boots(batch: list[Incoming], speakers: list[Source | None]) -> dict[str, tuple[Source, str]]:
    """Device id -> source and boot, of those of whom no boot is remembered: all of them after a start."""
    first = {}
    for message, source in zip(batch, speakers, strict=True):
        if source is not None and source.boot is None and not source.boots:
            event = decode_event(message.payload)
            if type(event) is Event:
                first[source.device_id] = source, event.boot
    return first


def _lateness(event: Event, retained: bool) -> Rejected | None:
    if retained:
        return Rejected("retained", "an event arrived as a retained copy; it informs but never orders")
    if event.type == "press" and timedelta(seconds=event.age_s) > PRESS_AGE_LIMIT:
        minutes = event.age_s // 60
        return Rejected("stale_press", f"the press is {minutes} minutes old; it asks instead of ordering")
    return None


def _acknowledge(boot: Boot, seq: int) -> None:
    if boot.acks is None:
        boot.acks = [seq]
    else:
        boot.acks.append(seq)


def _event_row(device_id: str, event: Event, late: bool, at_ms: int, received_ms: int) -> tuple[Any, ...]:
    health = None if event.health is None else json.dumps(event.health)
    key = (device_id, event.boot, event.seq)
    return (*key, event.type, event.slot_key, event.gesture, event.clock, late, health, at_ms, received_ms)


_SAMPLE = "sample(stream_id, at_ms, boot, seq, age_s, flags, number)"
_INSERT_SAMPLE = Bulk(
    f"INSERT INTO {_SAMPLE} VALUES(?, ?, ?, ?, ?, ?, ?)",
    f"INSERT INTO {_SAMPLE} SELECT * FROM {{rows}}",
    "bigint bigint bigint bigint bigint bigint bigint",
)
_EVENT = (
    "device_event(device_id, boot, seq, type, slot_key, gesture, clock, late, health,"
    " occurred_at, received_at)"
)
_INSERT_EVENT = Bulk(
    f"INSERT INTO {_EVENT} VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    f"INSERT INTO {_EVENT} SELECT * FROM {{rows}}",
    "text text bigint text text text bigint boolean json bigint bigint",
)
_MARK_DUE = Bulk(
    "UPDATE slot SET due_at = ? WHERE id = ? AND (due_at IS NULL OR due_at > ?)",
    "UPDATE slot SET due_at = new.at FROM {rows} AS new(at, id, before)"
    " WHERE slot.id = new.id AND (slot.due_at IS NULL OR slot.due_at > new.before)",
    "bigint text bigint",
)
_MARK_SEEN = Bulk(
    "UPDATE device SET last_seen_at = ? WHERE id = ? AND (last_seen_at IS NULL OR last_seen_at < ?)",
    "UPDATE device SET last_seen_at = new.at FROM {rows} AS new(at, id, before)"
    " WHERE device.id = new.id AND (device.last_seen_at IS NULL OR device.last_seen_at < new.before)",
    "bigint text bigint",
)
