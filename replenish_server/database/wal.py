"""When SQLite's log is copied into its file: by a thread for which nobody waits, before a commit has to.

Left to itself SQLite does it in whichever commit makes the log long, which then takes tens of milliseconds.
"""

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from replenish_server.database.driver import ask
from replenish_server.database.turnstile import Turnstile

AUTOMATIC_PAGES = 8000
"""At this length a commit does it after all. Each page is copied once, however often it was written: 32 MiB
of log make fewer copies than 4."""

_LONG_PAGES = 5000
_FIRST_GUESS_PAGES = 10.0  # of a commit, until a log was measured
_COPY = "PRAGMA wal_checkpoint(PASSIVE)"  # waits for nobody


class WriteAheadLog:
    """The log of one file, as this process has filled it.

    Args:
        engine: looks into the file.
        turnstile: who writes next.
    """

    def __init__(self, engine: Engine, turnstile: Turnstile) -> None:
        self._engine, self._turnstile = engine, turnstile
        self.commits = 0
        self._pages_of_commit = _FIRST_GUESS_PAGES

    def copy_if_long(self) -> bool:
        """Copy it, if it is long by what its commits took so far; returns whether it was all copied, so that
        the next commit begins it anew. On a disk that refuses it stays: the next commit says why."""
        if self.commits * self._pages_of_commit < _LONG_PAGES:
            return False
        self._turnstile.step_aside()
        try:
            with self._engine.connect() as connection:
                ask(connection, _COPY)  # nearly all of it, beside writers
                self._turnstile.enter()
                try:
                    _, pages, copied = ask(connection, _COPY)[0]  # and what they wrote meanwhile
                    if pages > 0:
                        self._pages_of_commit = pages / self.commits
                    if pages == copied:
                        self.commits = 0
                finally:
                    self._turnstile.leave()
        except DBAPIError:
            return False
        return bool(pages == copied)
