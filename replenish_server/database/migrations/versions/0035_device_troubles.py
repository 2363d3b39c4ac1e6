"""What devices say is wrong with themselves."""

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "device_trouble",
        sa.Column("device_id", sa.String(), sa.ForeignKey("device.id"), primary_key=True),
        sa.Column("word", sa.String(), primary_key=True),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("device_trouble")
