"""Alembic's entry: runs the revisions on the engine that `Database.migrate` hands over."""

from alembic import context
from sqlmodel import SQLModel

engine = context.config.attributes["engine"]

with engine.connect() as connection:
    context.configure(
        connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True, transactional_ddl=True
    )
    with context.begin_transaction():
        context.run_migrations()
