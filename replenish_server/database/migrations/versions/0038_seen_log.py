"""Ranges of what is stored that are moved to their places later, many at once."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the log."""
    op.create_table(
        "seen_log",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ranges", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    """Move what is in it to its places."""
    connection = op.get_bind()
    write = sa.text(
        "INSERT INTO seen_range(device_id, boot, low, high) VALUES(:device_id, :boot, :low, :high)"
        " ON CONFLICT(device_id, boot, low) DO UPDATE SET high = excluded.high"
    )
    for (ranges,) in connection.execute(sa.text("SELECT ranges FROM seen_log ORDER BY id")).fetchall():
        for device_id, boot, low, high in json.loads(ranges):
            connection.execute(write, {"device_id": device_id, "boot": boot, "low": low, "high": high})
    op.drop_table("seen_log")
