"""Wakes workers in other processes that share the database: NOTIFY, and LISTEN on a connection of its own.

A wakeup only hastens. What is due is a row, and a process that missed the wakeup sees it at its next tick.
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


class Wakeups:
    """Sends and receives wakeups. With SQLite there is no other process, and nothing is started.

    Args:
        database: the one that is shared.
        heard: called with the name of the worker that another process wants woken; it must return at once.
    """

    def __init__(self, database: Database, heard: Callable[[str], None]) -> None:
        self._database, self._heard = database, heard
        self._wanted = threading.Event()
        self._names: set[str] = set()
        self._lock = threading.Lock()  # of the names
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._send, name="wakeups-send", daemon=True),
            threading.Thread(target=self._listen, name="wakeups-listen", daemon=True),
        ]

    def start(self) -> None:
        """Start to listen."""
        if self._database.shared:
            for thread in self._threads:
                thread.start()

    def wake(self, name: str) -> None:
        """Have other processes wake their worker of this name; returns at once."""
        with self._lock:
            self._names.add(name)
        self._wanted.set()

    def stop(self) -> None:
        """Neither send nor receive any more."""
        self._stopping.set()
        self._wanted.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=5)

    def _send(self) -> None:
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
                log.info("action=wakeup_unsent why=%s", str(error).strip()[:200])

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
                    for sent in connection.notifies(timeout=_LISTEN_S):
                        self._heard(sent.payload)
            except (SQLAlchemyError, failed) as error:
                log.info("action=wakeups_unheard why=%s", str(error).strip()[:200])
                self._stopping.wait(_AGAIN_S)
            finally:
                if connection is not None:
                    connection.close()
