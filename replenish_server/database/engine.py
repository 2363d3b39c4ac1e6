"""The unit of work: where a transaction begins, and which database it is in.

It must never decide when to commit: `write()` commits exactly when the use case's block ends well.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlmodel import Session

from replenish_server.database import postgresql, sqlite
from replenish_server.database.prepared import fetch
from replenish_server.database.turnstile import Turnstile

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
        self._hurried = self.writing.execution_options(provisional=True)
        self.url = url
        self.turnstile = Turnstile()

    @property
    def engine(self) -> Engine:
        """For looking only; what is written goes through `write`."""
        return self.reading

    @property
    def path(self) -> Path:
        """The file of a SQLite database."""
        return Path(str(self.reading.url.database))

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A writing unit of work: committed when the block ends, rolled back when it raises."""
        with self._unit_of(self.writing) as session:
            yield session

    @contextmanager
    def provisional(self) -> Iterator[Session]:
        """As `write`, but a power cut may undo the commit, until the next `write` of anybody has returned.

        For what would come out again from what is kept (docs/adr/0033). A process that dies undoes nothing.
        """
        with self._unit_of(self._hurried) as session:
            yield session

    @contextmanager
    def _unit_of(self, engine: Engine) -> Iterator[Session]:
        self.turnstile.enter()
        try:
            with _UnitOfWork(engine, expire_on_commit=False) as session:
                yield session
                session.commit()
        finally:
            self.turnstile.leave()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A consistent snapshot for reading; it never waits for a writer."""
        with _UnitOfWork(self.reading, expire_on_commit=False) as session:
            yield session

    def migrate(self) -> None:
        """Bring the schema to the newest revision; where it is there, Alembic is not even loaded."""
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
        self.reading.dispose()


class _UnitOfWork(Session):
    """A session that holds what it has read until it ends: rows that several rules look at are read once."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.rows: list[object] = []
        self._own: Connection | None = None

    def get(self, entity: Any, ident: Any, **options: Any) -> Any:
        """The row of a primary key; one that it has already costs next to nothing."""
        key = ident if isinstance(ident, tuple) else (ident,)
        return super().get(entity, ident, **options) if options else fetch(self, entity, *key)

    def get_one(self, entity: Any, ident: Any, **options: Any) -> Any:
        """Likewise; it has to be there."""
        found = None if options else self.get(entity, ident)
        return super().get_one(entity, ident, **options) if found is None else found

    def connection(self, *args: Any, **options: Any) -> Connection:
        """Its connection, which it looks up once for a transaction."""
        own = self._own
        if own is None or args or options or own.closed or not own.in_transaction():
            own = self._own = super().connection(*args, **options)
        return own


def _hold(session: _UnitOfWork, row: object) -> None:
    session.rows.append(row)


def _hold_new(session: _UnitOfWork, row: object) -> None:
    session.rows.append(row)
    session.info.pop(type(row), None)  # see `note_absent`


event.listen(_UnitOfWork, "loaded_as_persistent", _hold)
event.listen(_UnitOfWork, "pending_to_persistent", _hold_new)


def _newest_revision() -> str:
    """The highest number among the migrations, whose files begin with their revision."""
    return max(path.stem.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))
