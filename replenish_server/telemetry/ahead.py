"""Readings from the future: set aside when the clock stands before them, back when it passed them in silence.

A device says only how old its events are; the time is this server's. Where that is put back, what it dated
before would be the newest of its slot until that date comes, and then be taken for fresh. So the readings of
a device that speaks again lie under another key of its slot from then on, which no device can name: stored,
counted, shown, and read by nobody who asks for the slot. See docs/adr/0045-set-aside-from-the-future.md.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection
from sqlmodel import Session

from replenish_server.database import ask, from_ms
from replenish_server.fleet.presence import due_by, promise, put_right
from replenish_server.fleet.tables import Twin
from replenish_server.households.notices import Notice, notify
from replenish_server.telemetry.sources import Source

AHEAD_AT_MOST = timedelta(hours=1)
_AHEAD_MS = AHEAD_AT_MOST // timedelta(milliseconds=1)
_AT_ONCE = 8  # devices in one transaction: it may be all that they ever said; others at their next message
_MARK = "~ahead"  # no slot key has a tilde (docs/wire.md, key `k`)


class Aside(NamedTuple):
    """What of a slot is set aside: how many readings, and from when to when they are dated."""

    readings: int
    first_at: datetime
    last_at: datetime


def is_aside(slot_key: str) -> bool:
    """Whether this is the key of what is set aside, and not one that a device has."""
    return slot_key.endswith(_MARK)


class Leaps:
    """Devices of one batch that were heard last in the future, or long ago."""

    def __init__(self) -> None:
        self._ahead: list[Source] = []
        self._unheard: dict[str, tuple[Source, int]] = {}

    def note(self, source: Source, now_ms: int) -> None:
        """A device speaks, at a moment in Unix milliseconds; told before its message is taken in."""
        before_ms = source.last_seen_ms
        if before_ms == 0 or abs(now_ms - before_ms) <= _AHEAD_MS:
            return
        if before_ms < now_ms:
            self._unheard[source.device_id] = source, before_ms
        elif len(self._ahead) < _AT_ONCE:
            source.seen_ms = source.last_seen_ms = now_ms
            source.conduct.at_ms = min(source.conduct.at_ms, now_ms)
            self._ahead.append(source)

    def settle(self, session: Session, now_ms: int) -> list[Source]:
        """Set aside, or bring back; returns the devices whose slots are to be looked at."""
        for source in self._ahead:
            set_aside(session, source.device_id, source.last_seen_ms)
        back: list[str] = []
        if self._unheard:
            since = {device_id: before_ms for device_id, (_, before_ms) in self._unheard.items()}
            back = bring_back(session, since, now_ms)
        return [*self._ahead, *(self._unheard[device_id][0] for device_id in back)]


def set_aside(session: Session, device_id: str, now_ms: int) -> None:
    """A device that was heard in the future speaks: what was received there counts no more.

    Args:
        session: a writing unit of work.
        device_id: whose readings.
        now_ms: the moment, Unix milliseconds.
    """
    connection, limit_ms, now = session.connection(), now_ms + _AHEAD_MS, from_ms(now_ms)
    keys = [key for (key,) in ask(connection, _KEYS, (device_id, device_id))]
    moved = sum(_move(connection, device_id, key, key + _MARK, limit_ms, None) for key in keys)
    household_id, name = put_right(session, device_id, now)
    if moved:
        dated = [aside.last_at for key in keys if (aside := read_aside(session, device_id, key)) is not None]
        last_at = max(dated, default=now)
        data: dict[str, int | str | None] = {
            "device": name,
            "readings": moved,
            "last_at": last_at.isoformat(),
        }
        key = f"device_ahead:{device_id}:{last_at.isoformat()}"
        notify(session, Notice(household_id, key, "device_ahead", data, now))


def bring_back(session: Session, since: Mapping[str, int], now_ms: int) -> list[str]:
    """Of a device that was silent for longer than it promised, what is set aside of that time was right, and
    the clock behind. Who keeps a promise across that time was heard by a clock that was right.

    Args:
        session: a writing unit of work.
        since: when each of them was heard last, Unix milliseconds.
        now_ms: the moment; what is received later stays where it is.

    Returns:
        The devices of which something counts again.
    """
    connection, back = session.connection(), []
    if connection.dialect.name == "sqlite":
        rows = ask(connection, _ASIDE_LISTED, (json.dumps(list(since)),))
    else:
        rows = ask(connection, _ASIDE_AMONG, (list(since),))
    for device_id, key in rows:
        heard_by = due_by(from_ms(since[device_id]), *promise(session.get(Twin, device_id)))
        if from_ms(now_ms) > heard_by and _move(
            connection, device_id, key, key.removesuffix(_MARK), since[device_id], now_ms
        ):
            back.append(device_id)
    return back


def read_aside(session: Session, device_id: str, slot_key: str) -> Aside | None:
    """What is set aside of a slot's readings; None for nothing."""
    where = (device_id, slot_key + _MARK)
    found = ask(session.connection(), _COUNT, where * 3)
    readings = sum(int(number or 0) for number, *_ in found)
    if not readings:
        return None
    spans = [(first, last) for number, first, last in found if number]
    return Aside(readings, from_ms(min(first for first, _ in spans)), from_ms(max(last for _, last in spans)))


def count_aside(session: Session) -> int:
    """How many readings, presses and hellos of all devices are set aside."""
    return sum(int(number or 0) for (number,) in ask(session.connection(), _COUNT_ALL))


def _move(
    connection: Connection, device_id: str, source: str, target: str, after_ms: int, until_ms: int | None
) -> int:
    """Give what was received in a stretch of time another key; returns how much that was."""
    until_ms = _END_OF_TIME if until_ms is None else until_ms
    streams = dict(ask(connection, _STREAMS, (device_id, source, target)))
    if target not in streams:
        streams[target] = ask(connection, _NEW_STREAM, (device_id, target))[0][0]
    moved = 0
    if source in streams:
        for statement in _MOVE_MEASURED:
            moved += len(ask(connection, statement, (streams[target], streams[source], after_ms, until_ms)))
    return moved + len(ask(connection, _MOVE_EVENTS, (target, device_id, source, after_ms, until_ms)))


_END_OF_TIME = 2**62
_OWN = "replace(slot_key, '~', '') = slot_key"
_KEYS = (
    f"SELECT slot_key FROM stream WHERE device_id = ? AND {_OWN}"
    f" UNION SELECT slot_key FROM device_event WHERE device_id = ? AND {_OWN}"
)
_ASIDE = "SELECT device_id, slot_key FROM stream WHERE replace(slot_key, '~', '') <> slot_key AND device_id"
_ASIDE_LISTED = f"{_ASIDE} IN (SELECT value FROM json_each(?))"
_ASIDE_AMONG = f"{_ASIDE} = ANY(?::text[])"
_STREAMS = "SELECT slot_key, id FROM stream WHERE device_id = ? AND slot_key IN (?, ?)"
_NEW_STREAM = "INSERT INTO stream(device_id, slot_key) VALUES(?, ?) RETURNING id"
_MOVE_MEASURED = [
    f"UPDATE {table} SET stream_id = ? WHERE stream_id = ? AND at_ms + age_s * 1000 > ?"
    " AND at_ms + age_s * 1000 <= ? RETURNING 1"
    for table in ("sample", "rollup")
]
_MOVE_EVENTS = (
    "UPDATE device_event SET slot_key = ? WHERE device_id = ? AND slot_key = ?"
    " AND received_at > ? AND received_at <= ? RETURNING 1"
)
_COUNT_MEASURED = (
    "FROM {table} WHERE stream_id = (SELECT id FROM stream WHERE device_id = ? AND slot_key = ?)"
)
_COUNT = " UNION ALL ".join(
    (
        f"SELECT count(*), min(at_ms), max(at_ms) {_COUNT_MEASURED.format(table='sample')}",
        f"SELECT sum(readings), min(at_ms), max(at_ms) {_COUNT_MEASURED.format(table='rollup')}",
        (
            "SELECT count(*), min(occurred_at), max(occurred_at) FROM device_event"
            " WHERE device_id = ? AND slot_key = ?"
        ),
    )
)
_COUNT_ALL = (
    f"SELECT count(*) FROM sample JOIN stream ON stream.id = stream_id WHERE NOT {_OWN}"
    f" UNION ALL SELECT sum(readings) FROM rollup JOIN stream ON stream.id = stream_id WHERE NOT {_OWN}"
    f" UNION ALL SELECT count(*) FROM device_event WHERE NOT {_OWN}"
)
