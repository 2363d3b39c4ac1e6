"""The book of orders at retailers who tell us what becomes of them; their prices, keys and messages."""

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "retailer_price",
        sa.Column("retailer_id", sa.String(), nullable=False),
        sa.Column("item_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("unit_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("available", sa.Boolean(), nullable=False),
        sa.Column("imported_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["retailer_id"], ["retailer.id"]),
        sa.PrimaryKeyConstraint("retailer_id", "item_id"),
    )
    op.create_table(
        "book_order",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("retailer_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("subtotal_minor", sa.Integer(), nullable=False),
        sa.Column("shipping_minor", sa.Integer(), nullable=False),
        sa.Column("total_minor", sa.Integer(), nullable=False),
        sa.Column("refunded_minor", sa.Integer(), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("buyer_name", sa.String(), nullable=False),
        sa.Column("buyer_email", sa.String(), nullable=False),
        sa.Column("ship_to", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("location_id", sa.String(), nullable=True),
        sa.Column("carrier", sa.String(), nullable=True),
        sa.Column("tracking_number", sa.String(), nullable=True),
        sa.Column("tracking_url", sa.String(), nullable=True),
        sa.Column("expected_at", UtcTime(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("placed_at", UtcTime(), nullable=False),
        sa.Column("acknowledge_by", UtcTime(), nullable=False),
        sa.Column("changed_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["retailer_id"], ["retailer.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("book_order_by_change", "book_order", ["retailer_id", "change"], unique=False)
    op.create_table(
        "book_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["book_order.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_book_entry_order_id", "book_entry", ["order_id"], unique=False)
    _create_feed()


def _create_feed() -> None:
    op.create_table(
        "retailer_key",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("retailer_id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("last_used_at", UtcTime(), nullable=True),
        sa.Column("revoked_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["retailer_id"], ["retailer.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_retailer_key_retailer_id", "retailer_key", ["retailer_id"], unique=False)
    op.create_table(
        "retailer_session",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["retailer_key.id"]),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_retailer_session_key_id", "retailer_session", ["key_id"], unique=False)
    op.create_table(
        "feed_answer",
        sa.Column("retailer_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["retailer_id"], ["retailer.id"]),
        sa.PrimaryKeyConstraint("retailer_id", "key"),
    )
    op.create_index("ix_feed_answer_at", "feed_answer", ["at"], unique=False)
    op.create_table(
        "retailer_hook",
        sa.Column("retailer_id", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("old_secret", sa.String(), nullable=True),
        sa.Column("old_until", UtcTime(), nullable=True),
        sa.Column("changed_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["retailer_id"], ["retailer.id"]),
        sa.PrimaryKeyConstraint("retailer_id"),
    )
    op.create_table(
        "retailer_message",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("retailer_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", UtcTime(), nullable=True),
        sa.Column("sent_at", UtcTime(), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["book_order.id"]),
        sa.ForeignKeyConstraint(["retailer_id"], ["retailer.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    for column in ("retailer_id", "order_id", "next_try_at"):
        op.create_index(f"ix_retailer_message_{column}", "retailer_message", [column], unique=False)


def downgrade() -> None:
    """Drop them."""
    for column in ("next_try_at", "order_id", "retailer_id"):
        op.drop_index(f"ix_retailer_message_{column}", table_name="retailer_message")
    op.drop_table("retailer_message")
    op.drop_table("retailer_hook")
    op.drop_index("ix_feed_answer_at", table_name="feed_answer")
    op.drop_table("feed_answer")
    op.drop_index("ix_retailer_session_key_id", table_name="retailer_session")
    op.drop_table("retailer_session")
    op.drop_index("ix_retailer_key_retailer_id", table_name="retailer_key")
    op.drop_table("retailer_key")
    op.drop_index("ix_book_entry_order_id", table_name="book_entry")
    op.drop_table("book_entry")
    op.drop_index("book_order_by_change", table_name="book_order")
    op.drop_table("book_order")
    op.drop_table("retailer_price")
