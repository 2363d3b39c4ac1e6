"""Every state of an order, with its deadlines; ended states leave the index of open orders."""

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ENDED = "state NOT IN ('canceled', 'closed', 'expired', 'failed')"
_ENDED_BEFORE = "state NOT IN ('canceled', 'closed')"


def upgrade() -> None:
    """Add the columns; an order that exists has been in its state since it was created, at the latest."""
    with op.batch_alter_table("purchase_order") as table:
        table.add_column(sa.Column("state_since", UtcTime(), nullable=False, server_default="0"))
        table.add_column(sa.Column("reminders", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("leaves_at", UtcTime(), nullable=True))
        table.add_column(sa.Column("deadline_at", UtcTime(), nullable=True))
        table.add_column(sa.Column("pickup_location", sa.String(), nullable=True))
    op.execute(
        "UPDATE purchase_order SET state_since = "
        "COALESCE(ended_at, delivered_at, shipped_at, placed_at, created_at)"
    )
    op.create_index("ix_purchase_order_deadline_at", "purchase_order", ["deadline_at"], unique=False)
    _index_open(_ENDED)


def downgrade() -> None:
    """Drop them; what ended in a new way is canceled."""
    op.execute("UPDATE purchase_order SET state = 'canceled' WHERE state IN ('expired', 'failed')")
    _index_open(_ENDED_BEFORE)
    op.drop_index("ix_purchase_order_deadline_at", table_name="purchase_order")
    with op.batch_alter_table("purchase_order") as table:
        for name in ("pickup_location", "deadline_at", "leaves_at", "reminders", "state_since"):
            table.drop_column(name)


def _index_open(condition: str) -> None:
    op.drop_index("one_open_order_per_slot", table_name="purchase_order")
    op.create_index(
        "one_open_order_per_slot",
        "purchase_order",
        ["slot_id"],
        unique=True,
        sqlite_where=sa.text(condition),
        postgresql_where=sa.text(condition),
    )
