"""A database that takes nothing for a while, as on a full disk or one that is mounted to be read."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

from replenish_server.database import ask


@contextmanager
def read_only(engine: Engine) -> Iterator[None]:
    """Within this every write to a SQLite database fails; after it none does."""
    event.listen(engine, "begin", _forbid)
    try:
        yield
    finally:
        event.remove(engine, "begin", _forbid)
        event.listen(engine, "begin", _allow)  # also connections that were lent meanwhile


def _forbid(connection: Any) -> None:
    ask(connection, "PRAGMA query_only=ON")


def _allow(connection: Any) -> None:
    ask(connection, "PRAGMA query_only=OFF")
