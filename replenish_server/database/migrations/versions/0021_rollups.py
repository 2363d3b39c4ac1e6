"""Old readings become hourly and daily rollups, which the view `reading` shows like readings taken seldom."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def _measured(table: str) -> str:
    """Rows of `sample` or `rollup` as readings."""
    boot, late, nothing = f"printf('%08x', {table}.boot)", f"{table}.flags >> 6 & 1", "NULL"
    if op.get_bind().dialect.name == "postgresql":
        boot, late, nothing = f"lpad(to_hex({table}.boot), 8, '0')", f"{late} = 1", "NULL::json"
    return f"""
SELECT stream.device_id AS device_id, {boot} AS boot, {table}.seq AS seq,
 CASE {table}.flags & 3 WHEN 0 THEN 'level' WHEN 1 THEN 'usage' ELSE 'refill' END AS type,
 stream.slot_key AS slot_key, {table}.number AS number,
 CASE {table}.flags >> 2 & 3 WHEN 0 THEN 'ok' WHEN 1 THEN 'settling' WHEN 2 THEN 'coarse' ELSE 'unknown' END
 AS quality, NULL AS gesture, {table}.flags >> 4 & 3 AS clock, {late} AS late, {nothing} AS health,
 {table}.at_ms AS occurred_at, {table}.at_ms + {table}.age_s * 1000 AS received_at
FROM stream JOIN {table} ON {table}.stream_id = stream.id"""


_EVENTS = """
SELECT device_id, boot, seq, type, slot_key, NULL, 'ok', gesture, clock, late, health,
 occurred_at, received_at FROM device_event"""


def upgrade() -> None:
    """Add the table, and show it."""
    op.create_table(
        "rollup",
        sa.Column("stream_id", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("span_ms", sa.Integer(), nullable=False),
        sa.Column("age_s", sa.Integer(), nullable=False),
        sa.Column("flags", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("low", sa.Integer(), nullable=False),
        sa.Column("high", sa.Integer(), nullable=False),
        sa.Column("readings", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("stream_id", "at_ms", "boot", "seq"),
        sqlite_with_rowid=False,
    )
    _show(_measured("sample"), _measured("rollup"), _EVENTS)


def downgrade() -> None:
    """Rollups stay as single readings: what they stand for is gone."""
    op.execute(
        "INSERT INTO sample(stream_id, at_ms, boot, seq, age_s, flags, number)"
        " SELECT stream_id, at_ms, boot, seq, age_s, flags, number FROM rollup"
    )
    _show(_measured("sample"), _EVENTS)
    op.drop_table("rollup")


def _show(*parts: str) -> None:
    op.execute("DROP VIEW reading")
    op.execute(f"CREATE VIEW reading AS {' UNION ALL '.join(parts)}")
