"""Records that are only ever appended: one statement, without the bookkeeping of what may still change."""

from functools import cache
from importlib import import_module
from typing import Any

from sqlalchemy import Insert, Table, insert
from sqlmodel import Session, SQLModel


def append(session: Session, row: SQLModel) -> None:
    """Insert a row now, in the caller's transaction.

    What it points at has to be flushed. The row is not the session's afterwards: who wants it reads it.
    """
    statement, names = _insert_into(type(row))
    values = {name: value for name in names if (value := getattr(row, name)) is not None}
    session.connection().execute(statement, values)


def insert_or_update(session: Session) -> Any:
    """The `insert` of this database that has `on_conflict_do_update`; the other dialect stays unloaded."""
    name = session.connection().dialect.name
    return import_module(f"sqlalchemy.dialects.{name}").insert


@cache
def _insert_into(model: type[SQLModel]) -> tuple[Insert, tuple[str, ...]]:
    table: Table = model.__table__  # type: ignore[attr-defined]
    return insert(table), tuple(_names(table))


def _names(table: Any) -> list[str]:
    return [str(column.key) for column in table.columns]
