"""Messages to retailers: stored with the change they tell of, signed as Standard Webhooks, sent until taken.

Source: the Standard Webhooks specification: headers webhook-id, webhook-timestamp, webhook-signature;
symmetric secrets "whsec_"; several signatures, separated by spaces, while a secret is being rotated.
"""

import base64
import json
import logging
import random
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select
from standardwebhooks.webhooks import Webhook

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.ids import new_id
from replenish_server.retailers.book.acts import take_out
from replenish_server.retailers.book.states import BookState
from replenish_server.retailers.book.tables import BookOrder
from replenish_server.retailers.cxml.changes import HEADERS, KIND, tell_supplier
from replenish_server.retailers.cxml.messages import Unreadable
from replenish_server.retailers.feed.documents import order_document, rfc3339
from replenish_server.retailers.feed.keys import KeyRefused
from replenish_server.retailers.feed.tables import RetailerHook, RetailerMessage
from replenish_server.retailers.http import Answer, NoAnswer
from replenish_server.retailers.kinds import RetailerKind
from replenish_server.retailers.tables import Retailer

log = logging.getLogger(__name__)

_RETRY_AFTER_S = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
_OLD_SECRET_LASTS = timedelta(hours=24)
_BATCH = 50
_GONE = 410

Send = Callable[[str, bytes, dict[str, str]], Answer]
"""POSTs a body with headers to a URL; raises `NoAnswer`."""


def set_hook(session: Session, retailer_id: str, url: str, now: datetime) -> str:
    """Keep where a retailer wants to be told; returns the secret, which a new address does not change.

    Raises:
        KeyRefused: there is no such retailer.
    """
    if session.get(Retailer, retailer_id) is None:
        raise KeyRefused(f"there is no retailer {retailer_id!r}; see replenish retailer list")
    hook = session.get(RetailerHook, retailer_id)
    if hook is None:
        hook = RetailerHook(retailer_id=retailer_id, url=url, secret=_new_secret(), changed_at=now)
    hook.url, hook.changed_at = url, now
    session.add(hook)
    return hook.secret


def rotate_secret(session: Session, retailer_id: str, now: datetime) -> str | None:
    """A new secret; for a day messages carry signatures of both. None when the retailer has no hook."""
    hook = session.get(RetailerHook, retailer_id)
    if hook is None:
        return None
    hook.old_secret, hook.old_until = hook.secret, now + _OLD_SECRET_LASTS
    hook.secret, hook.changed_at = _new_secret(), now
    session.add(hook)
    return hook.secret


def tell(
    session: Session, order: BookOrder, kind: str, now: datetime, more: Mapping[str, Any] | None = None
) -> str | None:
    """Store a message about an order, to be sent after the commit under the id that is returned; None when
    nobody wants to be told. `more` joins the order in the message's data."""
    if session.get(RetailerHook, order.retailer_id) is None:
        return None
    document = {"type": kind, "timestamp": rfc3339(now), "data": {**order_document(order), **(more or {})}}
    message = RetailerMessage(
        id=new_id("msg"),
        retailer_id=order.retailer_id,
        order_id=order.id,
        kind=kind,
        body=json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(),
        created_at=now,
        next_try_at=now,
    )
    session.add(message)
    return message.id


def call_off(session: Session, retailer_id: str, order_id: str, item_id: str, now: datetime) -> str | None:
    """The household wants one article of an order no more: take it out while that helps, and say so.

    An order that is no order of the book is left alone: its retailer is told in another way.

    Returns:
        The id of the message that says so; None where there is none.
    """
    order = session.get(BookOrder, order_id)
    if order is None or order.retailer_id != retailer_id or order.state == BookState.CANCELED:
        return None
    if is_on_its_way(order):
        return tell(session, order, "order.withdrawn", now)  # the goods come back; the retailer refunds
    take_out(session, order, item_id, now)
    retailer = session.get_one(Retailer, retailer_id)
    if retailer.kind == RetailerKind.CXML:
        return tell_supplier(session, retailer, order, now)
    kind = "order.canceled" if order.state == BookState.CANCELED else "order.changed"
    return tell(session, order, kind, now)


def is_on_its_way(order: BookOrder) -> bool:
    """Whether taking something out comes too late: the goods have left the retailer."""
    return order.state in (BookState.SHIPPED, BookState.DELIVERED)


def signed_headers(hook: RetailerHook, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """The headers of one sending; `now` is when it is sent, not when it was stored."""
    chosen = [hook.secret]
    if hook.old_secret is not None and hook.old_until is not None and now < hook.old_until:
        chosen.append(hook.old_secret)
    signatures = [Webhook(secret).sign(message_id, now, body.decode()) for secret in chosen]
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


class Messenger:
    """Sends what is due; one that dies between sending and keeping sends again under the same id.

    Args:
        database: where messages are.
        send: bounded HTTP.
        clock: the server's clock.
        chance: spreads retries; protects nothing.
        on_refused: told, in the transaction that keeps the answer, of every change that a cXML supplier does
            not take, and of every message that is given up; it may be told of one several times.
    """

    def __init__(
        self,
        database: Database,
        send: Send,
        clock: Clock,
        chance: random.Random | None = None,
        on_refused: Callable[[Session, RetailerMessage, datetime], None] = lambda _session, _message, _at: (
            None
        ),
    ) -> None:
        self._on_refused = on_refused
        self._database = database
        self._send = send
        self._clock = clock
        self._chance = chance or random.Random()  # noqa: S311

    def run(self) -> int:
        """Send every message that is due; returns how many were tried."""
        now = self._clock.now()
        with self._database.read() as session:
            due = session.exec(
                select(RetailerMessage, RetailerHook, Retailer)
                .outerjoin(RetailerHook, col(RetailerHook.retailer_id) == col(RetailerMessage.retailer_id))
                .join(Retailer, col(Retailer.id) == col(RetailerMessage.retailer_id))
                .where(col(RetailerMessage.next_try_at) <= now)
                .order_by(col(RetailerMessage.next_try_at), col(RetailerMessage.created_at))
                .limit(_BATCH)
            ).all()
        for message, hook, retailer in due:
            self._keep(message.id, self._say(message, hook, retailer))
        return len(due)

    def _say(self, message: RetailerMessage, hook: RetailerHook | None, retailer: Retailer) -> int | None:
        """Send one message; its status, or None for no answer. A cXML supplier's status is in its answer."""
        try:
            if message.kind.startswith(KIND):
                from replenish_server.retailers.cxml.reading import read_status  # with lxml, as `directory`

                answer = self._send(retailer.url, message.body, HEADERS)
                return read_status(answer.body).code if answer.status == 200 else answer.status
            if hook is None:
                return _GONE
            headers = signed_headers(hook, message.id, message.body, self._clock.now())
            return self._send(hook.url, message.body, headers).status
        except (NoAnswer, Unreadable) as error:
            log.warning("action=message_unanswered message_id=%s why=%s", message.id, str(error)[:200])
            return None

    def _keep(self, message_id: str, status: int | None) -> None:
        now = self._clock.now()
        with self._database.write() as session:
            message = session.get_one(RetailerMessage, message_id)
            message.tries += 1
            message.last_status = status
            if status is not None and 200 <= status < 300:
                message.sent_at, message.next_try_at = now, None
            elif status == _GONE or message.tries > len(_RETRY_AFTER_S):
                message.next_try_at = None
                log.warning("action=message_given_up message_id=%s status=%s", message_id, status)
            else:
                wait_s = _RETRY_AFTER_S[message.tries - 1] * self._chance.uniform(1.0, 1.2)
                message.next_try_at = now + timedelta(seconds=wait_s)
            session.add(message)
            refused = message.kind.startswith(KIND) and status is not None and 400 <= status < 500
            given_up = message.sent_at is None and message.next_try_at is None
            if refused or given_up:
                self._on_refused(session, message, now)


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
