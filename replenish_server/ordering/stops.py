"""The stop switches: while one is thrown nothing of its scope leaves, and the claim asks nobody.

They are rows, read in the transaction that stores the completing call: what is not stored then never leaves.
"""

from datetime import datetime

from sqlmodel import Session, col, select

from replenish_server.database import Prepared
from replenish_server.ordering.tables import OrderStop

EVERYTHING = "everything"
"""The operator's switch."""

RESTORED = "restored"
"""Thrown by itself after a backup was restored, until our orders were compared with the retailers'."""


class Stopped(Exception):
    """A stop switch is thrown: nothing was sent, and nothing was booked."""


def stop(session: Session, scope: str, now: datetime, by: str = "") -> None:
    """Throw a switch; throwing it twice keeps the first moment."""
    if session.get(OrderStop, scope) is None:
        session.add(OrderStop(scope=scope, since=now, by=by))
        session.flush()


def go(session: Session, scope: str) -> bool:
    """Take a switch back; returns whether it was thrown. Others stay as they are."""
    row = session.get(OrderStop, scope)
    if row is None:
        return False
    session.delete(row)
    session.flush()
    return True


def stops_of(session: Session, household_id: str) -> list[OrderStop]:
    """The switches that hold this household's orders back."""
    query = select(OrderStop).where(col(OrderStop.scope).in_((EVERYTHING, RESTORED, household_id)))
    return list(session.exec(query.order_by(col(OrderStop.since))))


_SCOPES: Prepared[str] = Prepared(select(OrderStop.scope))


def stopped_scopes(session: Session) -> set[str]:
    """Every thrown switch."""
    return set(_SCOPES.all(session))
