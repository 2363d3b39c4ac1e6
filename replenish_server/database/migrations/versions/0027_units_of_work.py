"""In PostgreSQL every writing unit of work has a number: a writer sees whether others wrote since."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """SQLite counts by itself (PRAGMA data_version)."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE unit_of_work")


def downgrade() -> None:
    """Drop it."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP SEQUENCE unit_of_work")
