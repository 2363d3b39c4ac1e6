"""Rows written at once, without the bookkeeping of what may still change: one statement, made once."""

from functools import cache
from importlib import import_module
from typing import Any

from sqlalchemy import Dialect, bindparam, insert, update
from sqlalchemy.orm.base import instance_dict
from sqlmodel import Session, SQLModel

from replenish_server.database.driver import ask
from replenish_server.database.prepared import Parameters, Row, entity_of


def append(session: Session, model: type[SQLModel], **values: Any) -> None:
    """Insert a row now, in the caller's transaction.

    What the session has not written yet is written first. The row is not the session's: who wants
    it reads it.

    Args:
        session: a writing unit of work.
        model: of which table.
        values: by column; the others have the model's own defaults.
    """
    session.flush()
    session.info.pop(model, None)  # see `note_absent`
    connection = session.connection()
    told = _defaults(model) | values
    if connection.dialect.name == "sqlite":
        parameters = _insert_text(model, connection.dialect)
        ask(connection, parameters.text, parameters.bound(told))
    else:
        connection.execute(insert(_table(model)), told)


def add_row(session: Session, model: type[Row], **values: Any) -> Row:
    """As `append`, of a model whose rows get no number from the database; returns the row, the session's own,
    with what a query would find in it (a moment is in whole milliseconds)."""
    session.flush()
    session.info.pop(model, None)
    connection = session.connection()
    told = _defaults(model) | values
    if connection.dialect.name != "sqlite":
        connection.execute(insert(_table(model)), told)
        return session.get_one(model, tuple(told[name] for name in _key_of(model)))
    parameters = _insert_text(model, connection.dialect)
    stored = parameters.bound(told)
    ask(connection, parameters.text, stored)
    row: Row = entity_of(model, connection.dialect)(session, stored)
    return row


def change(session: Session, row: SQLModel, **values: Any) -> None:
    """Write some of a row's columns now; the session's row shows them.

    Args:
        session: a writing unit of work.
        row: one of its own, which stands in the database. What else is not written yet is written first.
        values: by column.
    """
    session.flush()
    connection, model, names = session.connection(), type(row), tuple(values)
    told = {f"new_{name}": value for name, value in values.items()}
    told |= {f"its_{name}": getattr(row, name) for name in _key_of(model)}
    if connection.dialect.name == "sqlite":
        parameters = _update_text(model, names, connection.dialect)
        ask(connection, parameters.text, parameters.bound(told))
    else:
        connection.execute(_update(model, names), told)
    instance_dict(row).update(values)  # nothing of the row is waiting to be written: it was flushed above


def _table(model: type[SQLModel]) -> Any:
    return model.__table__  # type: ignore[attr-defined]


def insert_or_update(session: Session) -> Any:
    """The `insert` of this database that has `on_conflict_do_update`; the other dialect stays unloaded."""
    name = session.connection().dialect.name
    return import_module(f"sqlalchemy.dialects.{name}").insert


@cache
def _defaults(model: type[SQLModel]) -> dict[str, Any]:
    """Of every column but the number that the database gives to a row."""
    table, fields = _table(model), model.model_fields
    own = table.autoincrement_column
    return {
        column.key: fields[column.key].get_default(call_default_factory=True)
        if not fields[column.key].is_required()
        else None
        for column in table.columns
        if column is not own or column.foreign_keys
    }


@cache
def _key_of(model: type[SQLModel]) -> tuple[str, ...]:
    return tuple(column.key for column in _table(model).primary_key)


@cache
def _insert_text(model: type[SQLModel], dialect: Dialect) -> Parameters:
    names = _defaults(model)
    return Parameters(insert(_table(model)).values({name: bindparam(name) for name in names}), dialect)


@cache
def _update(model: type[SQLModel], names: tuple[str, ...]) -> Any:
    table = _table(model)
    which = (table.c[name] == bindparam(f"its_{name}") for name in _key_of(model))
    return update(table).where(*which).values({name: bindparam(f"new_{name}") for name in names})


@cache
def _update_text(model: type[SQLModel], names: tuple[str, ...], dialect: Dialect) -> Parameters:
    return Parameters(_update(model, names), dialect)
