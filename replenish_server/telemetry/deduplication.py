"""Which sequences of each boot are stored: as ranges, and a log of ranges that are not among them yet.

A large batch of many devices would touch a page of `seen_range` for each of them. It appends to `seen_log`
instead, in the same transaction; `settle` moves the log to the ranges, thousands at once, and so many of them
to each page. Whoever needs the ranges themselves settles first.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection

from replenish_server.database import Bulk, ask

_FEW = 200
_MOST = 16_000  # 60 ms to settle (docs/adr/0042), for which nobody who presses should wait


class Boot(msgspec.Struct, gc=False):
    """One boot of a device, with the newest range of sequences that is stored without a gap.

    Args:
        device_id: whose.
        name: 8 hex digits.
        number: the same as a number.
        low: first sequence of the range.
        high: last one; below `low` when nothing is stored.
        changed: whether the range is to be written.
        logged: whether the log may hold a range of it.
        left: ranges before a gap that are to be written, too.
        acks: sequences of this batch that are safe once it is committed; None for none.
    """

    device_id: str
    name: str
    number: int
    low: int
    high: int
    changed: bool = False
    logged: bool = False
    left: list[tuple[str, int, int, int]] | None = None
    acks: list[int] | None = None


class StoredRanges:
    """Writes the ranges of a batch, to their table or to the log; used by the one writer of readings only.

    Args:
        few: fewer ranges than this go to their table.
        most: ranges that the log may hold.
    """

    def __init__(self, few: int = _FEW, most: int = _MOST) -> None:
        self._few, self._most = few, most
        self._logged = 0

    def settle(self, connection: Connection) -> None:
        """Move the log to the ranges."""
        settle(connection)
        self._logged = 0

    def write(self, connection: Connection, boots: Iterable[Boot], urgent: bool) -> None:
        """Keep what changed of these boots.

        Args:
            connection: of the transaction that stores the readings.
            boots: each once.
            urgent: whether somebody waits for this transaction.
        """
        changed = [boot for boot in boots if boot.changed]
        if len(changed) < self._few and (not self._logged or not urgent):
            if self._logged:
                self.settle(connection)
            write_ranges(connection, changed)
            return
        rows = _rows(changed)
        for boot in changed:
            boot.logged = True
        ask(connection, _APPEND, (msgspec.json.encode(rows),))
        self._logged += len(rows)
        if self._logged >= self._most and not urgent:
            self.settle(connection)


def settle(connection: Connection) -> None:
    """Move the log to the ranges, in the caller's transaction; nothing where it is empty."""
    batches = ask(connection, _LOGGED)
    if not batches:
        return
    # Of a range that grew several times only how it is now.
    newest = {row[:3]: row for (ranges,) in batches for row in _decode(ranges)}
    _WRITE_RANGE.run(connection, list(newest.values()))
    ask(connection, _EMPTY)


def newest_range(connection: Connection, device_id: str, number: int) -> tuple[int, int]:
    """First and last sequence of a boot's newest range; (0, -1) where nothing is stored."""
    found = ask(connection, _NEWEST_RANGE, (device_id, number, _HIGHEST_SEQ))
    return (found[0][0], found[0][1]) if found else (0, -1)


def newest_ranges(
    connection: Connection, boots: list[tuple[str, int]]
) -> dict[tuple[str, int], tuple[int, int]]:
    """The newest range of each of these boots, where anything is stored.

    Args:
        connection: of a transaction in which nothing of them is in the log.
        boots: device ids and boot ids as numbers.
    """
    if connection.dialect.name == "sqlite":
        rows = ask(connection, _NEWEST_LISTED, (msgspec.json.encode(boots).decode(),))
    else:
        devices, numbers = zip(*boots, strict=True)
        rows = ask(connection, _NEWEST_AMONG, (list(devices), list(numbers)))
    return {(device_id, number): (low, high) for device_id, number, low, high in rows}


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
        if boot.changed:
            boot.left = [*(boot.left or ()), (boot.device_id, boot.number, boot.low, boot.high)]
        boot.low = boot.high = seq
        boot.changed = True
        return True
    return _fill(connection, boot, seq)


def write_ranges(connection: Connection, boots: Iterable[Boot]) -> None:
    """Store the ranges of each boot that changed where they belong."""
    _WRITE_RANGE.run(connection, _rows(boots))


def _rows(boots: Iterable[Boot]) -> list[tuple[str, int, int, int]]:
    """What is to be written of these; it counts as written from now on."""
    rows = []
    for boot in boots:
        if boot.changed:
            if boot.left is not None:
                rows += boot.left
                boot.left = None
            rows.append((boot.device_id, boot.number, boot.low, boot.high))
            boot.changed = False
    return rows


def _fill(connection: Connection, boot: Boot, seq: int) -> bool:
    """A sequence below the newest range: known already, or a range of its own, or joined to neighbours."""
    if boot.logged:
        settle(connection)
        boot.logged = False
    if boot.left is not None:
        _WRITE_RANGE.run(connection, boot.left)
        boot.left = None
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


_HIGHEST_SEQ = 2**32 - 1
_NEWEST_RANGE = (
    "SELECT low, high FROM seen_range WHERE device_id = ? AND boot = ? AND low <= ? ORDER BY low DESC LIMIT 1"
)
_NEWEST = (
    "SELECT kept.device_id, kept.boot, kept.low, kept.high FROM {asked} JOIN seen_range AS kept"
    " ON kept.device_id = {device} AND kept.boot = {boot} AND kept.low = (SELECT max(low) FROM seen_range"
    " AS other WHERE other.device_id = {device} AND other.boot = {boot})"
)
_NEWEST_LISTED = _NEWEST.format(
    asked="json_each(?) AS asked", device="asked.value ->> 0", boot="asked.value ->> 1"
)
_NEWEST_AMONG = _NEWEST.format(
    asked="unnest(?::text[], ?::bigint[]) AS asked(device, boot)", device="asked.device", boot="asked.boot"
)
_RANGE_AT = "SELECT low, high FROM seen_range WHERE device_id = ? AND boot = ? AND low = ?"
_DROP_RANGE = "DELETE FROM seen_range WHERE device_id = ? AND boot = ? AND low = ?"
_NEWER = " ON CONFLICT(device_id, boot, low) DO UPDATE SET high = excluded.high"
_WRITE_RANGE = Bulk(
    f"INSERT INTO seen_range(device_id, boot, low, high) VALUES(?, ?, ?, ?){_NEWER}",
    f"INSERT INTO seen_range(device_id, boot, low, high) SELECT * FROM {{rows}}{_NEWER}",
    "text bigint bigint bigint",
)
_decode: Any = msgspec.json.Decoder(list[tuple[str, int, int, int]]).decode
_APPEND = "INSERT INTO seen_log(ranges) VALUES(?)"
_LOGGED = "SELECT ranges FROM seen_log ORDER BY id"
_EMPTY = "DELETE FROM seen_log"
