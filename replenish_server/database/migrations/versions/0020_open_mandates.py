"""What households signed for shops, so that nobody has to be present (AP2)."""

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One row for each signature."""
    op.create_table(
        "open_mandate",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("household_id", sa.String(), nullable=False),
        sa.Column("retailer_id", sa.String(), nullable=False),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("tokens", sa.JSON(), nullable=False),
        sa.Column("agent_kid", sa.String(), nullable=False),
        sa.Column("signed_by", sa.String(), nullable=False),
        sa.Column("signed_at", UtcTime(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=False),
        sa.Column("revoked_at", UtcTime(), nullable=True),
        sa.Column("spent_minor", sa.Integer(), nullable=False),
        sa.Column("occurrences", sa.Integer(), nullable=False),
        sa.Column("closed_checkout_id", sa.String(), nullable=True),
        sa.Column("closed_until", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"]),
        sa.ForeignKeyConstraint(["retailer_id"], ["retailer.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_open_mandate_household_id", "open_mandate", ["household_id"], unique=False)
    op.create_index("ix_open_mandate_retailer_id", "open_mandate", ["retailer_id"], unique=False)


def downgrade() -> None:
    """Every shop asks a person again."""
    op.drop_index("ix_open_mandate_retailer_id", table_name="open_mandate")
    op.drop_index("ix_open_mandate_household_id", table_name="open_mandate")
    op.drop_table("open_mandate")
