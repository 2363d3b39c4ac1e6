"""The use case: readings that nobody needs one by one any more become hourly, and later daily rollups.

What a refill, a press or a hello said is kept as it is: there are few of them, and each means something.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from replenish_server.clock import Clock
from replenish_server.database import Bulk, Database, to_ms
from replenish_server.telemetry.quarantine import is_crowded, trim_quarantine
from replenish_server.telemetry.rollups import DAY_MS, HOUR_MS, Measured, measured, roll_up

log = logging.getLogger(__name__)

_AT_ONCE = 2000  # readings in one transaction: some 20 ms in which nobody else writes


@dataclass(frozen=True)
class Retention:
    """Rolls up what is old enough.

    Args:
        database: where readings are.
        clock: the server's clock.
        raw_days: readings are kept one by one for this long.
        hourly_days: hourly rollups are kept for this long; daily ones for ever.
    """

    database: Database
    clock: Clock
    raw_days: int
    hourly_days: int

    def run(self) -> int:
        """Roll up everything that is due, in short transactions; returns how many rows became fewer."""
        now, rolled = self.clock.now(), 0
        raw_until = to_ms(now - timedelta(days=self.raw_days)) // HOUR_MS * HOUR_MS
        hourly_until = to_ms(now - timedelta(days=self.hourly_days)) // DAY_MS * DAY_MS
        with self.database.read() as session:
            streams = [row[0] for row in session.connection().exec_driver_sql("SELECT id FROM stream")]
        for stream in streams:
            while number := self._step(stream, raw_until, hourly=True):
                rolled += number
            while number := self._step(stream, hourly_until, hourly=False):
                rolled += number
        if rolled:
            log.info("action=readings_rolled_up rows=%d", rolled)
        return rolled + self._trim()

    def _trim(self) -> int:
        """Keep the quarantine small."""
        now = self.clock.now()
        with self.database.read() as session:
            if not is_crowded(session, now):
                return 0
        with self.database.write() as session:
            trimmed = trim_quarantine(session, now)
        log.info("action=quarantine_trimmed rows=%d", trimmed)
        return trimmed

    def _step(self, stream: int, until_ms: int, hourly: bool) -> int:
        """One transaction; returns how many rows it took in, 0 when nothing is left."""
        old = _OLD_SAMPLES if hourly else _OLD_HOURS
        with self.database.read() as session:
            if session.connection().exec_driver_sql(old, (stream, until_ms, 1)).first() is None:
                return 0
        with self.database.write() as session:
            connection = session.connection()
            rows = connection.exec_driver_sql(old, (stream, until_ms, _AT_ONCE)).fetchall()
            if not rows:
                return 0
            keys = [(stream, row[0], row[1], row[2]) for row in rows]
            if hourly:
                taken = [one for row in rows if (one := measured(*row)) is not None]
                _DROP_SAMPLE.run(connection, keys)
            else:
                taken = [Measured(*row) for row in rows]
                _DROP_ROLLUP.run(connection, keys)
            if taken:
                _keep(connection, stream, taken, HOUR_MS if hourly else DAY_MS)
        return len(rows)


def _keep(connection: Connection, stream: int, taken: list[Measured], span_ms: int) -> None:
    """Merge with what a former step, or a reading that came late, left of the same spans."""
    first = min(one.at_ms for one in taken) // span_ms * span_ms
    last = max(one.at_ms for one in taken) // span_ms * span_ms + span_ms
    between = (stream, span_ms, first, last)
    there = connection.exec_driver_sql(_ROLLUPS_BETWEEN, between).fetchall()
    if there:
        connection.exec_driver_sql(_DROP_BETWEEN, between)
    rolled = roll_up([*taken, *(Measured(*row) for row in there)], span_ms)
    _INSERT_ROLLUP.run(connection, [(stream, span_ms, *one) for one in rolled])


_REFILL = 2
_COLUMNS = "at_ms, boot, seq, age_s, flags, number"
_OLD_SAMPLES = (
    f"SELECT {_COLUMNS} FROM sample WHERE stream_id = ? AND at_ms < ? AND flags & 3 <> {_REFILL}"
    " ORDER BY at_ms, boot, seq LIMIT ?"
)
_OLD_HOURS = (
    f"SELECT {_COLUMNS}, low, high, readings FROM rollup WHERE stream_id = ? AND at_ms < ?"
    f" AND span_ms = {HOUR_MS} ORDER BY at_ms, boot, seq LIMIT ?"
)
_ROLLUPS_BETWEEN = (
    f"SELECT {_COLUMNS}, low, high, readings FROM rollup"
    " WHERE stream_id = ? AND span_ms = ? AND at_ms >= ? AND at_ms < ?"
)
_DROP_BETWEEN = "DELETE FROM rollup WHERE stream_id = ? AND span_ms = ? AND at_ms >= ? AND at_ms < ?"
_KEY = ("stream_id", "at_ms", "boot", "seq")
_SAME = " AND ".join(f"kept.{name} = old.{name}" for name in _KEY)


def _drop(table: str) -> Bulk:
    return Bulk(
        f"DELETE FROM {table} WHERE {' AND '.join(f'{name} = ?' for name in _KEY)}",
        f"DELETE FROM {table} AS kept USING {{rows}} AS old({', '.join(_KEY)}) WHERE {_SAME}",
        "bigint bigint bigint bigint",
    )


_DROP_SAMPLE, _DROP_ROLLUP = _drop("sample"), _drop("rollup")
_ROLLUP = f"rollup(stream_id, span_ms, {_COLUMNS}, low, high, readings)"
_INSERT_ROLLUP = Bulk(
    f"INSERT INTO {_ROLLUP} VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    f"INSERT INTO {_ROLLUP} SELECT * FROM {{rows}}",
    " ".join(["bigint"] * 11),
)
