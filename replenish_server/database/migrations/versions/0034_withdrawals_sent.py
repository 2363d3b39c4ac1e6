"""How a retailer is told of a withdrawal."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two columns."""
    op.add_column("withdrawal", sa.Column("channel", sa.String(), nullable=False, server_default="hand"))
    op.add_column("withdrawal", sa.Column("message_id", sa.String(), nullable=True))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("withdrawal", "message_id")
    op.drop_column("withdrawal", "channel")
