"""Orders that shadow mode did not make."""

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "shadow_order",
        sa.Column("decision_id", sa.String(), nullable=False),
        sa.Column("slot_id", sa.String(), nullable=False),
        sa.Column("household_id", sa.String(), nullable=False),
        sa.Column("product_name", sa.String(), nullable=False),
        sa.Column("packs", sa.Integer(), nullable=False),
        sa.Column("price_minor", sa.Integer(), nullable=True),
        sa.Column("price_at", UtcTime(), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("arrives_at", UtcTime(), nullable=False),
        sa.Column("emptied_at", UtcTime(), nullable=True),
        sa.Column("refilled_at", UtcTime(), nullable=True),
        sa.Column("closed_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["decision_id"], ["decision.id"]),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"]),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.id"]),
        sa.PrimaryKeyConstraint("decision_id"),
    )
    op.create_index("ix_shadow_order_slot_id", "shadow_order", ["slot_id"], unique=False)
    op.create_index("ix_shadow_order_household_id", "shadow_order", ["household_id"], unique=False)


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_shadow_order_household_id", table_name="shadow_order")
    op.drop_index("ix_shadow_order_slot_id", table_name="shadow_order")
    op.drop_table("shadow_order")
