"""Cooling-off, stop switches, receipts that nobody can change, and withdrawals."""

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_KEPT = ("receipt", "withdrawal")


def upgrade() -> None:
    """Add them; every household that exists gets the usual day of cooling-off."""
    op.add_column(
        "household", sa.Column("cooling_off_minutes", sa.Integer(), nullable=False, server_default="1440")
    )
    op.add_column("purchase_order", sa.Column("hold_until", UtcTime(), nullable=True))
    op.create_table(
        "order_stop",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("scope"),
    )
    op.create_table(
        "receipt",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("parcel_id", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["purchase_order.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("order_id", "parcel_id", "attempt"),
    )
    op.create_index("ix_receipt_order_id", "receipt", ["order_id"], unique=False)
    op.create_table(
        "withdrawal",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["purchase_order.id"]),
        sa.PrimaryKeyConstraint("order_id"),
    )
    refuse = "BEGIN SELECT RAISE(ABORT, 'a {table} is never changed'); END"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "BEGIN RAISE EXCEPTION 'a % is never changed', TG_TABLE_NAME"
            " USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
        refuse = "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    for table in _KEPT:
        for verb in ("UPDATE", "DELETE"):
            name = f"{table}_refuses_{verb.lower()}"
            op.execute(f"CREATE TRIGGER {name} BEFORE {verb} ON {table} {refuse.format(table=table)}")


def downgrade() -> None:
    """Drop them; an order that still cools off waits for a person."""
    op.execute("UPDATE purchase_order SET state = 'needs_approval' WHERE state = 'cooling_off'")
    op.drop_table("withdrawal")
    op.drop_index("ix_receipt_order_id", table_name="receipt")
    op.drop_table("receipt")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change")
    op.drop_table("order_stop")
    op.drop_column("purchase_order", "hold_until")
    op.drop_column("household", "cooling_off_minutes")
