"""The session of one unit of work, and the frame of one that writes.

SQLAlchemy's own frame of a small transaction (a connection lent and given back, a session's transaction
made, prepared and ended) costs more than its statements. Here the transaction is the connection's, the
session joins it, and with SQLite the connection stays: each writer finds its pages as the last one left them.
"""

from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, Engine, RootTransaction, event
from sqlmodel import Session

from replenish_server.database.prepared import fetch, hold
from replenish_server.database.turnstile import Turnstile
from replenish_server.database.wal import WriteAheadLog


class UnitOfWork(Session):
    """A session that holds what it has read until it ends: rows that several rules look at are read once."""

    def __init__(self, bind: Engine | Connection, before_asking: Callable[[], None] | None = None) -> None:
        super().__init__(bind, expire_on_commit=False)
        self._before_asking = before_asking
        self._own: Connection | None = None if isinstance(bind, Engine) else bind

    def flush(self, objects: Any = None) -> None:
        """Write what was added, changed or deleted; asked before each statement, mostly for nothing."""
        if self._new or self._deleted or self.identity_map.check_modified():
            super().flush(objects)

    def rollback(self) -> None:
        """Undo all that the block has done; what it does from here on is kept at its end."""
        super().rollback()
        if self._own is not None and (transaction := self._own.get_transaction()) is not None:
            transaction.rollback()  # of what went straight to the driver the session knows nothing
        self.expire_all()
        self.info.clear()

    def get(self, entity: Any, ident: Any, **options: Any) -> Any:
        """The row of a primary key; one that it has already costs next to nothing."""
        key = ident if isinstance(ident, tuple) else (ident,)
        return super().get(entity, ident, **options) if options else fetch(self, entity, *key)

    def get_one(self, entity: Any, ident: Any, **options: Any) -> Any:
        """Likewise; it has to be there."""
        key = ident if isinstance(ident, tuple) else (ident,)
        found = None if options else fetch(self, entity, *key)
        return super().get_one(entity, ident, **options) if found is None else found

    def connection(self, *args: Any, **options: Any) -> Connection:
        """Its connection, which it looks up once for a transaction."""
        if self._before_asking is not None:
            self._before_asking()
        own = self._own
        if own is None or args or options or not own.in_transaction():
            own = self._own = super().connection(*args, **options)
        return own


class Writer:
    """Makes writing units of work; lends each the connection of the one before it where that can stay open.

    Args:
        engine: whose transactions write.
        turnstile: who writes next.
        keeps: whether a connection may be kept; one to a server is looked after by the pool, which sees that
            it is still there.
    """

    def __init__(self, engine: Engine, turnstile: Turnstile, keeps: bool) -> None:
        self.engine, self.turnstile, self._keeps = engine, turnstile, keeps
        self._kept: deque[Connection] = deque()
        self.log = WriteAheadLog(engine, turnstile)

    def borrow(self) -> Connection:
        """A connection without a transaction; `give_back` it."""
        try:
            return self._kept.pop()
        except IndexError:
            return self.engine.connect()

    def give_back(self, connection: Connection) -> None:
        """It ended well: the next writer may have it."""
        self.log.commits += 1
        if self._keeps and not self._kept:
            self._kept.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Let go of what is kept."""
        while self._kept:
            self._kept.pop().close()


class Writing:
    """A writing unit of work of `writer`: committed when the block ends, rolled back when it raises."""

    _session: UnitOfWork
    _connection: Connection
    _transaction: RootTransaction

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def __enter__(self) -> Session:
        writer = self._writer
        writer.turnstile.enter()
        try:
            connection = self._connection = writer.borrow()
            try:
                self._transaction = connection.begin()
                session = self._session = UnitOfWork(connection)
            except BaseException:
                connection.close()
                raise
        except BaseException:
            writer.turnstile.leave()
            raise
        return session

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, well = self._session, False
        try:
            if kind is None:
                session.flush()
                if session.in_transaction():  # SQLAlchemy was asked for more than we do for it
                    session.commit()
                if self._transaction.is_active:  # the block may have rolled back by itself
                    self._transaction.commit()
                well = True
        finally:
            try:
                session.close()
                self._writer.give_back(self._connection) if well else self._connection.close()
            finally:
                self._writer.turnstile.leave()


class Reading:
    """A consistent snapshot for reading; it never waits for a writer, and steps aside for a press.

    Args:
        engine: which looks only.
        turnstile: knows of the press.
    """

    _session: UnitOfWork

    def __init__(self, engine: Engine, turnstile: Turnstile) -> None:
        self._engine, self._turnstile = engine, turnstile

    def __enter__(self) -> Session:
        self._session = UnitOfWork(self._engine, self._turnstile.step_aside)
        return self._session

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()


def _hold_new(session: UnitOfWork, row: object) -> None:
    hold(session, row)
    session.info.pop(type(row), None)  # see `note_absent`


event.listen(UnitOfWork, "loaded_as_persistent", hold)
event.listen(UnitOfWork, "pending_to_persistent", _hold_new)
