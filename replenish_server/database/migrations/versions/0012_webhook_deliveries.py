"""Events that retailers told, so that none is taken in twice."""

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One row for each event."""
    op.create_table(
        "webhook_delivery",
        sa.Column("retailer_id", sa.String(), nullable=False),
        sa.Column("delivery_id", sa.String(), nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["retailer_id"], ["retailer.id"]),
        sa.PrimaryKeyConstraint("retailer_id", "delivery_id"),
    )
    op.create_index("ix_webhook_delivery_received_at", "webhook_delivery", ["received_at"], unique=False)


def downgrade() -> None:
    """Forget them."""
    op.drop_index("ix_webhook_delivery_received_at", table_name="webhook_delivery")
    op.drop_table("webhook_delivery")
