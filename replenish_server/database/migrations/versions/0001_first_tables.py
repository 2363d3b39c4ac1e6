"""The first tables: households, devices, readings, decisions, orders and the step journal."""

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "household",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("buyer_name", sa.String(), nullable=False),
        sa.Column("buyer_email", sa.String(), nullable=False),
        sa.Column("street", sa.String(), nullable=False),
        sa.Column("locality", sa.String(), nullable=False),
        sa.Column("postal_code", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "quarantined",
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("retained", sa.Boolean(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("first_at", UtcTime(), nullable=False),
        sa.Column("last_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint"),
    )
    op.create_index("ix_quarantined_code", "quarantined", ["code"], unique=False)
    op.create_table(
        "reading",
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("boot", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("slot_key", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("quality", sa.String(), nullable=False),
        sa.Column("gesture", sa.String(), nullable=True),
        sa.Column("clock", sa.Integer(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("health", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("occurred_at", UtcTime(), nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "boot", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_index("reading_by_slot", "reading", ["device_id", "slot_key", "occurred_at"], unique=False)
    op.create_table(
        "retailer",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("payment_handler", sa.String(), nullable=False),
        sa.Column("payment_token", sa.String(), nullable=False),
        sa.Column("agreement", sa.String(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "device",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("household_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("last_seen_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["household_id"],
            ["household.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_device_household_id", "device", ["household_id"], unique=False)
    op.create_table(
        "slot",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("household_id", sa.String(), nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("threshold", sa.Integer(), nullable=True),
        sa.Column("retailer_id", sa.String(), nullable=False),
        sa.Column("item_id", sa.String(), nullable=False),
        sa.Column("product_name", sa.String(), nullable=False),
        sa.Column("pack_amount", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"],
            ["device.id"],
        ),
        sa.ForeignKeyConstraint(
            ["household_id"],
            ["household.id"],
        ),
        sa.ForeignKeyConstraint(
            ["retailer_id"],
            ["retailer.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("device_id", "key"),
    )
    op.create_index("ix_slot_device_id", "slot", ["device_id"], unique=False)
    op.create_index("ix_slot_due_at", "slot", ["due_at"], unique=False)
    op.create_index("ix_slot_household_id", "slot", ["household_id"], unique=False)
    op.create_table(
        "twin",
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("desired", sa.JSON(), nullable=False),
        sa.Column("desired_rev", sa.Integer(), nullable=False),
        sa.Column("desired_at", UtcTime(), nullable=False),
        sa.Column("published_rev", sa.Integer(), nullable=False),
        sa.Column("reported", sa.JSON(), nullable=True),
        sa.Column("reported_rev", sa.Integer(), nullable=False),
        sa.Column("reported_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"],
            ["device.id"],
        ),
        sa.PrimaryKeyConstraint("device_id"),
    )
    op.create_table(
        "decision",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("slot_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("last_at", UtcTime(), nullable=False),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["slot_id"],
            ["slot.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_decision_last_at", "decision", ["last_at"], unique=False)
    op.create_index("ix_decision_slot_id", "decision", ["slot_id"], unique=False)
    op.create_table(
        "slot_mandate",
        sa.Column("slot_id", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("price_cap_minor", sa.Integer(), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("changed_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["slot_id"],
            ["slot.id"],
        ),
        sa.PrimaryKeyConstraint("slot_id"),
    )
    op.create_table(
        "purchase_order",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("slot_id", sa.String(), nullable=False),
        sa.Column("household_id", sa.String(), nullable=False),
        sa.Column("retailer_id", sa.String(), nullable=False),
        sa.Column("decision_id", sa.String(), nullable=False),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("item_id", sa.String(), nullable=False),
        sa.Column("product_name", sa.String(), nullable=False),
        sa.Column("packs", sa.Integer(), nullable=False),
        sa.Column("pack_amount", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("approved_minor", sa.Integer(), nullable=True),
        sa.Column("quoted_minor", sa.Integer(), nullable=True),
        sa.Column("total_minor", sa.Integer(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("checkout_id", sa.String(), nullable=True),
        sa.Column("retailer_order_id", sa.String(), nullable=True),
        sa.Column("permalink", sa.String(), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("problem_detail", sa.String(), nullable=True),
        sa.Column("continue_url", sa.String(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_until", UtcTime(), nullable=True),
        sa.Column("next_try_at", UtcTime(), nullable=True),
        sa.Column("next_poll_at", UtcTime(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("placed_at", UtcTime(), nullable=True),
        sa.Column("shipped_at", UtcTime(), nullable=True),
        sa.Column("delivered_at", UtcTime(), nullable=True),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["decision_id"],
            ["decision.id"],
        ),
        sa.ForeignKeyConstraint(
            ["household_id"],
            ["household.id"],
        ),
        sa.ForeignKeyConstraint(
            ["retailer_id"],
            ["retailer.id"],
        ),
        sa.ForeignKeyConstraint(
            ["slot_id"],
            ["slot.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_purchase_order_household_id", "purchase_order", ["household_id"], unique=False)
    op.create_index(
        "ix_purchase_order_retailer_order_id", "purchase_order", ["retailer_order_id"], unique=False
    )
    op.create_index("ix_purchase_order_slot_id", "purchase_order", ["slot_id"], unique=False)
    op.create_index("ix_purchase_order_state", "purchase_order", ["state"], unique=False)
    op.create_index(
        "one_open_order_per_slot",
        "purchase_order",
        ["slot_id"],
        unique=True,
        sqlite_where=sa.text("state NOT IN ('canceled', 'closed')"),
        postgresql_where=sa.text("state NOT IN ('canceled', 'closed')"),
    )
    op.create_table(
        "order_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["purchase_order.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_order_event_order_id", "order_event", ["order_id"], unique=False)
    op.create_table(
        "press_answer",
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("boot", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("slot_id", sa.String(), nullable=False),
        sa.Column("decision_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=True),
        sa.Column("joined", sa.Boolean(), nullable=False),
        sa.Column("told", sa.String(), nullable=True),
        sa.Column("at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id"],
            ["decision.id"],
        ),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["purchase_order.id"],
        ),
        sa.ForeignKeyConstraint(
            ["slot_id"],
            ["slot.id"],
        ),
        sa.PrimaryKeyConstraint("device_id", "boot", "seq"),
    )
    op.create_index("ix_press_answer_order_id", "press_answer", ["order_id"], unique=False)
    op.create_index("ix_press_answer_slot_id", "press_answer", ["slot_id"], unique=False)
    op.create_table(
        "retailer_call",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("prepared_at", UtcTime(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("answered_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["purchase_order.id"],
        ),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("order_id", "attempt", "step"),
    )
    op.create_index("ix_retailer_call_order_id", "retailer_call", ["order_id"], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_retailer_call_order_id", table_name="retailer_call")
    op.drop_table("retailer_call")
    op.drop_index("ix_press_answer_slot_id", table_name="press_answer")
    op.drop_index("ix_press_answer_order_id", table_name="press_answer")
    op.drop_table("press_answer")
    op.drop_index("ix_order_event_order_id", table_name="order_event")
    op.drop_table("order_event")
    op.drop_index(
        "one_open_order_per_slot",
        table_name="purchase_order",
        sqlite_where=sa.text("state NOT IN ('canceled', 'closed')"),
    )
    op.drop_index("ix_purchase_order_state", table_name="purchase_order")
    op.drop_index("ix_purchase_order_slot_id", table_name="purchase_order")
    op.drop_index("ix_purchase_order_retailer_order_id", table_name="purchase_order")
    op.drop_index("ix_purchase_order_household_id", table_name="purchase_order")
    op.drop_table("purchase_order")
    op.drop_table("slot_mandate")
    op.drop_index("ix_decision_slot_id", table_name="decision")
    op.drop_index("ix_decision_last_at", table_name="decision")
    op.drop_table("decision")
    op.drop_table("twin")
    op.drop_index("ix_slot_household_id", table_name="slot")
    op.drop_index("ix_slot_due_at", table_name="slot")
    op.drop_index("ix_slot_device_id", table_name="slot")
    op.drop_table("slot")
    op.drop_index("ix_device_household_id", table_name="device")
    op.drop_table("device")
    op.drop_table("retailer")
    op.drop_index("reading_by_slot", table_name="reading")
    op.drop_table("reading")
    op.drop_index("ix_quarantined_code", table_name="quarantined")
    op.drop_table("quarantined")
    op.drop_table("household")
