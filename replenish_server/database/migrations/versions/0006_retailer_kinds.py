"""Retailers of several kinds, and orders that a person finishes."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every retailer so far speaks UCP."""
    with op.batch_alter_table("retailer") as table:
        table.add_column(sa.Column("kind", sa.String(), nullable=False, server_default="ucp"))
        table.add_column(sa.Column("options", sa.JSON(), nullable=False, server_default="{}"))
    with op.batch_alter_table("purchase_order") as table:
        table.add_column(sa.Column("tier", sa.String(), nullable=True))
        table.add_column(sa.Column("tier_reason", sa.String(), nullable=True))
        table.add_column(sa.Column("tier_detail", sa.String(), nullable=True))


def downgrade() -> None:
    """Forget kinds and hand-offs."""
    with op.batch_alter_table("purchase_order") as table:
        table.drop_column("tier_detail")
        table.drop_column("tier_reason")
        table.drop_column("tier")
    with op.batch_alter_table("retailer") as table:
        table.drop_column("options")
        table.drop_column("kind")
