"""How the goods of a slot reach the home."""

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One row for each slot whose goods are fetched, or may come either way."""
    op.create_table(
        "slot_fulfilment",
        sa.Column("slot_id", sa.String(), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("location_id", sa.String(), nullable=True),
        sa.Column("location_name", sa.String(), nullable=True),
        sa.Column("fallback", sa.Boolean(), nullable=False),
        sa.Column("changed_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.id"]),
        sa.PrimaryKeyConstraint("slot_id"),
    )


def downgrade() -> None:
    """Everything is sent again."""
    op.drop_table("slot_fulfilment")
