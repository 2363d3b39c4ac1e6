"""Which process holds a parcel: where several share the database, what a dead one held is freed at once."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody has said so yet: such a lease ends by time, or at the next start."""
    op.add_column("parcel", sa.Column("holder", sa.Integer(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE process_number")


def downgrade() -> None:
    """Drop it."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP SEQUENCE process_number")
    op.drop_column("parcel", "holder")
