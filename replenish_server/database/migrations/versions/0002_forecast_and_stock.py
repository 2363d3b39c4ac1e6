"""Fitted models, grids and stock; when an order should leave, in a household's words; what it can store."""

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; those who said nothing get the middle timing and no limits."""
    op.create_table(
        "forecast_fit",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("households", sa.Integer(), nullable=False),
        sa.Column("champion_crps_days", sa.Float(), nullable=True),
        sa.Column("challenger_crps_days", sa.Float(), nullable=True),
        sa.Column("model", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_table(
        "slot_grid",
        sa.Column("slot_id", sa.String(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("grid", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.id"]),
        sa.PrimaryKeyConstraint("slot_id"),
    )
    op.create_table(
        "slot_refill",
        sa.Column("slot_id", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("swapped", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.id"]),
        sa.PrimaryKeyConstraint("slot_id", "at"),
    )
    op.create_table(
        "stock_correction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slot_id", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("spare_packs", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_stock_correction_slot_id", "stock_correction", ["slot_id"], unique=False)
    with op.batch_alter_table("slot_mandate") as table:
        table.add_column(sa.Column("timing", sa.String(), nullable=False, server_default="balanced"))
    with op.batch_alter_table("slot") as table:
        table.add_column(sa.Column("storage_limit", sa.Integer(), nullable=True))
        table.add_column(sa.Column("shelf_life_days", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("slot") as table:
        table.drop_column("shelf_life_days")
        table.drop_column("storage_limit")
    with op.batch_alter_table("slot_mandate") as table:
        table.drop_column("timing")
    op.drop_index("ix_stock_correction_slot_id", table_name="stock_correction")
    op.drop_table("stock_correction")
    op.drop_table("slot_refill")
    op.drop_table("slot_grid")
    op.drop_table("forecast_fit")
