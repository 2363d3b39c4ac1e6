"""What became of "order now", and the answers of requests that carry a key."""

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "order_wish",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("slot_id", sa.String(), nullable=False),
        sa.Column("decision_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=True),
        sa.Column("joined", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decision.id"]),
        sa.ForeignKeyConstraint(["order_id"], ["purchase_order.id"]),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.id"]),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_order_wish_slot_id", "order_wish", ["slot_id"], unique=False)
    op.create_table(
        "idempotent_call",
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("answer", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("claimed_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "key"),
    )
    op.create_index("ix_idempotent_call_claimed_at", "idempotent_call", ["claimed_at"], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_idempotent_call_claimed_at", table_name="idempotent_call")
    op.drop_table("idempotent_call")
    op.drop_index("ix_order_wish_slot_id", table_name="order_wish")
    op.drop_table("order_wish")
