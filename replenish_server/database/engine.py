"""The engine and the unit of work: where a transaction begins, and how it survives a power cut.

It must never decide when to commit: `write()` commits exactly when the use case's block ends well.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import make_url
from sqlmodel import Session

from replenish_server.database.turnstile import Turnstile

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
        self.turnstile = Turnstile()
        event.listen(self.engine, "connect", _configure)
        event.listen(self.engine, "begin", _begin)
        self._writing = self.engine.execution_options(begin="IMMEDIATE")

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A writing unit of work: committed when the block ends, rolled back when it raises."""
        self.turnstile.enter()
        try:
            with Session(self._writing, expire_on_commit=False) as session:
                yield session
                session.commit()
        finally:
            self.turnstile.leave()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A consistent snapshot for reading; it never waits for a writer."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    def migrate(self) -> None:
        """Bring the schema to the newest revision; where it is there, Alembic is not even loaded."""
        if self._revision() == _newest_revision():
            return
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        config.attributes["engine"] = self.engine
        command.upgrade(config, "head")

    def _revision(self) -> str | None:
        """What the schema says it is; None for a new file."""
        with self.engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            revision: str | None = connection.exec_driver_sql(
                "SELECT version_num FROM alembic_version"
            ).scalar()
            return revision

    def close(self) -> None:
        """Release every connection."""
        self.engine.dispose()


def _newest_revision() -> str:
    """The highest number among the migrations, whose files begin with their revision."""
    return max(path.stem.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


def _configure(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see `_begin`
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=15000")
    # Checkpoints copy each page once, however often it was written: 32 MiB of log make fewer copies than 4.
    cursor.execute("PRAGMA wal_autocheckpoint=8000")
    cursor.execute("PRAGMA journal_size_limit=67108864")
    cursor.close()


def _begin(connection: Connection) -> None:
    mode = connection.get_execution_options().get("begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")
