"""Waking another process that shares the database: NOTIFY, heard by LISTEN on a connection kept for it.

A ring only hastens. What is due is a row, and whoever missed the ring sees it at the next tick.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from replenish_server.database.engine import Database

log = logging.getLogger(__name__)

_CHANNEL = "replenish"
_LISTEN_S = 0.5  # how long a listener may not notice that it is to stop
_AGAIN_S = 1.0


class Bells:
    """The bells of one installation. With SQLite there is nobody to ring for, and nothing is started.

    Args:
        database: the one that is shared.
        heard: called with the name of each bell that another process rang; it must return at once.
    """

    def __init__(self, database: Database, heard: Callable[[str], None]) -> None:
        self._database, self._heard = database, heard
        self._wanted = threading.Event()
        self._names: set[str] = set()
        self._lock = threading.Lock()  # of the names
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._ring, name="bells-ring", daemon=True),
            threading.Thread(target=self._listen, name="bells-listen", daemon=True),
        ]

    def start(self) -> None:
        """Start to listen."""
        if self._database.shared:
            for thread in self._threads:
                thread.start()

    def ring(self, name: str) -> None:
        """Wake whoever works under this name in another process; returns at once."""
        with self._lock:
            self._names.add(name)
        self._wanted.set()

    def stop(self) -> None:
        """Ring and hear no more."""
        self._stopping.set()
        self._wanted.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=5)

    def _ring(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._stopping.is_set():
                return
            with self._lock:
                names, self._names = self._names, set()
            try:
                with self._database.reading.connect() as connection:
                    for name in names:
                        connection.exec_driver_sql(f"SELECT pg_notify('{_CHANNEL}', ?)", (name,))
                    connection.commit()
            except SQLAlchemyError as error:
                log.info("action=bell_unheard why=%s", str(error).strip()[:200])

    def _listen(self) -> None:
        failed = self._database.reading.dialect.loaded_dbapi.Error
        while not self._stopping.is_set():
            connection: Any = None
            try:
                lent = self._database.reading.raw_connection()
                lent.detach()
                connection = lent.dbapi_connection
                connection.autocommit = True
                connection.execute(f"LISTEN {_CHANNEL}")
                while not self._stopping.is_set():
                    for rung in connection.notifies(timeout=_LISTEN_S):
                        self._heard(rung.payload)
            except (SQLAlchemyError, failed) as error:
                log.info("action=bells_away why=%s", str(error).strip()[:200])
                self._stopping.wait(_AGAIN_S)
            finally:
                if connection is not None:
                    connection.close()
