"""The newest decision of a slot is found without reading all of them."""

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """An index by slot and time stands in for the one by slot."""
    op.create_index("decision_of_slot", "decision", ["slot_id", "last_at"])
    op.drop_index("ix_decision_slot_id", table_name="decision")


def downgrade() -> None:
    """The index by slot alone."""
    op.create_index("ix_decision_slot_id", "decision", ["slot_id"])
    op.drop_index("decision_of_slot", table_name="decision")
