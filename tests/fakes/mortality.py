"""Death at a chosen moment, without processes: a crash is a BaseException that the server never catches."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session

from replenish_server.database import Database


class Crash(BaseException):
    """The process died here."""


@dataclass
class Fate:
    """Counts the moments at which a process could die, and lets it die at some of them.

    Args:
        deaths: which moments, counted from 0 over all lives.
    """

    deaths: Collection[int] = ()
    moments: list[str] = field(default_factory=list)

    def tick(self, moment: str) -> None:
        """Survive this moment, or not."""
        self.moments.append(moment)
        if len(self.moments) - 1 in self.deaths:
            raise Crash(moment)


class MortalDatabase(Database):
    """A database whose user may die before, inside and right after every transaction.

    Args:
        url: of the SQLite file.
        fate: when.
    """

    def __init__(self, url: str, fate: Fate) -> None:
        super().__init__(url)
        self._fate = fate

    @contextmanager
    def write(self) -> Iterator[Session]:
        """As in the real one, with three chances to die."""
        self._fate.tick("before a transaction")
        with super().write() as session:
            yield session
            self._fate.tick("before the commit")
        self._fate.tick("after the commit")


@dataclass
class ManualClock:
    """Stands still until it is moved."""

    moment: datetime
    speed: float = 1.0

    def now(self) -> datetime:
        """The moment."""
        return self.moment

    def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        self.moment += timedelta(seconds=seconds)
