"""Tokens and test orders of appliance clouds that speak as to the Dash Replenishment Service."""

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "dash_token",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("revoked_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"]),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_dash_token_device_id", "dash_token", ["device_id"], unique=False)
    op.create_table(
        "dash_test_order",
        sa.Column("slot_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("decision_id", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decision.id"]),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.id"]),
        sa.PrimaryKeyConstraint("slot_id"),
        sa.UniqueConstraint("id"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("dash_test_order")
    op.drop_index("ix_dash_token_device_id", table_name="dash_token")
    op.drop_table("dash_token")
