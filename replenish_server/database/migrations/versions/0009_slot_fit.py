"""What people said of slots that count their use: a new unit was fitted, or so much remains."""

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "slot_fit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slot_id", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("remaining", sa.Integer(), nullable=False),
        sa.Column("fitted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_slot_fit_slot_id", "slot_fit", ["slot_id"], unique=False)


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_slot_fit_slot_id", table_name="slot_fit")
    op.drop_table("slot_fit")
