"""The unit of work: where a transaction begins, and which database it is in.

It must never decide when to commit: `write()` commits exactly when the use case's block ends well.
"""

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlmodel import Session

from replenish_server.database import postgresql, sqlite
from replenish_server.database.prepared import Prepared
from replenish_server.database.turnstile import Turnstile
from replenish_server.database.unit_of_work import Reading, Writer, Writing

_MIGRATIONS = Path(__file__).parent / "migrations"


_POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")
_SPOKEN = "use sqlite:///path/to/replenish.db or postgresql://user:password@host/name"


class Database:
    """One database and the two ways into it: `read` sees a snapshot, `write` is alone while it lasts.

    Args:
        url: a SQLAlchemy URL: `sqlite:///path/to/file` (docs/adr/0008) or
            `postgresql://user:password@host/name` (docs/adr/0027).

    Raises:
        ValueError: the URL names a database that this release does not speak.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise ValueError(f"{url!r} is not the URL of a database; {_SPOKEN}") from None
        self.name = parsed.render_as_string(hide_password=True)
        self.shared = parsed.drivername in _POSTGRESQL
        if self.shared:
            self.reading, self.writing = postgresql.open_postgresql(parsed)
        elif parsed.drivername == "sqlite" and parsed.database and parsed.database != ":memory:":
            self.reading, self.writing = sqlite.open_sqlite(parsed)
        else:
            raise ValueError(f"{self.name!r}: this release does not speak it; {_SPOKEN}")
        self.url = url
        self.turnstile = Turnstile()
        event.listen(self.reading, "before_cursor_execute", self._step_aside)
        self._glancing = threading.Lock()
        self._glance_connection: Connection | None = None
        self._writer = Writer(self.writing, self.turnstile, keeps=not self.shared)

    @property
    def engine(self) -> Engine:
        """For looking only; what is written goes through `write`."""
        return self.reading

    @property
    def path(self) -> Path:
        """The file of a SQLite database."""
        return Path(str(self.reading.url.database))

    def write(self) -> AbstractContextManager[Session]:
        """A writing unit of work: committed when the block ends, rolled back when it raises."""
        return Writing(self._writer)

    def read(self) -> AbstractContextManager[Session]:
        """A consistent snapshot for reading; it never waits for a writer."""
        return Reading(self.reading, self.turnstile)

    def glance(self, question: Prepared[Any], **parameters: Any) -> list[Sequence[Any]]:
        """What a single SELECT finds, as columns: without a unit of work around it, which costs far more."""
        if self.shared:
            with self.reading.connect() as connection:
                return question.rows(connection, **parameters)
        with self._glancing:
            if self._glance_connection is None:
                self._glance_connection = self.reading.connect()
            return question.rows(self._glance_connection, **parameters)

    def copy_log(self) -> None:
        """Spare somebody's commit the work of copying SQLite's log into its file; see `wal`."""
        if not self.shared:
            self._writer.log.copy_if_long()

    def _step_aside(self, connection: Connection, *_: Any) -> None:
        """Statements that SQLAlchemy executes; those that go straight to the driver ask for themselves."""
        if not connection.get_execution_options().get("writes"):
            self.turnstile.step_aside()

    def migrate(self) -> None:
        """Bring the schema to the newest revision; where it is there, Alembic is not even loaded."""
        if not self.shared:
            sqlite.make_private(self.path)
        if self._revision() == _newest_revision():
            return
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        config.attributes["engine"] = self.writing.execution_options(migrates=True)
        command.upgrade(config, "head")

    def problem(self) -> str | None:
        """What makes this database unfit to be trusted; None when nothing does.

        Raises:
            SQLAlchemyError: it does not answer at all.
        """
        look = postgresql.problem if self.shared else sqlite.problem
        with self.reading.connect() as connection:
            return look(connection)

    def _revision(self) -> str | None:
        """What the schema says it is; None for a new database."""
        with self.reading.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            revision: str | None = connection.exec_driver_sql(
                "SELECT version_num FROM alembic_version"
            ).scalar()
            return revision

    def close(self) -> None:
        """Release every connection."""
        self._writer.close()
        with self._glancing:
            if self._glance_connection is not None:
                self._glance_connection.close()
                self._glance_connection = None
        self.reading.dispose()


def _newest_revision() -> str:
    """The highest number among the migrations, whose files begin with their revision."""
    return max(path.stem.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))
