"""Presses that wait for their answer are found without reading all that ever were."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_press_answer_told", "press_answer", ["told"], unique=False)


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_press_answer_told", table_name="press_answer")
