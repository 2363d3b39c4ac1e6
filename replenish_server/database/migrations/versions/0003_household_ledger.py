"""The household's budget, and the ledger of what its orders cost."""

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables; without a budget nothing changes."""
    op.create_table(
        "household_mandate",
        sa.Column("household_id", sa.String(), nullable=False),
        sa.Column("budget_minor", sa.Integer(), nullable=True),
        sa.Column("changed_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"]),
        sa.PrimaryKeyConstraint("household_id"),
    )
    op.create_table(
        "ledger_entry",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("household_id", sa.String(), nullable=False),
        sa.Column("slot_id", sa.String(), nullable=False),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("changed_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["purchase_order.id"]),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"]),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.id"]),
        sa.PrimaryKeyConstraint("order_id"),
    )
    op.create_index("ledger_month", "ledger_entry", ["household_id", "month", "currency"], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ledger_month", table_name="ledger_entry")
    op.drop_table("ledger_entry")
    op.drop_table("household_mandate")
