"""The conversation with a retailer moves from the order to a parcel, which several orders may share."""

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_MOVED = ("attempt", "checkout_id", "failures", "fence", "lease_until", "next_try_at", "next_poll_at")


def upgrade() -> None:
    """Every order gets a parcel of its own, under its own id; its calls go with it."""
    op.create_table(
        "parcel",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("household_id", sa.String(), nullable=False),
        sa.Column("retailer_id", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("checkout_id", sa.String(), nullable=True),
        sa.Column("alone", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_until", UtcTime(), nullable=True),
        sa.Column("next_try_at", UtcTime(), nullable=True),
        sa.Column("next_poll_at", UtcTime(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"]),
        sa.ForeignKeyConstraint(["retailer_id"], ["retailer.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_parcel_household_id", "parcel", ["household_id"], unique=False)
    columns = f"id, household_id, retailer_id, {', '.join(_MOVED)}, created_at"
    op.execute(f"INSERT INTO parcel ({columns}, alone) SELECT {columns}, TRUE FROM purchase_order")
    # SQLite adds a column with a reference only if it may be null.
    op.execute("ALTER TABLE purchase_order ADD COLUMN parcel_id VARCHAR REFERENCES parcel(id)")
    op.execute("UPDATE purchase_order SET parcel_id = id")
    op.create_index("ix_purchase_order_parcel_id", "purchase_order", ["parcel_id"], unique=False)
    for name in _MOVED:
        op.execute(f"ALTER TABLE purchase_order DROP COLUMN {name}")
    _rebuild_calls("order_id", "parcel_id", "parcel")


def downgrade() -> None:
    """Every order gets its conversation back; those that shared one keep a copy each."""
    op.add_column("purchase_order", sa.Column("attempt", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("purchase_order", sa.Column("checkout_id", sa.String(), nullable=True))
    for name in ("failures", "fence"):
        op.add_column("purchase_order", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    for name in ("lease_until", "next_try_at", "next_poll_at"):
        op.add_column("purchase_order", sa.Column(name, UtcTime(), nullable=True))
    for name in _MOVED:
        op.execute(
            f"UPDATE purchase_order SET {name} = "
            f"(SELECT {name} FROM parcel WHERE parcel.id = purchase_order.parcel_id)"
        )
    _rebuild_calls("parcel_id", "order_id", "purchase_order")
    op.drop_index("ix_purchase_order_parcel_id", table_name="purchase_order")
    op.execute("ALTER TABLE purchase_order DROP COLUMN parcel_id")
    op.drop_index("ix_parcel_household_id", table_name="parcel")
    op.drop_table("parcel")


def _rebuild_calls(before: str, now: str, table: str) -> None:
    """SQLite cannot change what a column refers to, so the journal moves into a new table."""
    op.rename_table("retailer_call", "retailer_call_before")
    op.drop_index(f"ix_retailer_call_{before}", table_name="retailer_call_before")
    op.create_table(
        "retailer_call",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column(now, sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("prepared_at", UtcTime(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("answered_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint([now], [f"{table}.id"]),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint(now, "attempt", "step"),
    )
    op.create_index(f"ix_retailer_call_{now}", "retailer_call", [now], unique=False)
    rest = "attempt, step, method, url, body, prepared_at, status, answer, answered_at"
    there = (
        before if table == "parcel" else f"(SELECT MIN(id) FROM purchase_order WHERE parcel_id = c.{before})"
    )
    op.execute(
        f"INSERT INTO retailer_call (key, {now}, {rest}) "
        f"SELECT key, {there}, {rest} FROM retailer_call_before AS c"
    )
    op.drop_table("retailer_call_before")
