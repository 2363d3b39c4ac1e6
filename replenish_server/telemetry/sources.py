"""Who may speak, and how far each boot has come: read once, remembered, bounded.

Only the writer of readings changes what is remembered here; after a transaction that failed it must `forget`.
"""

import json
import secrets
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from replenish_server.database import ask, state_after, state_before
from replenish_server.fleet.units import BY_BASE
from replenish_server.telemetry.codec import TOPIC_HEAD, TOPIC_TAILS, parse_topic
from replenish_server.telemetry.conduct import Conduct
from replenish_server.telemetry.deduplication import Boot, StoredRanges, newest_range, newest_ranges

_BELIEVED_S = 4.0  # a device that was removed by another process is still heard for this long
_SOURCES_KEPT = 200_000  # about 1 KiB each
_RISE_SHARE = 0.05  # of the capacity: more than noise, less than any pack
_PAGES_KIB, _MOST_PAGES_KIB = 2048, 32_768  # of SQLite's pages; what is not there, the kernel has
_DEVICES_FOR_KIB = 3  # so many devices more, and one KiB of pages more
_BOOTS_KEPT = 4  # of one device; one that restarts all the time must not fill the memory


# These are Structs that the garbage collector does not track: a hundred thousand devices are as many
# objects, and going through them at every collection cost more than the messages themselves. Of so many none
# is in the processor's caches when it speaks, so that each object on a message's way costs as much as code.
class SlotMarks(msgspec.Struct, gc=False):
    """What of a slot decides how soon a reading is worth a look, in wire units.

    Args:
        slot_id: which slot.
        key: its key on the device.
        low: the person's threshold or the policy's watch level, whichever is higher; 0 without either.
        rise: what counts as a refill.
        last: the newest reading; None before the first since the server started.
        stream: number of what is measured there; None before its first reading.
        due_ms: a moment by which it is due at the latest, in Unix milliseconds.
        due_as_of: `Sources.age` at which that was true; it is unknown at any other.
    """

    slot_id: str
    key: str
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
        slots: one or two; to look through them is cheaper than a dictionary for each device.
        boots: the latest few; a tuple, because a dictionary for each device takes five times as much.
        boot: the one that spoke last.
        last_seen_ms: what the device's row says, Unix milliseconds; 0 before its first message.
        seen_ms: the newest message of all batches.
        checked_s: when the database was asked, in monotonic seconds.
        revoked: whether nothing that it says counts any more.
        conduct: how it behaves.
        batch: the last one in which it spoke, as `Sources.batch` counts them.
        paced_before_ms: its pace before that batch.
    """

    device_id: str
    slots: tuple[SlotMarks, ...]
    last_seen_ms: int
    checked_s: float
    revoked: bool = False
    boots: tuple[Boot, ...] = ()
    boot: Boot | None = None
    seen_ms: int = 0
    conduct: Conduct = msgspec.field(default_factory=Conduct)
    batch: int = 0
    paced_before_ms: float = 0.0

    def streams(self) -> dict[str, int]:
        """Slot key -> number of the stream, where there is one."""
        return {slot.key: slot.stream for slot in self.slots if slot.stream is not None}

    def known_boot(self, name: str) -> Boot | None:
        """The boot of a name, if it is remembered."""
        for boot in self.boots:
            if boot.name == name:
                return boot
        return None

    def slot(self, key: str) -> SlotMarks | None:
        """The slot of a key, if there is one."""
        for slot in self.slots:
            if slot.key == key:
                return slot
        return None


class Sources:
    """All devices that spoke lately.

    `age` changes whenever somebody else may have written; `batch` counts.

    Args:
        ranges: keeps which sequences of their boots are stored.
        kept: how many devices are remembered, and those of one batch.
    """

    def __init__(self, ranges: StoredRanges | None = None, kept: int = _SOURCES_KEPT) -> None:
        self._kept = kept
        self.age = 0
        self.batch = 0
        self.ranges = ranges or StoredRanges()
        self._known: dict[str, Source] = {}
        self._version: object = None
        self._changed_s = 0.0
        self._name = secrets.token_hex(8)
        self._paced_ms: dict[str, float] = {}  # of those that were forgotten

    def begin(self) -> None:
        """The last batch, if there was one, is committed, or `forget` was called since."""
        self.batch += 1

    def forget(self) -> None:
        """Believe nothing: a transaction failed, and what is remembered may never have been stored.

        How fast each device has spoken is remembered as it was before the transaction: who floods until one
        fails has no new burst, and whose batch fails many times pays for it once.
        """
        self._forget_all()
        self._version = None

    def speakers(self, connection: Connection, topics: Sequence[str]) -> list[Source | None]:
        """Who speaks on each of these topics, after asking the database about those that may have changed;
        None where nobody who is registered does."""
        moment = time.monotonic()
        if len(self._known) > self._kept:
            self.ranges.settle(connection)
            self._forget_all()
        found = self._heard(topics)
        if self._notice(connection, moment):
            self._doubt_moved(connection, {source.device_id for source in found if source is not None})
            found = self._heard(topics)
        old = min(self._changed_s, moment - _BELIEVED_S)
        names = {
            address[0]
            for topic, source in zip(topics, found, strict=True)
            if (source is None or source.checked_s < old) and (address := parse_topic(topic)) is not None
        }
        if not names:
            return found
        self._ask_unsure(connection, names, moment, old)
        self._keep_pages(connection)
        return self._heard(topics)

    def _heard(self, topics: Sequence[str]) -> list[Source | None]:
        """Who of those that are remembered speaks on each topic."""
        known, begin, end = self._known, len(TOPIC_HEAD), -len(TOPIC_TAILS[0])
        return [
            known.get(topic[begin:end])
            if topic.startswith(TOPIC_HEAD) and topic.endswith(TOPIC_TAILS)
            else None
            for topic in topics
        ]

    def _keep_pages(self, connection: Connection) -> None:
        """Let SQLite keep as many pages as a fleet of this size touches again and again."""
        if connection.dialect.name != "sqlite":
            return
        kib = min(_PAGES_KIB + len(self._known) // _DEVICES_FOR_KIB, _MOST_PAGES_KIB)
        if kib > connection.info.get("pages_kib", _PAGES_KIB):
            ask(connection, f"PRAGMA cache_size=-{kib}")
            connection.info["pages_kib"] = kib

    def _notice(self, connection: Connection, moment: float) -> bool:
        """Whether somebody else wrote since the last batch."""
        if state_before(connection) == self._version:
            return False
        self._changed_s = moment
        self.age += 1
        self._take_over(connection)
        return True

    def _ask_unsure(self, connection: Connection, names: set[str], moment: float, old: float) -> None:
        known = self._known
        unsure = sorted(
            name for name in names if (source := known.get(name)) is None or source.checked_s < old
        )
        if unsure:
            self._ask(connection, unsure, moment)

    def _forget_all(self) -> None:
        """Forget every device, but not how fast those spoke whose bucket is not full again."""
        known = self._known.values()
        if len(self._paced_ms) > self._kept:
            self._paced_ms.clear()
        newest_ms = max((source.seen_ms for source in known), default=0)
        for source in known:
            paced_ms = source.conduct.paced_ms if source.batch < self.batch else source.paced_before_ms
            if paced_ms > newest_ms:
                self._paced_ms[source.device_id] = paced_ms
        self._known.clear()

    def written(self, connection: Connection) -> None:
        """All of a batch is written: what differs from here at the next one, somebody else did."""
        self._version = state_after(connection)

    def _take_over(self, connection: Connection) -> None:
        """If another process stored readings since, what is remembered of boots here is out of date."""
        if self._version is None:
            self.ranges.settle(connection)
        if ask(connection, _LAST_WRITER) != [(self._name,)]:
            self.ranges.settle(connection)
            self._forget_all()
            ask(connection, _NAME_WRITER, (self._name,))

    def _doubt_moved(self, connection: Connection, names: set[str]) -> None:
        """Forget devices whose streams are no longer theirs: removed, or moved to another household.

        A number that was given away meanwhile would put their readings among another's.
        """
        names = names & self._known.keys()
        there: dict[str, dict[str, int]] = {name: {} for name in names}
        if connection.dialect.name == "sqlite":
            rows = ask(connection, _STREAMS_LISTED, (json.dumps(list(names)),))
        else:
            rows = ask(connection, _STREAMS_AMONG, (list(names),))
        for device_id, slot_key, number in rows:
            there[device_id][slot_key] = number
        moved = [name for name in names if self._known[name].streams() != there[name]]
        if moved:
            self.ranges.settle(connection)
        for name in moved:
            self._paced_ms[name] = self._known.pop(name).conduct.paced_ms

    def boot(self, connection: Connection, source: Source, name: str) -> Boot:
        """A boot of a device with its newest stored range."""
        if len(source.boots) >= _BOOTS_KEPT:
            idle = [boot for boot in source.boots if not boot.changed and not boot.acks]
            if any(boot.logged for boot in idle):
                self.ranges.settle(connection)
            source.boots = tuple(boot for boot in source.boots if boot.changed or boot.acks)
        number = int(name, 16)
        return _remember(source, name, number, newest_range(connection, source.device_id, number))

    def recall(self, connection: Connection, boots: Iterable[tuple[Source, str]]) -> None:
        """Remember these boots of devices of which none is remembered, all by one statement."""
        wanted = {(source.device_id, int(name, 16)): (source, name) for source, name in boots}
        if wanted:
            stored = newest_ranges(connection, list(wanted))
            for place, (source, name) in wanted.items():
                _remember(source, name, place[1], stored.get(place, (0, -1)))

    def stream(self, connection: Connection, source: Source, slot: SlotMarks) -> int:
        """The number of a device's stream, given to it at its first reading."""
        number: int = ask(connection, _NEW_STREAM, (source.device_id, slot.key))[0][0]
        slot.stream = number
        return number

    def _ask(self, connection: Connection, names: list[str], moment: float) -> None:
        """One query for all devices; who is not registered any more is not remembered any more."""
        known, found = self._known, set()
        if connection.dialect.name == "sqlite":
            rows = ask(connection, _DEVICES_LISTED, (json.dumps(names),))
        else:
            rows = ask(connection, _DEVICES_AMONG, (names,))
        for device_id, seen_ms, revoked, stream_id, key, *slot in rows:
            source = known.get(device_id)
            if source is None:
                source = known[device_id] = Source(device_id, (), seen_ms or 0, moment)
                source.conduct.paced_ms = self._paced_ms.pop(device_id, 0.0)
            if device_id not in found:
                found.add(device_id)
                before, source.slots, source.checked_s = source.slots, (), moment
                source.revoked = bool(revoked)
            if key is not None:
                marks = _marks(sys.intern(key), *slot)
                marks.last = next((was.last for was in before if was.key == key), None)
                marks.stream = stream_id
                source.slots += (marks,)
        for name in names:
            if name not in found and known.pop(name, None) is not None:
                self.ranges.settle(connection)


def _remember(source: Source, name: str, number: int, newest: tuple[int, int]) -> Boot:
    found = Boot(source.device_id, name, number, *newest)
    source.boots = (*source.boots, found)
    return found


class _Wish(msgspec.Struct):
    watch: int | float | None = None


class _Desired(msgspec.Struct):
    """What of a twin's desired settings decides how soon a reading is worth a look."""

    slots: dict[str, _Wish] = {}


_NOTHING = _Desired()
_desired: Any = msgspec.json.Decoder(_Desired | None).decode


def _marks(
    key: str, slot_id: str, unit: str, capacity: int | None, threshold: int | None, desired: str | None
) -> SlotMarks:
    factor = BY_BASE[unit].factor
    wish = (_desired(desired) or _NOTHING).slots.get(key) if desired is not None else None
    watch = int(wish.watch or 0) if wish is not None else 0
    rise = max(1, int((capacity or 0) // factor * _RISE_SHARE))
    return SlotMarks(slot_id, key, max((threshold or 0) // factor, watch), rise)


_LAST_WRITER = "SELECT name FROM reading_writer WHERE id = 1"
_NAME_WRITER = (
    "INSERT INTO reading_writer(id, name) VALUES(1, ?) ON CONFLICT(id) DO UPDATE SET name = excluded.name"
)
# What is set aside (`telemetry.ahead`) has a stream of its own, into which no device speaks.
_STREAMS = (
    "SELECT device_id, slot_key, id FROM stream WHERE replace(slot_key, '~', '') = slot_key AND device_id"
)
_STREAMS_LISTED = f"{_STREAMS} IN (SELECT value FROM json_each(?))"
_STREAMS_AMONG = f"{_STREAMS} = ANY(?::text[])"
_NEW_STREAM = (
    "INSERT INTO stream(device_id, slot_key) VALUES(?, ?)"
    " ON CONFLICT(device_id, slot_key) DO UPDATE SET slot_key = excluded.slot_key RETURNING id"
)
_DEVICES = (
    "SELECT device.id, device.last_seen_at, device.revoked_at IS NOT NULL, stream.id, slot.key, slot.id,"
    " slot.unit, slot.capacity, slot.threshold, CAST(twin.desired AS TEXT) FROM device"
    " LEFT JOIN slot ON slot.device_id = device.id"
    " LEFT JOIN stream ON stream.device_id = device.id AND stream.slot_key = slot.key"
    " LEFT JOIN twin ON twin.device_id = device.id WHERE device.id"
)
_DEVICES_LISTED = f"{_DEVICES} IN (SELECT value FROM json_each(?))"
_DEVICES_AMONG = f"{_DEVICES} = ANY(?::text[])"
