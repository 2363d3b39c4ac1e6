"""What one process does alone among those that share a database, and which of them live.

A duty is an advisory lock of a connection that is kept open for this alone: the database itself gives it up
as soon as its process dies. It says who works, and spares doing things twice; what must not happen twice is
prevented where it is written, because a duty can pass on before its former holder has noticed.
"""

import logging
import threading
import time
from typing import Any
from zlib import crc32

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from replenish_server.database.engine import Database

log = logging.getLogger(__name__)

_DUTY, _PROCESS = 1, 2  # the two kinds of keys; the writers' lock is of a third kind, with a single number
_LOOK_EVERY_S = 1.0


class Duties:
    """The duties of this process. In SQLite there is no other process, so it has every one.

    Args:
        database: the one that is shared.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()  # of everything below
        self._connection: Any = None
        self._looked_s: dict[str, float] = {}
        self._mine: set[str] = set()
        self._number: int | None = None

    @property
    def number(self) -> int | None:
        """This process among those that share the database; None where it is the only one."""
        return self._number

    def enter(self) -> None:
        """Take a number, and show by a lock on it that this process lives."""
        if self._database.shared:
            with self._database.write() as session:
                numbers = session.connection().exec_driver_sql("SELECT nextval('process_number')")
                self._number = numbers.scalar_one()
            self.keep_alive()

    def keep_alive(self) -> None:
        """Once a second: the lock is taken again where the database restarted in between."""
        if self._number is not None:
            with self._lock:
                self._keep(f"process {self._number}", _PROCESS, self._number)

    def has(self, duty: str) -> bool:
        """Whether this process has the duty; if nobody has it, it takes it. Costs nothing within a second."""
        if not self._database.shared:
            return True
        with self._lock:
            return self._keep(duty, _DUTY, crc32(duty.encode()) - 2**31)

    def close(self) -> None:
        """Give everything up."""
        with self._lock:
            self._lose()

    def _keep(self, name: str, kind: int, key: int) -> bool:
        """Look whether the connection lives, and ask for the lock if it is not ours yet; once a second."""
        moment = time.monotonic()
        if moment - self._looked_s.get(name, -_LOOK_EVERY_S) < _LOOK_EVERY_S:
            return name in self._mine
        try:
            if self._connection is None:
                self._connect()
            if name in self._mine:
                self._connection.execute("SELECT 1")
            else:
                taken = self._connection.execute("SELECT pg_try_advisory_lock(%s::int, %s::int)", (kind, key))
                if taken.fetchone()[0]:
                    log.info("action=duty_taken duty=%s", name)
                    self._mine.add(name)
        except (SQLAlchemyError, self._database.reading.dialect.loaded_dbapi.Error) as error:
            log.warning("action=duties_lost why=%s", str(error).strip()[:200])
            self._lose()
        self._looked_s[name] = moment
        return name in self._mine

    def _connect(self) -> None:
        lent = self._database.reading.raw_connection()
        lent.detach()
        self._connection = lent.dbapi_connection
        self._connection.autocommit = True

    def _lose(self) -> None:
        self._mine.clear()
        self._looked_s.clear()
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def is_alive(session: Session, number: int) -> bool:
    """Whether the process with this number still has its connection, as a writing unit of work sees it."""
    asked = "SELECT pg_try_advisory_xact_lock(?::int, ?::int)"
    return not session.connection().exec_driver_sql(asked, (_PROCESS, number)).scalar_one()
