"""A retailer's newest deliveries and a home's open orders are found without a look at all that ever were."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

_NAME, _DELIVERED = "purchase_order_delivered", sa.text("delivered_at IS NOT NULL")


def upgrade() -> None:
    """Add one index, and let another one know the state."""
    op.create_index(
        _NAME,
        "purchase_order",
        ["retailer_id", "delivered_at", "placed_at"],
        sqlite_where=_DELIVERED,
        postgresql_where=_DELIVERED,
    )
    op.create_index("purchase_order_of_home", "purchase_order", ["household_id", "state"])
    op.drop_index("ix_purchase_order_household_id", "purchase_order")


def downgrade() -> None:
    """As it was."""
    op.create_index("ix_purchase_order_household_id", "purchase_order", ["household_id"])
    op.drop_index("purchase_order_of_home", "purchase_order")
    op.drop_index(_NAME, "purchase_order")
