"""Further ways to pay at a retailer, and which of them a parcel is paid with."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add table and column."""
    op.create_table(
        "payment_instrument",
        sa.Column("retailer_id", sa.String(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("handler", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["retailer_id"], ["retailer.id"]),
        sa.PrimaryKeyConstraint("retailer_id", "place"),
    )
    op.add_column("parcel", sa.Column("instrument", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Drop both."""
    op.drop_column("parcel", "instrument")
    op.drop_table("payment_instrument")
