"""The engine and the unit of work: where a transaction begins, and how it survives a power cut.

It must never decide when to commit: `write()` commits exactly when the use case's block ends well.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlmodel import Session

_MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """One database file and the two ways into it.

    SQLite in WAL mode with `synchronous=FULL`: a commit that returned has reached the disk. Writing
    transactions start with BEGIN IMMEDIATE, because a deferred one that reads before it writes fails
    as soon as another writer was faster (docs/adr/0008).

    Args:
        url: a SQLAlchemy URL, `sqlite:///path/to/file`.

    Raises:
        ValueError: the URL names a database that this release does not speak.
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
            raise ValueError(
                f"{url!r}: this release keeps its data in a SQLite file; use sqlite:///path/to/replenish.db"
            )
        self.path = Path(parsed.database)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.url = url
        self.engine: Engine = create_engine(
            f"sqlite:///{self.path}", connect_args={"check_same_thread": False, "timeout": 15}
        )
        event.listen(self.engine, "connect", _configure)
        event.listen(self.engine, "begin", _begin)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A writing unit of work: committed when the block ends, rolled back when it raises."""
        with Session(self.engine.execution_options(begin="IMMEDIATE"), expire_on_commit=False) as session:
            yield session
            session.commit()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A consistent snapshot for reading; it never waits for a writer."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    def migrate(self) -> None:
        """Bring the schema to the newest revision."""
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        config.attributes["engine"] = self.engine
        command.upgrade(config, "head")

    def close(self) -> None:
        """Release every connection."""
        self.engine.dispose()


def _configure(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see `_begin`
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=15000")
    cursor.close()


def _begin(connection: Connection) -> None:
    mode = connection.get_execution_options().get("begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")
