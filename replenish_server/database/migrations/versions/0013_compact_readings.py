"""Readings in a third of the space: measured ones as numbers, presses and hellos by themselves, and what was
seen of each boot as ranges. Everybody reads them through the view `reading`."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_KINDS = ("level", "usage", "refill")
_QUALITIES = ("ok", "settling", "coarse", "unknown")
_OLD = (
    "device_id, boot, seq, type, slot_key, number, quality, gesture, clock, late, health, occurred_at,"
    " received_at"
)
READING_VIEW = """
CREATE VIEW reading AS
SELECT stream.device_id AS device_id, {boot} AS boot, sample.seq AS seq,
 CASE sample.flags & 3 WHEN 0 THEN 'level' WHEN 1 THEN 'usage' ELSE 'refill' END AS type,
 stream.slot_key AS slot_key, sample.number AS number,
 CASE sample.flags >> 2 & 3 WHEN 0 THEN 'ok' WHEN 1 THEN 'settling' WHEN 2 THEN 'coarse' ELSE 'unknown' END
 AS quality, NULL AS gesture, sample.flags >> 4 & 3 AS clock, {late} AS late, {health} AS health,
 sample.at_ms AS occurred_at, sample.at_ms + sample.age_s * 1000 AS received_at
FROM stream JOIN sample ON sample.stream_id = stream.id
UNION ALL
SELECT device_id, boot, seq, type, slot_key, NULL, 'ok', gesture, clock, late, health,
 occurred_at, received_at FROM device_event
"""
_SQLITE = {"boot": "printf('%08x', sample.boot)", "late": "sample.flags >> 6 & 1", "health": "NULL"}
_POSTGRESQL = {
    "boot": "lpad(to_hex(sample.boot), 8, '0')",
    "late": "sample.flags >> 6 & 1 = 1",
    "health": "NULL::json",
}


def upgrade() -> None:
    """Move every reading into its new place."""
    _create_tables()
    connection = op.get_bind()
    numbers: dict[tuple[str, str], int] = {}
    rows = connection.exec_driver_sql(f"SELECT {_OLD} FROM reading ORDER BY device_id, boot, seq").fetchall()
    for row in rows:
        _move(connection, numbers, row)
    for (device_id, boot), group in groupby(rows, lambda row: (row[0], row[1])):
        for low, high in _ranges(row[2] for row in group):
            connection.exec_driver_sql(
                "INSERT INTO seen_range(device_id, boot, low, high) VALUES(?, ?, ?, ?)",
                (device_id, int(boot, 16), low, high),
            )
    op.drop_index("reading_by_slot", table_name="reading")
    op.drop_table("reading")
    terms = _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE
    op.execute(READING_VIEW.format(**terms))


def downgrade() -> None:
    """Move them back."""
    rows = op.get_bind().exec_driver_sql(f"SELECT {_OLD} FROM reading").fetchall()
    op.execute("DROP VIEW reading")
    _create_old_table()
    for row in rows:
        op.get_bind().exec_driver_sql(
            f"INSERT INTO reading({_OLD}) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", tuple(row)
        )
    op.drop_table("seen_range")
    op.drop_index("device_event_by_slot", table_name="device_event")
    op.drop_table("device_event")
    op.drop_table("sample")
    op.drop_table("stream")


def _move(connection: sa.Connection, numbers: dict[tuple[str, str], int], row: sa.Row[Any]) -> None:
    """One old row into `sample` or `device_event`."""
    kind, quality, occurred, received = row.type, row.quality, row.occurred_at, row.received_at
    if kind not in _KINDS:
        values = (*row[:5], row.gesture, row.clock, row.late, row.health, occurred, received)
        connection.exec_driver_sql("INSERT INTO device_event VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        return
    stream = (row.device_id, row.slot_key)
    if stream not in numbers:
        numbers[stream] = len(numbers) + 1
        connection.exec_driver_sql("INSERT INTO stream VALUES(?, ?, ?)", (numbers[stream], *stream))
    flags = _KINDS.index(kind) | _QUALITIES.index(quality) << 2 | row.clock << 4 | bool(row.late) << 6
    age_s = (received - occurred) // 1000
    values = (numbers[stream], occurred, int(row.boot, 16), row.seq, age_s, flags, row.number)
    connection.exec_driver_sql("INSERT INTO sample VALUES(?, ?, ?, ?, ?, ?, ?)", values)


def _ranges(sequences: Iterator[int]) -> Iterator[tuple[int, int]]:
    """Runs of neighbours in rising numbers."""
    low = high = None
    for seq in sequences:
        if high is not None and seq == high + 1:
            high = seq
            continue
        if low is not None and high is not None:
            yield low, high
        low = high = seq
    if low is not None and high is not None:
        yield low, high


def _create_tables() -> None:
    op.create_table(
        "stream",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("slot_key", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("device_id", "slot_key"),
    )
    op.create_table(
        "sample",
        sa.Column("stream_id", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("age_s", sa.Integer(), nullable=False),
        sa.Column("flags", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("stream_id", "at_ms", "boot", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "device_event",
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("boot", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("slot_key", sa.String(), nullable=False),
        sa.Column("gesture", sa.String(), nullable=True),
        sa.Column("clock", sa.Integer(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("health", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("occurred_at", UtcTime(), nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "boot", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_index("device_event_by_slot", "device_event", ["device_id", "slot_key", "occurred_at"])
    op.create_table(
        "seen_range",
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("low", sa.BigInteger(), nullable=False),
        sa.Column("high", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "boot", "low"),
        sqlite_with_rowid=False,
    )


def _create_old_table() -> None:
    """`reading` as revision 0001 made it."""
    op.create_table(
        "reading",
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("boot", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("slot_key", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("quality", sa.String(), nullable=False),
        sa.Column("gesture", sa.String(), nullable=True),
        sa.Column("clock", sa.Integer(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("health", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("occurred_at", UtcTime(), nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "boot", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_index("reading_by_slot", "reading", ["device_id", "slot_key", "occurred_at"], unique=False)
