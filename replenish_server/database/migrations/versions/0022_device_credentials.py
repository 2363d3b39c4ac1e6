"""Credentials of devices as rows, and when a device was revoked."""

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Accounts that exist already stay in the broker's password file until their device is revoked."""
    op.create_table(
        "device_credential",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("verifier", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_device_credential_device_id", "device_credential", ["device_id"])
    op.create_index("ix_device_credential_state", "device_credential", ["state"])
    op.add_column("device", sa.Column("revoked_at", UtcTime(), nullable=True))
    op.add_column("device", sa.Column("revoked_why", sa.String(), nullable=False, server_default=""))
    op.add_column("device", sa.Column("cut_at", UtcTime(), nullable=True))


def downgrade() -> None:
    """What the broker's files say stays in force."""
    with op.batch_alter_table("device") as table:
        for name in ("cut_at", "revoked_why", "revoked_at"):
            table.drop_column(name)
    op.drop_table("device_credential")
