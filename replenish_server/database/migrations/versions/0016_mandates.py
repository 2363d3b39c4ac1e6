"""The mandate's rules for home and slot, acceptable products, last known prices, and verdicts on orders."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def _rules() -> list[sa.Column[Any]]:
    """The columns that home and slot have in common, and neither had."""
    return [
        sa.Column("over_last_paid_percent", sa.Integer(), nullable=True),
        sa.Column("substitution", sa.String(), nullable=True),
        sa.Column("retailers", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("quiet_from_min", sa.Integer(), nullable=True),
        sa.Column("quiet_until_min", sa.Integer(), nullable=True),
        sa.Column("paused_until", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
    ]


def upgrade() -> None:
    """Add them; what a household said before stays, and the rest is not said."""
    with op.batch_alter_table("slot_mandate") as table:
        table.alter_column("mode", existing_type=sa.String(), nullable=True)
        for column in (sa.Column("budget_minor", sa.Integer(), nullable=True), *_rules()):
            table.add_column(column)
    with op.batch_alter_table("household_mandate") as table:
        table.add_column(sa.Column("mode", sa.String(), nullable=True))
        table.add_column(sa.Column("price_cap_minor", sa.Integer(), nullable=True))
        table.add_column(sa.Column("basket_days", sa.Integer(), nullable=False, server_default="3"))
        table.add_column(sa.Column("changed_by", sa.String(), nullable=False, server_default=""))
        for column in _rules():
            table.add_column(column)
    op.create_table(
        "acceptable_product",
        sa.Column("slot_id", sa.String(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("retailer_id", sa.String(), nullable=False),
        sa.Column("item_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("pack_amount", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.id"]),
        sa.ForeignKeyConstraint(["retailer_id"], ["retailer.id"]),
        sa.PrimaryKeyConstraint("slot_id", "place"),
    )
    op.create_table(
        "known_price",
        sa.Column("retailer_id", sa.String(), nullable=False),
        sa.Column("item_id", sa.String(), nullable=False),
        sa.Column("price_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["retailer_id"], ["retailer.id"]),
        sa.PrimaryKeyConstraint("retailer_id", "item_id"),
    )
    op.add_column("purchase_order", sa.Column("goods_minor", sa.Integer(), nullable=True))
    op.add_column("purchase_order", sa.Column("verdicts", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("purchase_order", sa.Column("mandate_digest", sa.String(), nullable=True))


def downgrade() -> None:
    """Drop them; a slot that left its mode to the home asks."""
    for name in ("mandate_digest", "verdicts", "goods_minor"):
        op.drop_column("purchase_order", name)  # not in a batch, whose copy would keep parcel_id's key
    op.drop_table("known_price")
    op.drop_table("acceptable_product")
    with op.batch_alter_table("household_mandate") as table:
        for column in reversed(_rules()):
            table.drop_column(column.name)
        for name in ("changed_by", "basket_days", "price_cap_minor", "mode"):
            table.drop_column(name)
    op.execute("UPDATE slot_mandate SET mode = 'ask' WHERE mode IS NULL OR mode NOT IN ('ask', 'auto')")
    with op.batch_alter_table("slot_mandate") as table:
        for column in reversed(_rules()):
            table.drop_column(column.name)
        table.drop_column("budget_minor")
        table.alter_column("mode", existing_type=sa.String(), nullable=False)
