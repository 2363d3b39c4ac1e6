"""Operators, who see devices and nothing of a household. Each function works inside the caller's transaction.

Source: docs/adr on operators.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from replenish_server.households.hashed_secrets import new_token, token_hash
from replenish_server.households.operator_tables import Operator, OperatorSession
from replenish_server.ids import new_id

SESSION_LASTS = timedelta(hours=12)
_LONGEST_NAME = 60


class OperatorRefused(ValueError):
    """This cannot be done; the text says what to change."""


def add_operator(session: Session, name: str, now: datetime) -> tuple[Operator, str]:
    """Add somebody; returns the row and their token, which is shown once.

    Raises:
        OperatorRefused: no name, one that is too long, or one that is taken.
    """
    bare = " ".join(name.split())
    if not bare or len(bare) > _LONGEST_NAME or not bare.isprintable():
        raise OperatorRefused(f"give a name of 1 to {_LONGEST_NAME} letters")
    if any(row.name.casefold() == bare.casefold() for row in operators(session)):
        raise OperatorRefused(f"there is an operator {bare!r} already; choose another name")
    token = new_token("rpo")
    row = Operator(id=new_id("oper"), name=bare, token_hash=token_hash(token), created_at=now)
    session.add(row)
    session.flush()
    return row, token


def operators(session: Session) -> Sequence[Operator]:
    """Everybody who may sign in, oldest first."""
    query = select(Operator).where(col(Operator.removed_at).is_(None))
    return session.exec(query.order_by(col(Operator.created_at), col(Operator.id))).all()


def remove_operator(session: Session, name: str, now: datetime) -> Operator:
    """End somebody's token and every session of theirs.

    Raises:
        OperatorRefused: there is nobody of that name or id.
    """
    for row in operators(session):
        if name.strip().casefold() in (row.id, row.name.casefold()):
            row.removed_at = now
            session.add(row)
            return row
    raise OperatorRefused(f"there is no operator {name!r}; see: replenish operator list")


def ever_had_operators(session: Session) -> bool:
    """Whether this server is, or was, looked after by others than those who live here."""
    return session.exec(select(Operator.id).limit(1)).first() is not None


def operator_of_token(session: Session, token: str) -> Operator | None:
    """Whose token this is, or None."""
    query = select(Operator).where(
        Operator.token_hash == token_hash(token), col(Operator.removed_at).is_(None)
    )
    return session.exec(query).first()


def start_operator_session(session: Session, operator: Operator, now: datetime) -> str:
    """Sign a browser in; returns the token for its cookie."""
    token = new_token("rpq")
    session.add(
        OperatorSession(token_hash=token_hash(token), operator_id=operator.id, expires_at=now + SESSION_LASTS)
    )
    return token


def operator_of_session(session: Session, token: str, now: datetime) -> Operator | None:
    """Who is signed in by a cookie's token, or None when it is unknown, ended or too old."""
    row = session.get(OperatorSession, token_hash(token))
    if row is None or row.ended_at is not None or row.expires_at <= now:
        return None
    operator = session.get_one(Operator, row.operator_id)
    return None if operator.removed_at is not None else operator


def end_operator_session(session: Session, token: str, now: datetime) -> None:
    """Sign a browser out; an unknown token changes nothing."""
    row = session.get(OperatorSession, token_hash(token))
    if row is not None and row.ended_at is None:
        row.ended_at = now
        session.add(row)
