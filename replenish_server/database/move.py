"""Moves all rows of a SQLite database into an empty PostgreSQL database, and proves that they are the same.

One transaction of the target: it holds everything or nothing. Proof is a count and a digest of each table,
taken of what was read and again of what the target has before it commits.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, inspect

from replenish_server.database.engine import Database

_AT_ONCE = 5_000
_OWN = "alembic_version"
_SHOWN_OTHERS = 5
_CAST = {"JSON": "::text", "DATE": "::text", "BOOLEAN": "::int"}  # as SQLite keeps them


class MoveRefused(Exception):
    """Nothing was moved; the text says why and what to do."""


@dataclass(frozen=True)
class Proof:
    """What a table holds.

    Args:
        rows: how many.
        digest: of all rows, whatever their order, in hex.
    """

    rows: int
    digest: str


@dataclass(frozen=True)
class _Table:
    name: str
    columns: tuple[tuple[str, str], ...]
    """Names, with PostgreSQL's types."""

    def read(self, connection: Connection) -> Iterator[tuple[Any, ...]]:
        """Every row in the form in which both databases agree."""
        shared = connection.dialect.name == "postgresql"
        wanted = ", ".join(f'"{name}"{_CAST.get(kind, "") if shared else ""}' for name, kind in self.columns)
        result = connection.exec_driver_sql(
            f'SELECT {wanted} FROM "{self.name}"',
            execution_options={"stream_results": True, "max_row_buffer": _AT_ONCE},
        )
        texts = [kind in ("VARCHAR", "JSON", "TEXT") for _, kind in self.columns]
        for rows in result.partitions(_AT_ONCE):
            for row in rows:
                yield tuple(_text(value) if text else value for value, text in zip(row, texts, strict=True))


class _Sum:
    """A digest that does not depend on the order: rows are hashed, and their hashes added."""

    def __init__(self) -> None:
        self.rows, self._total = 0, 0

    def through(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """The same rows, counted and digested on their way."""
        for row in rows:
            hashed = hashlib.blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=16).digest()
            self.rows, self._total = self.rows + 1, self._total + int.from_bytes(hashed)
            yield row

    def proof(self) -> Proof:
        return Proof(self.rows, f"{self._total % 2**128:032x}")


def move(source: Database, target: Database) -> dict[str, Proof]:
    """Copy everything and prove it; what the target holds already, the same to the last row, is done.

    The source is locked against writers meanwhile, and not changed.

    Args:
        source: SQLite, with the newest schema.
        target: PostgreSQL without a row.

    Raises:
        MoveRefused: the target holds something else, or came out different.
    """
    if source.shared or not target.shared:
        raise MoveRefused(
            "this moves a SQLite file to PostgreSQL; give --to postgresql://user:password@host/name"
        )
    with source.write() as reading:
        rows_from = reading.connection()
        ours = set(inspect(rows_from).get_table_names())
        others = _tables(target) - ours
        if others:
            names = ", ".join(sorted(others)[:_SHOWN_OTHERS])
            raise MoveRefused(f"{target.name} holds other tables ({names}); give it a new database: createdb")
        target.migrate()
        with target.write() as writing:
            rows_to = writing.connection()
            tables = _in_order(rows_to)
            if {table.name for table in tables} | {_OWN} != ours:
                raise MoveRefused(
                    f"{source.name} and {target.name} have other tables; are both of this release?"
                )
            if any(_has_rows(rows_to, table) for table in tables):
                return _already(rows_from, rows_to, tables, target.name)
            proofs = {table.name: _copy(rows_from, rows_to, table) for table in tables}
            for table in tables:
                if _prove(rows_to, table) != proofs[table.name]:
                    raise MoveRefused(
                        f"table {table.name} came out different; nothing was kept in {target.name}"
                    )
                _go_on_counting(rows_to, table)
    return proofs


def _tables(database: Database) -> set[str]:
    with database.reading.connect() as connection:
        return set(inspect(connection).get_table_names())


def _in_order(connection: Connection) -> list[_Table]:
    """Tables of PostgreSQL, each after those that it points at."""
    looked = inspect(connection)
    found = []
    for name, _ in looked.get_sorted_table_and_fkc_names():
        if name is not None and name != _OWN:
            columns = tuple((str(each["name"]), str(each["type"])) for each in looked.get_columns(name))
            found.append(_Table(name, columns))
    return found


def _has_rows(connection: Connection, table: _Table) -> bool:
    found = connection.exec_driver_sql(f'SELECT 1 FROM "{table.name}" LIMIT 1')
    return found.first() is not None


def _already(rows_from: Connection, rows_to: Connection, tables: list[_Table], name: str) -> dict[str, Proof]:
    """What a move that was interrupted after its commit has left is whole; anything else is somebody's."""
    proofs = {}
    for table in tables:
        proofs[table.name] = _prove(rows_from, table)
        if _prove(rows_to, table) != proofs[table.name]:
            raise MoveRefused(
                f"{name} is not empty: its table {table.name} has other rows; make it a new one: createdb"
            )
    return proofs


def _copy(rows_from: Connection, rows_to: Connection, table: _Table) -> Proof:
    total = _Sum()
    names = ", ".join(f'"{name}"' for name, _ in table.columns)
    raw: Any = rows_to.connection.dbapi_connection
    driver: Any = rows_to.dialect.dbapi
    try:
        with raw.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copying:
            for row in total.through(table.read(rows_from)):
                copying.write_row(row)
    except (driver.Error, UnicodeError) as error:
        why = str(error).strip().splitlines()[0]
        raise MoveRefused(f"table {table.name}, near row {total.rows}: {why}; nothing was moved") from error
    return total.proof()


def _prove(connection: Connection, table: _Table) -> Proof:
    total = _Sum()
    for _ in total.through(table.read(connection)):
        pass
    return total.proof()


def _go_on_counting(connection: Connection, table: _Table) -> None:
    """Numbers that PostgreSQL gives out itself go on after the highest one."""
    for name, _ in table.columns:
        connection.exec_driver_sql(
            f"SELECT setval(sequence, highest) FROM (SELECT pg_get_serial_sequence(?, ?) AS sequence,"
            f' (SELECT max("{name}"::text::bigint) FROM "{table.name}"'
            " WHERE pg_get_serial_sequence(?, ?) IS NOT NULL) AS highest) AS one"
            " WHERE sequence IS NOT NULL AND highest IS NOT NULL",
            (table.name, name, table.name, name),
        )


def _text(value: Any) -> Any:
    """Text as both keep it: PostgreSQL has no NUL, and SQLite makes a number of JSON that is one."""
    return None if value is None else str(value).replace("\0", "\ufffd")
