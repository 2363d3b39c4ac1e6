"""The desk at which retailers stand: what one of them may read and do. Each call is one use case.

Nothing here takes a retailer's id from a request: it follows from the key alone, and every query names it.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col, select

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.retailers.book.acts import RefundRefused, Step, refund, take_step
from replenish_server.retailers.book.states import ENDED, OutOfTurn
from replenish_server.retailers.book.tables import BookEntry, BookOrder
from replenish_server.retailers.feed import keys
from replenish_server.retailers.feed.documents import order_document, rfc3339
from replenish_server.retailers.feed.tables import FeedAnswer, RetailerKey
from replenish_server.retailers.tables import Retailer

ANSWERS_KEPT = timedelta(hours=48)


@dataclass(frozen=True)
class Caller:
    """Who speaks: a retailer, by one of its keys."""

    retailer_id: str
    retailer_name: str
    key_id: str


@dataclass(frozen=True)
class Refund:
    """Money that goes back, in minor units."""

    amount_minor: int
    currency: str
    reason: str


@dataclass(frozen=True)
class Reply:
    """What a request that changes something is answered: the document, or a problem by its code."""

    status: int
    body: bytes
    replayed: bool = False


class CursorRefused(ValueError):
    """The cursor was not made here."""


class KeyReused(Exception):
    """The idempotency key came before with another request."""


class InFlight(Exception):
    """The first request with this idempotency key has not been answered yet."""


class NotFound(Exception):
    """This retailer has no such order."""


class Desk:
    """What retailers read and do.

    Args:
        database: where the book is.
        clock: the server's clock.
        on_act: called with the order's id after an act was committed.
    """

    def __init__(self, database: Database, clock: Clock, on_act: Callable[[str], None]) -> None:
        self._database = database
        self._clock = clock
        self._on_act = on_act
        self._lock = threading.Lock()
        self._running: set[tuple[str, str]] = set()

    def now(self) -> datetime:
        """The server's time."""
        return self._clock.now()

    def authenticate(self, key: str) -> Caller | None:
        """Who holds this key, or None."""
        with self._database.write() as session:
            row = keys.find_key(session, key)
            if row is None:
                return None
            keys.note_use(session, row, self.now())
            return _caller(session, row)

    def sign_in(self, secret: str) -> str | None:
        """A console's session token, or None for a key that is none."""
        with self._database.write() as session:
            row = keys.find_key(session, secret)
            return None if row is None else keys.open_session(session, row, self.now())

    def signed_in(self, token: str) -> Caller | None:
        """Who opened this console, or None."""
        with self._database.read() as session:
            row = keys.find_session(session, token, self.now())
            return None if row is None else _caller(session, row)

    def sign_out(self, token: str) -> None:
        """End a console's session."""
        with self._database.write() as session:
            keys.close_session(session, token)

    def orders(
        self,
        caller: Caller,
        cursor: str | None = None,
        since: datetime | None = None,
        states: Collection[str] = (),
        limit: int = 50,
    ) -> tuple[list[dict[str, Any]], str, bool]:
        """Orders in the order in which they last changed, oldest first.

        Returns:
            The documents, the cursor after the last of them, and whether there are more. Asking again with
            that cursor gives what changed since, an order again each time it changes.

        Raises:
            CursorRefused: see there.
        """
        after = _read_cursor(cursor)
        query = select(BookOrder).where(
            BookOrder.retailer_id == caller.retailer_id, col(BookOrder.change) > after
        )
        if since is not None:
            query = query.where(col(BookOrder.changed_at) >= since)
        if states:
            query = query.where(col(BookOrder.state).in_(states))
        with self._database.read() as session:
            rows = list(session.exec(query.order_by(col(BookOrder.change)).limit(limit + 1)))
        shown = rows[:limit]
        last = shown[-1].change if shown else after
        return [order_document(row) for row in shown], _make_cursor(last), len(rows) > limit

    def open_orders(self, caller: Caller) -> list[dict[str, Any]]:
        """What waits for the retailer, the oldest first."""
        return self._chosen(caller, col(BookOrder.state).not_in(ENDED), col(BookOrder.placed_at), 500)

    def ended_orders(self, caller: Caller, limit: int) -> list[dict[str, Any]]:
        """What is done, the newest first."""
        return self._chosen(caller, col(BookOrder.state).in_(ENDED), col(BookOrder.change).desc(), limit)

    def _chosen(self, caller: Caller, which: Any, order_by: Any, limit: int) -> list[dict[str, Any]]:
        query = select(BookOrder).where(BookOrder.retailer_id == caller.retailer_id, which)
        with self._database.read() as session:
            return [order_document(row) for row in session.exec(query.order_by(order_by).limit(limit))]

    def order(self, caller: Caller, order_id: str) -> dict[str, Any]:
        """One order with its history.

        Raises:
            NotFound: see there.
        """
        with self._database.read() as session:
            order = _own(session, caller, order_id)
            entries = session.exec(
                select(BookEntry).where(BookEntry.order_id == order.id).order_by(col(BookEntry.id))
            )
            history = [{"at": rfc3339(entry.at), "what": entry.what, **entry.data} for entry in entries]
            return {**order_document(order), "history": history}

    def act(self, caller: Caller, order_id: str, wish: Step | Refund, key: str, fingerprint: bytes) -> Reply:
        """Do something to an order, once for each idempotency key; key and effect are one transaction.

        Args:
            caller: who.
            order_id: to which order.
            wish: what.
            key: the request's idempotency key.
            fingerprint: what makes the request this one: its path and its body.

        Raises:
            NotFound, KeyReused, InFlight: see there; nothing was changed.
        """
        digest = hashlib.sha256(fingerprint).hexdigest()
        with self._alone(caller.retailer_id, key):
            now = self.now()
            with self._database.write() as session:
                kept = session.get(FeedAnswer, (caller.retailer_id, key))
                if kept is not None and kept.at > now - ANSWERS_KEPT:
                    if kept.fingerprint != digest:
                        raise KeyReused
                    return Reply(kept.status, kept.body, replayed=True)
                order = _own(session, caller, order_id)
                reply = _carry_out(session, order, wish, now)
                _keep(session, caller, key, digest, reply, now)
        if reply.status == 200:
            self._on_act(order_id)
        return reply

    @contextmanager
    def _alone(self, retailer_id: str, key: str) -> Iterator[None]:
        with self._lock:
            if (retailer_id, key) in self._running:
                raise InFlight
            self._running.add((retailer_id, key))
        try:
            yield
        finally:
            with self._lock:
                self._running.discard((retailer_id, key))


def _carry_out(session: Session, order: BookOrder, wish: Step | Refund, now: datetime) -> Reply:
    try:
        if isinstance(wish, Refund):
            refund(session, order, wish.amount_minor, wish.currency, wish.reason, now)
        else:
            take_step(session, order, wish, now)
    except OutOfTurn as error:
        return Reply(409, _problem("out_of_turn", str(error)))
    except RefundRefused as error:
        return Reply(422, _problem("refund_refused", str(error)))
    return Reply(200, json.dumps(order_document(order), ensure_ascii=False).encode())


def _keep(session: Session, caller: Caller, key: str, digest: str, reply: Reply, now: datetime) -> None:
    session.execute(
        delete(FeedAnswer).where(
            (col(FeedAnswer.retailer_id) == caller.retailer_id)
            & ((col(FeedAnswer.at) <= now - ANSWERS_KEPT) | (col(FeedAnswer.key) == key))
        )
    )
    session.add(
        FeedAnswer(
            retailer_id=caller.retailer_id,
            key=key,
            fingerprint=digest,
            status=reply.status,
            body=reply.body,
            at=now,
        )
    )


def _problem(code: str, detail: str) -> bytes:
    return json.dumps({"code": code, "detail": detail}).encode()


def _own(session: Session, caller: Caller, order_id: str) -> BookOrder:
    order = session.get(BookOrder, order_id)
    if order is None or order.retailer_id != caller.retailer_id:
        raise NotFound
    return order


def _caller(session: Session, key: RetailerKey) -> Caller:
    return Caller(key.retailer_id, session.get_one(Retailer, key.retailer_id).name, key.id)


def _make_cursor(change: int) -> str:
    return base64.urlsafe_b64encode(f"c{change}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        text = ""
    if re.fullmatch(r"c[0-9]{1,18}", text) is None:
        raise CursorRefused(f"{cursor[:40]!r} is no cursor of this list")
    return int(text[1:])
