"""A shop that speaks UCP: from a need to a placed order, one journaled step at a time.

It never decides whether a price is acceptable, and never sends a changing request that is not stored.
Source: UCP 2026-04-08, checkout REST binding; retry rules of docs/adr/0004.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote as url_quote
from urllib.parse import urlsplit

from ucp_sdk.models.schemas.shopping.fulfillment import Checkout

from replenish_server.ids import new_idempotency_key
from replenish_server.retailers.http import Answer, Forbidden, NoAnswer, ShopClient
from replenish_server.retailers.port import (
    Expired,
    Journal,
    Need,
    OrderSnapshot,
    Placed,
    Problem,
    Quote,
    StoredCall,
    Trouble,
    TryLater,
    Unknown,
)
from replenish_server.retailers.ucp import shapes
from replenish_server.retailers.ucp.profile import (
    Business,
    ProfileUnusable,
    other_release_url,
    read_business,
)

log = logging.getLogger(__name__)

KEY_LIFETIME = timedelta(hours=24)  # shops keep idempotency keys at least this long
_PROFILE_TTL_S = 300.0
_MAX_UPDATES = 3
_LATER = (408, 425, 429)


@dataclass(frozen=True)
class Account:
    """Who we are at this shop.

    Args:
        url: the shop's origin.
        payment_handler: id of the handler that issued the token.
        payment_token: opaque credential; never logged.
    """

    url: str
    payment_handler: str
    payment_token: str


class UcpRetailer:
    """Implements `RetailerPort`.

    Args:
        account: which shop, and how it is paid.
        client: bounded HTTP with our UCP-Agent header.
        now: the server's clock.
    """

    def __init__(self, account: Account, client: ShopClient, now: Callable[[], datetime]) -> None:
        self._account = account
        self._client = client
        self._now = now
        self._business: tuple[float, Business] | None = None

    def quote(self, need: Need, journal: Journal) -> Quote | Trouble:
        """Create the session, give our address, choose the cheapest delivery, read the total."""
        try:
            endpoint = self._discover().endpoint
            checkout = self._change(
                journal, "create", "POST", f"{endpoint}/checkout-sessions", shapes.create_body(need)
            )
            for n in range(1, _MAX_UPDATES + 1):
                if isinstance(checkout, Trouble):
                    return checkout
                body = shapes.update_body(checkout, need)
                if body is None:
                    break
                url = _session_url(endpoint, checkout.id)
                checkout = self._change(journal, f"update-{n}", "PUT", url, body)
            if isinstance(checkout, Trouble):
                return checkout
            return self._as_quote(checkout, need)
        except ProfileUnusable as error:
            return Trouble(Problem.UNREADABLE, str(error))
        except shapes.Unreadable as error:
            return Trouble(Problem.UNREADABLE, str(error))

    def place(self, quote: Quote, journal: Journal) -> Placed | Trouble | Unknown | Expired:
        """Complete once. A step that was sent before and has no answer is looked up before it is repeated."""
        try:
            endpoint = self._discover().endpoint
            url = _session_url(endpoint, quote.checkout_id)
            stored = journal.find("complete")
            if stored is not None and stored.status is not None and stored.answer is not None:
                return self._outcome(stored.status, stored.answer)
            if stored is not None:
                return self._resolve(url, stored, journal)
            return self._complete(url, quote, journal)
        except (ProfileUnusable, shapes.Unreadable) as error:
            # What may have left must not be called "not bought" because the shop became unreadable.
            return (
                Unknown(str(error)) if journal.find("complete") else Trouble(Problem.UNREADABLE, str(error))
            )

    def retire(self, checkout_id: str, journal: Journal) -> Placed | Trouble | Unknown | None:
        """Make sure that an earlier session can no longer become an order, or learn that it has."""
        try:
            url = _session_url(self._discover().endpoint, checkout_id)
            current, answer = self._read(url)
            if isinstance(current, Checkout) and current.status in ("completed", "complete_in_progress"):
                return self._outcome(200, answer)
            if not isinstance(current, Checkout) or current.status == "canceled":
                return None
            closed = self._change(journal, "retire", "POST", f"{url}/cancel", b"")
        except (ProfileUnusable, shapes.Unreadable) as error:
            return Trouble(Problem.UNREADABLE, str(error))
        if isinstance(closed, Checkout) and closed.status == "canceled":
            return None
        return Trouble(Problem.RETAILER_REFUSED, "the shop does not close the earlier session")

    def read_order(self, retailer_order_id: str) -> OrderSnapshot:
        """GET /orders/{id}."""
        try:
            endpoint = self._discover().endpoint
            answer = self._get(f"{endpoint}/orders/{url_quote(retailer_order_id, safe='')}")
            if answer.status != 200:
                raise TryLater(f"order read answered {answer.status}", answer.wait_s)
            snapshot = shapes.read_order(answer.body)
        except (NoAnswer, ProfileUnusable, shapes.Unreadable) as error:
            raise TryLater(str(error)) from error
        if snapshot.retailer_order_id != retailer_order_id:
            raise TryLater("the shop answered with another order")
        return snapshot

    def _complete(self, url: str, quote: Quote, journal: Journal) -> Placed | Trouble | Unknown | Expired:
        """First try: look once more, store, send."""
        current, answer = self._read(url)
        if isinstance(current, Trouble):
            return current
        if current is None or current.status == "canceled":
            return Expired()
        if current.status in ("completed", "complete_in_progress"):
            return self._outcome(200, answer)  # a person finished it at the shop meanwhile
        objection = _objection(current, shapes.document_of(answer), quote)
        if objection is not None:
            return objection
        handler = self._account.payment_handler
        kind = shapes.payment_instrument_type(answer, handler)
        if kind is None:
            return Trouble(Problem.PAYMENT_FAILED, f"the shop does not take {handler!r} for this order")
        body = shapes.complete_body(handler, kind, self._account.payment_token)
        return self._send_complete(journal.prepare("complete", "POST", f"{url}/complete", body), journal)

    def _resolve(
        self, url: str, stored: StoredCall, journal: Journal
    ) -> Placed | Trouble | Unknown | Expired:
        """An earlier complete has no answer: ask what became of it, and repeat only the identical request."""
        past = self._now() - stored.prepared_at > KEY_LIFETIME
        try:
            current, answer = self._read(url)
        except (TryLater, shapes.Unreadable) as error:
            if past:
                return Trouble(Problem.UNKNOWN_OUTCOME, f"the shop cannot be asked any more: {error}")
            raise
        if isinstance(current, Checkout):
            if current.status == "completed":
                return self._keep_outcome(200, answer, journal)
            if current.status == "complete_in_progress" and not past:
                return Unknown("the shop is still completing")
        expired = isinstance(current, Checkout) and (
            current.status == "canceled"
            or (current.expires_at is not None and current.expires_at <= self._now())
        )
        if past or expired or not isinstance(current, Checkout):
            return Trouble(Problem.UNKNOWN_OUTCOME, "the shop can no longer say whether it has the order")
        return self._send_complete(stored, journal, again=True)

    def _send_complete(
        self, call: StoredCall, journal: Journal, again: bool = False
    ) -> Placed | Trouble | Unknown | Expired:
        try:
            answer = self._send(call)
        except NoAnswer as error:
            return Unknown(str(error))
        if _later(answer.status) or answer.status == 409 or 300 <= answer.status < 400:
            # Refused, or done and not said: only asking tells, so the answer is not kept.
            return Unknown(f"the shop answered {answer.status}")
        if again and answer.status >= 400 and answer.status != 402:
            # A gate before the shop's memory of keys may have answered: that says nothing of the first try.
            refusal = shapes.refusal_of(answer.status, answer.body)
            return Trouble(Problem.UNKNOWN_OUTCOME, refusal.detail, refusal.continue_url)
        return self._keep_outcome(answer.status, answer.body, journal)

    def _keep_outcome(self, status: int, body: bytes, journal: Journal) -> Placed | Trouble | Unknown:
        outcome = self._outcome(status, body)
        if not isinstance(outcome, Unknown):
            journal.answered("complete", status, body)
        return outcome

    def _outcome(self, status: int, body: bytes) -> Placed | Trouble | Unknown:
        if status == 402:
            refusal = shapes.refusal_of(status, body)
            return Trouble(Problem.PAYMENT_FAILED, refusal.detail, refusal.continue_url)
        if status >= 300:
            return shapes.refusal_of(status, body)
        checkout = shapes.read_checkout(body)
        if isinstance(checkout, Trouble):
            return checkout
        if checkout.status == "completed" and checkout.order is not None:
            total = next(entry.amount for entry in checkout.totals if entry.type == "total")
            link = shapes.web_link(str(checkout.order.permalink_url)) or ""
            return Placed(checkout.order.id, link, total, checkout.currency)
        if checkout.status in ("complete_in_progress", "completed"):
            return Unknown("the shop is still completing")
        return shapes.trouble_of(shapes.document_of(body))

    def _change(self, journal: Journal, step: str, method: str, url: str, body: bytes) -> Checkout | Trouble:
        """Store, send, keep the answer. A repetition sends the stored bytes under the stored key."""
        call = journal.find(step) or journal.prepare(step, method, url, body)
        status, content = call.status, call.answer
        if status is None or content is None:
            try:
                answer = self._send(call)
            except NoAnswer as error:
                raise TryLater(str(error)) from error
            if _later(answer.status) or answer.status == 409:
                raise TryLater(f"{step} answered {answer.status}", answer.wait_s)
            status, content = answer.status, answer.body
            journal.answered(step, status, content)
        if status >= 300:
            return shapes.refusal_of(status, content)
        return shapes.read_checkout(content)

    def _as_quote(self, checkout: Checkout, need: Need) -> Quote | Trouble:
        document = checkout.model_dump(mode="json", exclude_none=True)
        if not shapes.same_goods(checkout, need):
            trouble = shapes.trouble_of(document)
            detail = trouble.detail or "the shop changed what was asked for"
            return Trouble(Problem.ITEM_UNAVAILABLE, detail, trouble.continue_url)
        if checkout.status != "ready_for_complete":
            return shapes.trouble_of(document)
        unseen = shapes.disclosure(document)
        if unseen is not None:
            return unseen
        link = shapes.web_link(document.get("continue_url"))
        if not shapes.delivered_somewhere(checkout):
            return Trouble(Problem.ADDRESS, "the shop took no delivery address", link)
        totals = shapes.read_totals(checkout)
        return Quote(
            checkout.id,
            totals.total_minor,
            totals.currency,
            checkout.expires_at,
            link,
            lines=shapes.quoted_lines(checkout),
            subtotal_minor=shapes.parts_of(checkout, "subtotal"),
            shipping_minor=shapes.parts_of(checkout, "fulfillment"),
            tax_minor=shapes.parts_of(checkout, "tax"),
            discount_minor=-shapes.parts_of(checkout, "discount", "items_discount"),
            fulfilment=need.fulfilment,
        )

    def _read(self, url: str) -> tuple[Checkout | Trouble | None, bytes]:
        """The session now; None when the shop does not know it."""
        try:
            answer = self._get(url)
        except NoAnswer as error:
            raise TryLater(str(error)) from error
        if answer.status in (404, 410):
            return None, answer.body
        if answer.status != 200:
            raise TryLater(f"reading the session answered {answer.status}", answer.wait_s)
        if shapes.is_not_found(answer.body):
            return None, answer.body
        return shapes.read_checkout(answer.body), answer.body

    def _get(self, url: str) -> Answer:
        return self._client.send("GET", url, headers={"Request-Id": new_idempotency_key()})

    def _send(self, call: StoredCall) -> Answer:
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": call.key,
            "Request-Id": new_idempotency_key(),
        }
        return self._client.send(call.method, call.url, call.body, headers)

    def _discover(self) -> Business:
        """The shop's profile, kept for five minutes."""
        if self._business is not None and time.monotonic() < self._business[0]:
            return self._business[1]
        document = self._fetch(f"{self._account.url.rstrip('/')}/.well-known/ucp")
        other = other_release_url(document)
        if other is not None and urlsplit(other).netloc == urlsplit(self._account.url).netloc:
            document = self._fetch(other)
        business = read_business(document)
        if self._account.url.startswith("https://") and not business.endpoint.startswith("https://"):
            raise ProfileUnusable(f"the shop's endpoint {business.endpoint!r} would leave TLS")
        if business.payment_handlers and self._account.payment_handler not in business.payment_handlers:
            raise ProfileUnusable(
                f"the shop no longer accepts the payment handler {self._account.payment_handler!r}"
            )
        self._business = (time.monotonic() + _PROFILE_TTL_S, business)
        return business

    def _fetch(self, url: str) -> bytes:
        try:
            answer = self._client.send("GET", url)
        except Forbidden as error:
            raise ProfileUnusable(str(error)) from error
        except NoAnswer as error:
            raise TryLater(str(error)) from error
        if answer.status != 200:
            raise TryLater(f"the shop's profile answered {answer.status}", answer.wait_s)
        return answer.body


def _objection(current: Checkout, document: dict[str, Any], quote: Quote) -> Trouble | None:
    """Why an open session must not be completed now, or None."""
    if current.status != "ready_for_complete":
        return shapes.trouble_of(document)
    unseen = shapes.disclosure(document)
    if unseen is not None:
        return unseen
    totals = shapes.read_totals(current)
    if (totals.total_minor, totals.currency) != (quote.total_minor, quote.currency):
        detail = f"{quote.total_minor} -> {totals.total_minor} {totals.currency}"
        return Trouble(Problem.PRICE_OVER_CAP, f"the price changed before the order: {detail}")
    return None


def _later(status: int) -> bool:
    """Whether the answer only says "not now": any 5xx may come from a gateway that lost the shop's answer."""
    return status in _LATER or status >= 500


def _session_url(endpoint: str, checkout_id: str) -> str:
    return f"{endpoint}/checkout-sessions/{url_quote(checkout_id, safe='')}"
