"""Who may speak, and how far each boot has come: read once, remembered, bounded.

Only the writer of readings changes what is remembered here; after a transaction that failed it must `forget`.
"""

import json
import secrets
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Text, bindparam, func, select
from sqlmodel import col

from replenish_server.database import Prepared, ask, state_after, state_before
from replenish_server.fleet.tables import Device, Slot, Twin
from replenish_server.fleet.units import BY_BASE
from replenish_server.telemetry.conduct import Conduct
from replenish_server.telemetry.seen import Boot, Ledger, newest_range
from replenish_server.telemetry.tables import Stream

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_BELIEVED_S = 4.0  # a device that was removed by another process is still heard for this long
_SOURCES_KEPT = 200_000  # about 1.5 KiB each
_RISE_SHARE = 0.05  # of the capacity: more than noise, less than any pack
_BOOTS_KEPT = 4  # of one device; one that restarts all the time must not fill the memory


# These are Structs that the garbage collector does not track: a hundred thousand devices are as many
# objects, and going through them at every collection cost more than the messages themselves.
class SlotMarks(msgspec.Struct, gc=False):
    """What of a slot decides how soon a reading is worth a look, in wire units.

    Args:
        slot_id: which slot.
        low: the person's threshold or the policy's watch level, whichever is higher; 0 without either.
        rise: what counts as a refill.
        last: the newest reading; None before the first since the server started.
        stream: number of what is measured there; None before its first reading.
        due_ms: a moment by which it is due at the latest, in Unix milliseconds.
        due_as_of: `Sources.age` at which that was true; it is unknown at any other.
    """

    slot_id: str
    low: int
    rise: int
    last: int | None = None
    stream: int | None = None
    due_ms: int = 0
    due_as_of: int = 0

    def in_hurry(self, kind: str, number: int | None) -> bool:
        """Whether a reading must not wait, because it is low, or a refill, or a press; it is the last now."""
        last, self.last = self.last, number if number is not None else self.last
        if kind not in ("level", "usage") or last is None:
            return True
        return kind == "level" and number is not None and (number <= self.low or number >= last + self.rise)


class Source(msgspec.Struct, gc=False):
    """A registered device, as far as ingest must know it.

    Args:
        device_id: its id.
        slots: slot key -> the slot.
        streams: slot key -> number of the stream.
        boots: by boot id, the latest few.
        boot: the one that spoke last.
        last_seen_ms: what the device's row says, Unix milliseconds; 0 before its first message.
        seen_ms: the newest message of all batches.
        checked_s: when the database was asked, in monotonic seconds.
        revoked: whether nothing that it says counts any more.
        conduct: how it behaves.
    """

    device_id: str
    slots: dict[str, SlotMarks]
    last_seen_ms: int
    checked_s: float
    revoked: bool = False
    streams: dict[str, int] = {}
    boots: dict[str, Boot] = {}
    boot: Boot | None = None
    seen_ms: int = 0
    conduct: Conduct = msgspec.field(default_factory=Conduct)


class Sources:
    """All devices that spoke lately.

    `age` changes whenever somebody else may have written.

    Args:
        ledger: keeps what of their boots is stored.
    """

    def __init__(self, ledger: Ledger | None = None) -> None:
        self.age = 0
        self.ledger = ledger or Ledger()
        self._known: dict[str, Source] = {}
        self._version: object = None
        self._changed_s = 0.0
        self._name = secrets.token_hex(8)
        self._paced_before: dict[str, float] = {}  # of those in the batch in hand
        self._paced_ms: dict[str, float] = {}  # of those that were forgotten

    def begin(self) -> None:
        """The last batch, if there was one, is committed, or `forget` was called since."""
        self._paced_before = {}

    def forget(self) -> None:
        """Believe nothing: a transaction failed, and what is remembered may never have been stored.

        How fast each device has spoken is remembered as it was before the transaction: who floods until one
        fails has no new burst, and whose batch fails many times pays for it once.
        """
        if len(self._paced_ms) > _SOURCES_KEPT:
            self._paced_ms.clear()
        self._paced_ms.update((name, source.conduct.paced_ms) for name, source in self._known.items())
        self._paced_ms.update(self._paced_before)
        self._paced_before = {}
        self._known.clear()
        self._version = None

    def look_up(self, connection: Connection, names: Iterable[str]) -> dict[str, Source]:
        """All that is remembered, after asking the database about those of `names` that may have changed."""
        moment = time.monotonic()
        if connection.dialect.name == "sqlite" and not connection.info.get(_PAGES_KEPT):
            ask(connection, _PAGES_KEPT)
            connection.info[_PAGES_KEPT] = True
        known, names = self._known, list(names)
        if state_before(connection) != self._version:
            self._changed_s = moment
            self.age += 1
            self._take_over(connection)
            self._doubt_moved(connection, [name for name in names if name in known])
        old = min(self._changed_s, moment - _BELIEVED_S)
        unsure = [name for name in names if (source := known.get(name)) is None or source.checked_s < old]
        if unsure:
            if len(known) + len(unsure) > _SOURCES_KEPT:
                self.ledger.settle(connection)
                known.clear()
            self._ask(connection, unsure, moment)
        self._paced_before = {name: known[name].conduct.paced_ms for name in names if name in known}
        return known

    def written(self, connection: Connection) -> None:
        """All of a batch is written: what differs from here at the next one, somebody else did."""
        self._version = state_after(connection)

    def _take_over(self, connection: Connection) -> None:
        """If another process stored readings since, what is remembered of boots here is out of date."""
        if self._version is None:
            self.ledger.settle(connection)
        if ask(connection, _LAST_WRITER) != [(self._name,)]:
            self.ledger.settle(connection)
            self._known.clear()
            ask(connection, _NAME_WRITER, (self._name,))

    def _doubt_moved(self, connection: Connection, names: list[str]) -> None:
        """Forget devices whose streams are no longer theirs: removed, or moved to another household.

        A number that was given away meanwhile would put their readings among another's.
        """
        there: dict[str, dict[str, int]] = {name: {} for name in names}
        if connection.dialect.name == "sqlite":
            rows = ask(connection, _STREAMS_LISTED, (json.dumps(names),))
        else:
            rows = ask(connection, _STREAMS_AMONG, (names,))
        for device_id, slot_key, number in rows:
            there[device_id][slot_key] = number
        moved = [name for name in names if self._known[name].streams != there[name]]
        if moved:
            self.ledger.settle(connection)
        for name in moved:
            del self._known[name]

    def boot(self, connection: Connection, source: Source, name: str) -> Boot:
        """A boot of a device with its newest stored range."""
        number = int(name, 16)
        if len(source.boots) >= _BOOTS_KEPT:
            idle = [boot for boot in source.boots.values() if not boot.changed and not boot.acks]
            if any(boot.logged for boot in idle):
                self.ledger.settle(connection)
            for boot in idle:
                del source.boots[boot.name]
        low, high = newest_range(connection, source.device_id, number)
        found = source.boots[name] = Boot(source.device_id, name, number, low, high)
        return found

    def stream(self, connection: Connection, source: Source, slot_key: str) -> int:
        """The number of a device's stream, given to it at its first reading."""
        number: int = ask(connection, _NEW_STREAM, (source.device_id, slot_key))[0][0]
        source.streams[slot_key] = source.slots[slot_key].stream = number
        return number

    def _ask(self, connection: Connection, names: list[str], moment: float) -> None:
        """One query for all devices; who is not registered any more is not remembered any more."""
        known, found = self._known, set()
        if connection.dialect.name == "sqlite":
            rows = _DEVICES_LISTED.rows(connection, names=json.dumps(names))
        else:
            rows = list(connection.execute(_DEVICES_AMONG, {"names": names}))
        for row in rows:
            device_id, last_seen_at, revoked_at, stream_id, key, *slot = row
            source = known.get(device_id)
            if source is None:
                seen_ms = unix_ms(last_seen_at) if last_seen_at is not None else 0
                source = known[device_id] = Source(device_id, {}, seen_ms, moment)
                source.conduct.paced_ms = self._paced_ms.pop(device_id, 0.0)
            if device_id not in found:
                found.add(device_id)
                before, source.slots, source.checked_s = source.slots, {}, moment
                source.revoked = revoked_at is not None
            if key is not None:
                marks = source.slots[key] = _marks(key, *slot)
                marks.last = before[key].last if key in before else None
                if stream_id is not None:
                    source.streams[key] = marks.stream = stream_id
        for name in names:
            if name not in found and known.pop(name, None) is not None:
                self.ledger.settle(connection)


def _marks(
    key: str, slot_id: str, unit: str, capacity: int | None, threshold: int | None, desired: Any
) -> SlotMarks:
    factor = BY_BASE[unit].factor
    watch = (desired or {}).get("slots", {}).get(key, {}).get("watch") or 0
    rise = max(1, int((capacity or 0) // factor * _RISE_SHARE))
    return SlotMarks(slot_id, max((threshold or 0) // factor, watch), rise)


def unix_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970, as `database.UtcTime` keeps them."""
    return (moment - _EPOCH) // _MILLISECOND


_PAGES_KEPT = "PRAGMA cache_size=-32768"  # up to 32 MiB where a fleet needs them; a home needs two
_LAST_WRITER = "SELECT name FROM reading_writer WHERE id = 1"
_NAME_WRITER = (
    "INSERT INTO reading_writer(id, name) VALUES(1, ?) ON CONFLICT(id) DO UPDATE SET name = excluded.name"
)
_STREAMS = "SELECT device_id, slot_key, id FROM stream WHERE device_id"
_STREAMS_LISTED = f"{_STREAMS} IN (SELECT value FROM json_each(?))"
_STREAMS_AMONG = f"{_STREAMS} = ANY(?::text[])"
_NEW_STREAM = (
    "INSERT INTO stream(device_id, slot_key) VALUES(?, ?)"
    " ON CONFLICT(device_id, slot_key) DO UPDATE SET slot_key = excluded.slot_key RETURNING id"
)
_DEVICES = (
    select(
        col(Device.id),
        col(Device.last_seen_at),
        col(Device.revoked_at),
        col(Stream.id),
        col(Slot.key),
        col(Slot.id),
        col(Slot.unit),
        col(Slot.capacity),
        col(Slot.threshold),
        col(Twin.desired),
    )
    .outerjoin(Slot, col(Slot.device_id) == col(Device.id))
    .outerjoin(Stream, (col(Stream.device_id) == col(Device.id)) & (col(Stream.slot_key) == col(Slot.key)))
    .outerjoin(Twin, col(Twin.device_id) == col(Device.id))
)
_LISTED = select(func.json_each(bindparam("names", type_=Text)).table_valued("value").c.value)
_DEVICES_LISTED: Prepared[Any] = Prepared(_DEVICES.where(col(Device.id).in_(_LISTED)))
_DEVICES_AMONG = _DEVICES.where(col(Device.id).in_(bindparam("names", expanding=True)))
