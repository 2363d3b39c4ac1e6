"""What a flow meter warns of, and how coarse a slot's sensor is."""

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("device", sa.Column("alarm", sa.String(), nullable=False, server_default=""))
    op.add_column("device", sa.Column("alarm_at", UtcTime(), nullable=True))
    op.add_column("slot", sa.Column("sensor_step", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("slot", "sensor_step")
    op.drop_column("device", "alarm_at")
    op.drop_column("device", "alarm")
