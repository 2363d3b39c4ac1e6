"""When two devices were heard under one name."""

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("device", sa.Column("doubled_at", UtcTime(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("device", "doubled_at")
