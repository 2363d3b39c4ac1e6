"""Statements as text, straight to the driver: with SQLite nothing is in between, for most of a small
statement's time went there."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError


def ask(connection: Connection, text: str, values: Sequence[Any] = ()) -> list[Any]:
    """Execute a statement in the connection's transaction; its rows as they come, none for one that has none.

    Args:
        connection: in whose transaction.
        text: with a `?` for each value.
        values: of the driver's own types.

    Raises:
        DBAPIError: as SQLAlchemy would.
    """
    if connection.dialect.name != "sqlite":
        result = connection.exec_driver_sql(text, tuple(values))
        return list(result) if result.returns_rows else []
    raw: Any = connection.connection.dbapi_connection
    try:
        rows: list[Any] = raw.execute(text, values).fetchall()
    except sqlite3.Error as error:
        raise _as_ours(connection, text, values, error) from error
    return rows


def repeat(connection: Connection, text: str, rows: Sequence[Sequence[Any]]) -> None:
    """Execute one statement for each of many rows.

    Raises:
        DBAPIError: as SQLAlchemy would.
    """
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(text, [tuple(row) for row in rows])
        return
    raw: Any = connection.connection.dbapi_connection
    try:
        raw.executemany(text, rows).close()
    except sqlite3.Error as error:
        raise _as_ours(connection, text, None, error) from error


def _as_ours(connection: Connection, text: str, values: Any, error: sqlite3.Error) -> BaseException:
    return DBAPIError.instance(text, values, error, sqlite3.Error, dialect=connection.dialect)
