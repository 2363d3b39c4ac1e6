"""What of a slot's measured readings is new, told by statements that fetch no more than they tell.

They go to the tables: through the view `reading` the database sorts a whole stretch of time to find its end.
"""

import json
from collections.abc import Collection
from datetime import timedelta
from typing import NamedTuple

from sqlmodel import Session

from replenish_server.database import ask
from replenish_server.telemetry.tables import QUALITIES

_MILLISECOND = timedelta(milliseconds=1)


class GoodLevel(NamedTuple):
    """A level or refill that was certain when it was read.

    Args:
        at_ms: Unix milliseconds.
        boot: 8 hex digits.
        seq: sequence within the boot.
        number: wire units.
    """

    at_ms: int
    boot: str
    seq: int
    number: int


class LevelRow(NamedTuple):
    """A level or refill as it was stored.

    Args:
        at_ms: Unix milliseconds.
        boot: 8 hex digits.
        seq: sequence within the boot.
        number: wire units; None where the device could not tell.
        quality: one of `QUALITIES`.
        late: whether it may inform but never trigger.
    """

    at_ms: int
    boot: str
    seq: int
    number: int | None
    quality: str
    late: bool


def arrivals(
    session: Session, device_id: str, slot_key: str, since_ms: int, received_ms: int, span: timedelta
) -> list[tuple[int, int]]:
    """Spans of time into which readings fell that came lately, with when the last of each came.

    Args:
        session: a unit of work.
        device_id: whose.
        slot_key: where.
        since_ms: older readings do not count, Unix milliseconds.
        received_ms: what came before does not, either.
        span: spans are counted from 1970 on.

    Returns:
        (number of the span, Unix milliseconds); a span that holds rollups, too, may be there twice.
    """
    which = (device_id, slot_key, since_ms, received_ms)
    found = ask(session.connection(), _ARRIVALS.format(span=span // _MILLISECOND), which * 2)
    return [(number, came_ms) for number, came_ms in found]


def last_good(
    session: Session, device_id: str, slot_key: str, since_ms: int, before_ms: int, highest: int, many: int
) -> list[GoodLevel]:
    """The newest certain readings of what is left in a stretch of time, at least `many` if there are so many.

    Args:
        session: a unit of work.
        device_id: whose.
        slot_key: where.
        since_ms: begin of the stretch, Unix milliseconds.
        before_ms: its end.
        highest: above it a reading is not believed, in wire units.
        many: how many; twice as many where rollups are in it, too.
    """
    which = (device_id, slot_key, since_ms, before_ms, highest, many)
    found = ask(session.connection(), _LAST_GOOD, which * 2)
    return [GoodLevel(at_ms, f"{boot:08x}", seq, number) for at_ms, boot, seq, number in found]


def newest_levels(
    session: Session, device_ids: Collection[str], since_ms: int, many: int
) -> dict[tuple[str, str], list[LevelRow]]:
    """The newest levels and refills of every slot of some devices, certain or not; one statement for all.

    Args:
        session: a unit of work.
        device_ids: whose.
        since_ms: older readings are left out, Unix milliseconds.
        many: of each slot so many of the newest samples, and of the newest rollups, if there are so many.

    Returns:
        By device id and slot key, in any order; nothing of a slot without any.
    """
    connection, names = session.connection(), list(device_ids)
    listed = connection.dialect.name == "sqlite"
    among = "IN (SELECT value FROM json_each(?))" if listed else "= ANY(?::text[])"
    which = (since_ms, many - 1, since_ms, json.dumps(names) if listed else names)
    found: dict[tuple[str, str], list[LevelRow]] = {}
    for device_id, slot_key, at_ms, boot, seq, number, quality, late in ask(
        connection, _NEWEST.format(among=among), which * 2
    ):
        row = LevelRow(at_ms, f"{boot:08x}", seq, number, QUALITIES[quality], bool(late))
        found.setdefault((device_id, slot_key), []).append(row)
    return found


_STREAM = "stream_id = (SELECT id FROM stream WHERE device_id = ? AND slot_key = ?)"
_TABLES = ("sample", "rollup")
_ARRIVALS = " UNION ALL ".join(
    f"SELECT at_ms / {{span}}, max(at_ms + age_s * 1000) FROM {table}"
    f" WHERE {_STREAM} AND at_ms >= ? AND at_ms + age_s * 1000 >= ? GROUP BY at_ms / {{span}}"
    for table in _TABLES
)
# Kinds level and refill, quality ok, not late: see `telemetry.tables.Sample`.
_LAST_GOOD = " UNION ALL ".join(
    f"SELECT * FROM (SELECT at_ms, boot, seq, number FROM {table} WHERE {_STREAM}"
    " AND at_ms >= ? AND at_ms < ? AND flags & 3 <> 1 AND flags & 76 = 0 AND number <= ?"
    " ORDER BY at_ms DESC, boot DESC, seq DESC LIMIT ?)"
    f" AS newest_{table}"
    for table in _TABLES
)
# `CROSS JOIN` has SQLite go from a stream to its readings, whose first moment it then looks up once.
_NEWEST = " UNION ALL ".join(
    f"""SELECT stream.device_id, stream.slot_key, at_ms, boot, seq, number, flags >> 2 & 3, flags >> 6 & 1
 FROM stream CROSS JOIN {table} WHERE {table}.stream_id = stream.id AND flags & 3 <> 1
 AND at_ms >= coalesce((SELECT one.at_ms FROM {table} AS one WHERE one.stream_id = stream.id
 AND one.at_ms >= ? AND one.flags & 3 <> 1 ORDER BY one.at_ms DESC LIMIT 1 OFFSET ?), ?)
 AND stream.device_id {{among}}"""
    for table in _TABLES
)
