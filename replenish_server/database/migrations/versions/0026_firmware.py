"""Firmware images, rollouts, and how far each device of a rollout is."""

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "firmware_image",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("ver", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("sig", sa.String(), nullable=False),
        sa.Column("added_at", UtcTime(), nullable=False),
        sa.Column("removed_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "seq"),
    )
    op.create_table(
        "rollout",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("image_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("steps", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("soak_minutes", sa.Integer(), nullable=False),
        sa.Column("patience_hours", sa.Integer(), nullable=False),
        sa.Column("halt_percent", sa.Integer(), nullable=False),
        sa.Column("began_at", UtcTime(), nullable=False),
        sa.Column("settled_at", UtcTime(), nullable=True),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.Column("why", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["firmware_image.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_rollout_image_id", "rollout", ["image_id"])
    op.create_index("ix_rollout_state", "rollout", ["state"])
    op.create_table(
        "rollout_device",
        sa.Column("rollout_id", sa.String(), nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("at_bytes", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("excused", sa.Boolean(), nullable=False),
        sa.Column("offered_at", UtcTime(), nullable=True),
        sa.Column("changed_at", UtcTime(), nullable=False),
        sa.Column("heard_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"]),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollout.id"]),
        sa.PrimaryKeyConstraint("rollout_id", "device_id"),
        sa.UniqueConstraint("token"),
    )
    op.create_index("ix_rollout_device_device_id", "rollout_device", ["device_id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("rollout_device")
    op.drop_table("rollout")
    op.drop_table("firmware_image")
