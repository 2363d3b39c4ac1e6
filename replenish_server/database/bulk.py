"""One statement for many rows: run for each of them in SQLite, and once over arrays in PostgreSQL.

That is how either is fastest: a prepared statement costs SQLite less than any parsing of arrays, and a round
trip costs PostgreSQL more than a thousand rows of one.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from replenish_server.database.driver import repeat


class Bulk:
    """What to do with rows of fixed columns.

    Args:
        each: for one row, a `?` for each column.
        together: PostgreSQL's; `{rows}` stands for the rows as a table, its columns in their order.
        types: PostgreSQL's types of the columns, separated by spaces.
    """

    def __init__(self, each: str, together: str, types: str) -> None:
        self._each = each
        self._types = types.split()
        arrays = ", ".join(f"?::{name}[]" for name in self._types)
        self._together = together.format(rows=f"unnest({arrays})")

    def run(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Do it; nothing without rows. In PostgreSQL no two of them may concern the same stored row."""
        if not rows:
            return
        if connection.dialect.name != "postgresql":
            repeat(connection, self._each, rows)
            return
        columns = zip(*rows, strict=True)
        arrays = tuple(map(_array, columns, self._types))
        connection.exec_driver_sql(self._together, arrays)


def _array(column: tuple[Any, ...], kind: str) -> object:
    """A column for psycopg; whole numbers as text, which Python writes far faster than psycopg its lists."""
    values = list(column)
    return "{" + str(values)[1:-1].replace("None", "NULL") + "}" if kind == "bigint" else values
