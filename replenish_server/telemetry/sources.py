"""Who may speak, and what of each boot is stored already: read once, remembered, bounded.

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

from replenish_server.database import Bulk, Prepared, ask, state_after, state_before
from replenish_server.fleet.tables import Device, Slot, Twin
from replenish_server.fleet.units import BY_BASE
from replenish_server.telemetry.conduct import Conduct
from replenish_server.telemetry.tables import Stream

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_BELIEVED_S = 4.0  # a device that was removed by another process is still heard for this long
_SOURCES_KEPT = 200_000  # about 1.5 KiB each
_RISE_SHARE = 0.05  # of the capacity: more than noise, less than any pack
_BOOTS_KEPT = 4  # of one device; one that restarts all the time must not fill the memory


# These three are Structs that the garbage collector does not track: a hundred thousand devices are as many
# objects, and going through them at every collection cost more than the messages themselves.
class Boot(msgspec.Struct, gc=False):
    """One boot of a device, with the newest range of sequences that is stored without a gap.

    Args:
        device_id: whose.
        name: 8 hex digits.
        number: the same as a number.
        low: first sequence of the range.
        high: last one; below `low` when nothing is stored.
        changed: whether the range is to be written.
        acks: sequences of this batch that are safe once it is committed; None for none.
    """

    device_id: str
    name: str
    number: int
    low: int
    high: int
    changed: bool = False
    acks: list[int] | None = None


class SlotMarks(msgspec.Struct, gc=False):
    """What of a slot decides how soon a reading is worth a look, in wire units.

    Args:
        slot_id: which slot.
        low: the person's threshold or the policy's watch level, whichever is higher; 0 without either.
        rise: what counts as a refill.
        last: the newest reading; None before the first since the server started.
    """

    slot_id: str
    low: int
    rise: int
    last: int | None = None

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
    seen_ms: int = 0
    conduct: Conduct = msgspec.field(default_factory=Conduct)


class Sources:
    """All devices that spoke lately."""

    def __init__(self) -> None:
        self._known: dict[str, Source] = {}
        self._version: object = None
        self._changed_s = 0.0
        self._name = secrets.token_hex(8)

    def forget(self) -> None:
        """Believe nothing: a transaction failed, and what is remembered may never have been stored."""
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
            self._take_over(connection)
            self._doubt_moved(connection, [name for name in names if name in known])
        old = min(self._changed_s, moment - _BELIEVED_S)
        unsure = [name for name in names if (source := known.get(name)) is None or source.checked_s < old]
        if unsure:
            if len(known) + len(unsure) > _SOURCES_KEPT:
                known.clear()
            self._ask(connection, unsure, moment)
        return known

    def written(self, connection: Connection) -> None:
        """All of a batch is written: what differs from here at the next one, somebody else did."""
        self._version = state_after(connection)

    def _take_over(self, connection: Connection) -> None:
        """If another process stored readings since, what is remembered of boots here is out of date."""
        if ask(connection, _LAST_WRITER) != [(self._name,)]:
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
        for name in names:
            if self._known[name].streams != there[name]:
                del self._known[name]

    def boot(self, connection: Connection, source: Source, name: str) -> Boot:
        """A boot of a device with its newest stored range."""
        number = int(name, 16)
        newest = ask(connection, _NEWEST_RANGE, (source.device_id, number, _HIGHEST_SEQ))
        low, high = newest[0] if newest else (0, -1)
        if len(source.boots) >= _BOOTS_KEPT:
            idle = next((boot for boot in source.boots.values() if not boot.changed and not boot.acks), None)
            if idle is not None:
                del source.boots[idle.name]
        found = source.boots[name] = Boot(source.device_id, name, number, low, high)
        return found

    def stream(self, connection: Connection, source: Source, slot_key: str) -> int:
        """The number of a device's stream, given to it at its first reading."""
        number: int = ask(connection, _NEW_STREAM, (source.device_id, slot_key))[0][0]
        source.streams[slot_key] = number
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
            if device_id not in found:
                found.add(device_id)
                before, source.slots, source.checked_s = source.slots, {}, moment
                source.revoked = revoked_at is not None
            if key is not None:
                marks = source.slots[key] = _marks(key, *slot)
                marks.last = before[key].last if key in before else None
                if stream_id is not None:
                    source.streams[key] = stream_id
        for name in names:
            if name not in found:
                known.pop(name, None)


def take(connection: Connection, boot: Boot, seq: int) -> bool:
    """Note a sequence of a boot as stored; returns whether it was not stored before.

    The usual next one is a matter of two comparisons; one that comes out of order costs some statements.
    """
    if seq == boot.high + 1 and boot.high >= boot.low:
        boot.high = seq
        boot.changed = True
        return True
    if boot.low <= seq <= boot.high:
        return False
    if seq > boot.high:
        write_ranges(connection, [boot])
        boot.low = boot.high = seq
        boot.changed = True
        return True
    return _fill(connection, boot, seq)


def write_ranges(connection: Connection, boots: Iterable[Boot]) -> None:
    """Store the newest range of each boot that changed."""
    rows = []
    for boot in boots:
        if boot.changed:
            rows.append((boot.device_id, boot.number, boot.low, boot.high))
            boot.changed = False
    _WRITE_RANGE.run(connection, rows)


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


def _fill(connection: Connection, boot: Boot, seq: int) -> bool:
    """A sequence below the newest range: known already, or a range of its own, or joined to neighbours."""
    key = (boot.device_id, boot.number)
    below = ask(connection, _NEWEST_RANGE, (*key, seq))
    if below and below[0][1] >= seq:
        return False
    low = below[0][0] if below and below[0][1] == seq - 1 else seq
    if boot.low == seq + 1:
        ask(connection, _DROP_RANGE, (*key, boot.low))
        boot.low, boot.changed = low, True
        write_ranges(connection, [boot])
        return True
    above = ask(connection, _RANGE_AT, (*key, seq + 1))
    high = seq
    if above:
        high = above[0][1]
        ask(connection, _DROP_RANGE, (*key, seq + 1))
    _WRITE_RANGE.run(connection, [(boot.device_id, boot.number, low, high)])
    return True


_PAGES_KEPT = "PRAGMA cache_size=-32768"  # up to 32 MiB where a fleet needs them; a home needs two
_LAST_WRITER = "SELECT name FROM reading_writer WHERE id = 1"
_NAME_WRITER = (
    "INSERT INTO reading_writer(id, name) VALUES(1, ?) ON CONFLICT(id) DO UPDATE SET name = excluded.name"
)
_STREAMS = "SELECT device_id, slot_key, id FROM stream WHERE device_id"
_STREAMS_LISTED = f"{_STREAMS} IN (SELECT value FROM json_each(?))"
_STREAMS_AMONG = f"{_STREAMS} = ANY(?::text[])"
_HIGHEST_SEQ = 2**32 - 1
_NEW_STREAM = (
    "INSERT INTO stream(device_id, slot_key) VALUES(?, ?)"
    " ON CONFLICT(device_id, slot_key) DO UPDATE SET slot_key = excluded.slot_key RETURNING id"
)
_NEWEST_RANGE = (
    "SELECT low, high FROM seen_range WHERE device_id = ? AND boot = ? AND low <= ? ORDER BY low DESC LIMIT 1"
)
_RANGE_AT = "SELECT low, high FROM seen_range WHERE device_id = ? AND boot = ? AND low = ?"
_DROP_RANGE = "DELETE FROM seen_range WHERE device_id = ? AND boot = ? AND low = ?"
_NEWER = " ON CONFLICT(device_id, boot, low) DO UPDATE SET high = excluded.high"
_WRITE_RANGE = Bulk(
    f"INSERT INTO seen_range(device_id, boot, low, high) VALUES(?, ?, ?, ?){_NEWER}",
    f"INSERT INTO seen_range(device_id, boot, low, high) SELECT * FROM {{rows}}{_NEWER}",
    "text bigint bigint bigint",
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
