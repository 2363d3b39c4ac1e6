"""One request, one effect: the answers of requests that carry a key of the asker's own making.

Source: the IETF draft "The Idempotency-Key HTTP Header Field"; a refusal is not kept, since nothing happened.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, delete

from replenish_server.database import Database, to_ms
from replenish_server.households.people_tables import IdempotentCall

KEPT = timedelta(days=30)
_IN_FLIGHT = timedelta(minutes=1)  # then a claim counts as that of a killed process and is taken over


class KeyReused(Exception):
    """The key was used for another request."""


class InFlight(Exception):
    """The first request with this key is not answered yet."""


@dataclass(frozen=True)
class Call:
    """A request that shall have one effect.

    Args:
        caller: whose key it is, so that two askers never share one.
        key: the asker's own.
        request: method, path and body, as bytes; the same key with another request is refused.
    """

    caller: str
    key: str
    request: bytes

    @property
    def fingerprint(self) -> str:
        """The request in short."""
        return hashlib.sha256(self.request).hexdigest()


def answer_once(
    database: Database,
    call: Call,
    act: Callable[[Session], dict[str, Any]],
    now: datetime,
    speed: float = 1.0,
) -> tuple[dict[str, Any], bool]:
    """Do it, or give the answer that it had the first time.

    The effect and its answer are one transaction: killed before its commit, nothing happened; after it, the
    answer is there.

    Args:
        database: two transactions are made on it: the claim, and the effect with its answer.
        call: the request.
        act: the effect, on a writing unit of work; returns the answer. What it raises is raised, and the key
            is free again.
        now: the moment.
        speed: of the clock that `now` is from.

    Returns:
        The answer, and whether it is an earlier one.

    Raises:
        KeyReused: the key was used for another request.
        InFlight: another request with it is not answered yet.
    """
    with database.write() as session:
        earlier = _claim(session, call, now, _IN_FLIGHT * speed)
    if earlier is not None:
        return earlier, True
    try:
        with database.write() as session:
            row = _claimed(session, call, now)
            if row.answer is not None:
                earlier = row.answer
                return earlier, True
            row.answer = answer = act(session)
            session.add(row)
    except InFlight:
        raise
    except BaseException:
        with database.write() as session:
            kept = session.get(IdempotentCall, (call.caller, call.key))
            if kept is not None and kept.answer is None and to_ms(kept.claimed_at) == to_ms(now):
                session.delete(kept)
        raise
    return answer, False


def _claimed(session: Session, call: Call, now: datetime) -> IdempotentCall:
    """The claim that was made at `now`. Who slept since then may find that another took over.

    Raises:
        InFlight: that one is at work, or failed.
    """
    row = session.get(IdempotentCall, (call.caller, call.key))
    if row is None or (row.answer is None and to_ms(row.claimed_at) != to_ms(now)):
        raise InFlight
    return row


def _claim(session: Session, call: Call, now: datetime, in_flight: timedelta) -> dict[str, Any] | None:
    session.exec(delete(IdempotentCall).where(col(IdempotentCall.claimed_at) < now - KEPT))
    row = session.get(IdempotentCall, (call.caller, call.key))
    if row is not None:
        if row.fingerprint != call.fingerprint:
            raise KeyReused
        if row.answer is not None:
            answer: dict[str, Any] = row.answer
            return answer
        if now - row.claimed_at < in_flight:
            raise InFlight
        row.claimed_at = now
    else:
        row = IdempotentCall(caller=call.caller, key=call.key, fingerprint=call.fingerprint, claimed_at=now)
    session.add(row)
    return None
