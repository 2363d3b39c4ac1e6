"""Until when a slot's level orders nothing because a person skipped an order."""

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody skipped anything yet."""
    op.add_column("purchase_order", sa.Column("skipped_until", UtcTime(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("purchase_order", "skipped_until")
