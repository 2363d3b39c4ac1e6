"""SQLite in a file: WAL, a commit that returned is on the disk, one writer at a time (docs/adr/0008)."""

import contextlib
import os
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event
from sqlalchemy.util import LRUCache

from replenish_server.database.driver import ask
from replenish_server.database.wal import AUTOMATIC_PAGES

# What a statement compiles to is the same for every file, and compiling costs more than executing: a process
# that opens many files, as a test run does, compiles once. Keys hold the dialect, so that is one, too.
_COMPILED: LRUCache[Any, Any] = LRUCache(1500)
_STATEMENTS = 400  # of a connection are kept parsed: one that all writers share has more than the usual 128


def _initialized() -> Dialect:
    """The dialect after it has met SQLite once."""
    engine = create_engine("sqlite://")
    engine.connect().close()
    engine.dispose()
    return engine.dialect


_DIALECT = _initialized()


def open_sqlite(url: URL) -> tuple[Engine, Engine]:
    """Engines for reading and for writing; the file is made at the first use.

    Writing transactions start with BEGIN IMMEDIATE, because a deferred one that reads before it writes fails
    as soon as another writer was faster.
    """
    path = Path(str(url.database))
    path.parent.mkdir(parents=True, exist_ok=True)
    reading = create_engine(
        f"sqlite:///{path}",
        connect_args={"check_same_thread": False, "timeout": 15, "cached_statements": _STATEMENTS},
        pool_use_lifo=True,  # the connection that was used last has the pages: one warm cache instead of five
    )
    reading.dialect = _DIALECT
    reading = reading.execution_options(compiled_cache=_COMPILED)
    event.listen(reading, "connect", _configure)
    event.listen(reading, "begin", _begin)
    return reading, reading.execution_options(writes=True)


def make_private(path: Path) -> None:
    """A new file that only its owner reads: keys will be in it. SQLite gives its log the same mode."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def mark(connection: Connection) -> object:
    """Which connection, what others wrote as it knows, and what was written through it: pools lend it out."""
    raw: Any = connection.connection.dbapi_connection
    return raw, ask(connection, "PRAGMA data_version")[0][0], raw.total_changes


def problem(connection: Connection) -> str | None:
    """What is broken in the file; None when it is sound."""
    said = str(connection.exec_driver_sql("PRAGMA quick_check").scalar())
    return None if said == "ok" else said


def _configure(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see `_begin`
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=15000")
    cursor.execute(f"PRAGMA wal_autocheckpoint={AUTOMATIC_PAGES}")
    cursor.execute("PRAGMA journal_size_limit=67108864")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    ask(connection, "BEGIN IMMEDIATE" if writes else "BEGIN DEFERRED")
