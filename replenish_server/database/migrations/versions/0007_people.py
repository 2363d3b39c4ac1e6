"""People, how they sign in, their programs; whose a device is, and who did what."""

import sqlalchemy as sa
from alembic import op

from replenish_server.database.types import UtcTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and columns; what was done before has no name beside it."""
    op.create_table(
        "person",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("household_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("pin_hash", sa.String(), nullable=True),
        sa.Column("pin_failures", sa.Integer(), nullable=False),
        sa.Column("pin_locked_until", UtcTime(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("removed_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_person_household_id", "person", ["household_id"], unique=False)
    op.create_index(
        "one_name_per_household",
        "person",
        ["household_id", "name"],
        unique=True,
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.execute(
        "INSERT INTO person (id, household_id, name, role, pin_failures, created_at) "
        "SELECT 'pers-' || id, id, substr(trim(buyer_name), 1, 60), 'owner', 0, created_at FROM household"
    )
    op.create_table(
        "sign_in_link",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=False),
        sa.Column("used_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index("ix_sign_in_link_person_id", "sign_in_link", ["person_id"], unique=False)
    op.create_table(
        "sign_in_session",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("browser", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("last_seen_at", UtcTime(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index("ix_sign_in_session_person_id", "sign_in_session", ["person_id"], unique=False)
    op.create_table(
        "api_token",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("last_used_at", UtcTime(), nullable=True),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index("ix_api_token_person_id", "api_token", ["person_id"], unique=False)
    with op.batch_alter_table("device") as table:
        table.add_column(sa.Column("person_id", sa.String(), nullable=True))
        table.create_foreign_key("fk_device_person", "person", ["person_id"], ["id"])
    with op.batch_alter_table("order_event") as table:
        table.add_column(sa.Column("by", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("slot_mandate") as table:
        table.add_column(sa.Column("changed_by", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("slot_mandate") as table:
        table.drop_column("changed_by")
    with op.batch_alter_table("order_event") as table:
        table.drop_column("by")
    with op.batch_alter_table("device") as table:
        table.drop_constraint("fk_device_person", type_="foreignkey")
        table.drop_column("person_id")
    for name in ("api_token", "sign_in_session", "sign_in_link"):
        op.drop_index(f"ix_{name}_person_id", table_name=name)
        op.drop_table(name)
    op.drop_index("one_name_per_household", table_name="person")
    op.drop_index("ix_person_household_id", table_name="person")
    op.drop_table("person")
