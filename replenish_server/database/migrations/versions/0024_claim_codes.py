"""One-time codes by which households claim devices, and devices that left."""

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing that exists is claimed by a code."""
    op.create_table(
        "claim_code",
        sa.Column("code_hash", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("device_id", sa.String(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"]),
        sa.PrimaryKeyConstraint("code_hash"),
    )
    op.create_index("ix_claim_code_state", "claim_code", ["state"])
    op.add_column("device", sa.Column("parted_at", UtcTime(), nullable=True))
    op.add_column("device", sa.Column("wiped_at", UtcTime(), nullable=True))
    op.add_column("device", sa.Column("silent_at", UtcTime(), nullable=True))
    op.add_column("twin", sa.Column("gone_at", UtcTime(), nullable=True))
    op.add_column("slot", sa.Column("retired_at", UtcTime(), nullable=True))


def downgrade() -> None:
    """Codes that are out open nothing any more."""
    with op.batch_alter_table("twin") as table:
        table.drop_column("gone_at")
    with op.batch_alter_table("slot") as table:
        table.drop_column("retired_at")
    with op.batch_alter_table("device") as table:
        table.drop_column("silent_at")
        table.drop_column("wiped_at")
        table.drop_column("parted_at")
    op.drop_table("claim_code")
