"""A shop that speaks UCP: from a need to a placed order, one journaled step at a time.

It never decides whether a price is acceptable, and never sends a changing request that is not stored.
Source: UCP checkout and order of every release that is spoken; retry rules of docs/adr/0004.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from replenish_server.retailers.http import NoAnswer, ShopClient
from replenish_server.retailers.instruments import Account, Instrument
from replenish_server.retailers.port import (
    Expired,
    Fulfilment,
    Journal,
    Need,
    NotThere,
    Opening,
    OrderSnapshot,
    Placed,
    Problem,
    Quote,
    StoredCall,
    Trouble,
    TryLater,
    Unknown,
)
from replenish_server.retailers.ucp import ap2, bodies, documents, messages, offers
from replenish_server.retailers.ucp.bindings import Operation, Reply
from replenish_server.retailers.ucp.connection import Connection, Identity
from replenish_server.retailers.ucp.documents import Checkout, Unreadable
from replenish_server.retailers.ucp.mandates import MandateRefused, ShopMandates
from replenish_server.retailers.ucp.profile import Business, ProfileUnusable
from replenish_server.retailers.ucp.signatures import SignatureRefused

KEY_LIFETIME = timedelta(hours=24)  # shops keep idempotency keys at least this long
_MAX_UPDATES = 3
_LATER = (408, 425, 429)
_OPEN = ("incomplete", "ready_for_complete", "requires_escalation")
_OTHER_WAY_HELPS = frozenset({Problem.OUT_OF_STOCK, Problem.ADDRESS, Problem.ITEM_UNAVAILABLE})

Document = dict[str, Any]


class UcpRetailer:
    """Implements `RetailerPort`.

    Args:
        account: which shop, and how it is paid.
        client: bounded HTTP.
        now: the server's clock.
        identity: who we are to every shop.
        mandates: what the household signed for this shop; None where it cannot sign.
        further: instruments after those of the account, looked up when one of them is to pay.
    """

    def __init__(
        self,
        account: Account,
        client: ShopClient,
        now: Callable[[], datetime],
        identity: Identity,
        mandates: ShopMandates | None = None,
        further: Callable[[], tuple[Instrument, ...]] = tuple,
    ) -> None:
        self._further = further
        self._account = account
        self._now = now
        self._mandates = mandates
        signed = mandates.are_signed if mandates is not None else lambda: False
        self.connection = Connection(account.url, client, identity, signed)

    def opening(self, need: Need) -> Opening | None:
        """The creation of the session, while the shop's profile is known."""
        business = self.connection.known_business()
        if business is None or not self._is_payable(business, need):
            return None
        body = bodies.create_body(need, need.fulfilment, says_way=business.says_way)
        request = self.connection.request(Operation.CREATE, None, body, business)
        return Opening("create", request.method, request.url, request.body)

    def quote(self, need: Need, journal: Journal) -> Quote | Trouble:
        """Create the session, say where the goods go, choose the cheapest option, read the total.

        Where the shop cannot serve the wanted way and the household accepts another, that one is quoted in a
        session of its own, and the first is closed; where neither can be served, the second is closed.
        """
        try:
            first = self._quote(need, need.fulfilment, journal, "")
            if not isinstance(first, Trouble):
                return first
            first = replace(first, checkout_id=self._opened(journal, "create"))
            if first.problem not in _OTHER_WAY_HELPS or need.fallback is None:
                return first
            second = self._quote(need, need.fallback, journal, "fallback-")
            if isinstance(second, Trouble):
                self._close(journal, "second-close", self._opened(journal, "fallback-create"))
                return first
            self._close(journal, "fallback-close", first.checkout_id)
            return replace(second, fallback_reason=first.detail or first.problem.value)
        except (ProfileUnusable, Unreadable) as error:
            return Trouble(Problem.UNREADABLE, str(error))

    def place(self, quote: Quote, journal: Journal) -> Placed | Trouble | Unknown | Expired:
        """Complete once. A step that was sent before and has no answer is looked up before it is repeated."""
        outcome = self._place(quote, journal)
        if isinstance(outcome, Placed) and self._mandates is not None:
            self._mandates.settle(quote.checkout_id)
        return self._not_taken(outcome) if isinstance(outcome, Trouble) else outcome

    def _place(self, quote: Quote, journal: Journal) -> Placed | Trouble | Unknown | Expired:
        try:
            stored = journal.find("complete")
            if stored is not None and stored.status is not None and stored.answer is not None:
                return self._outcome(stored.status, stored.answer, quote.checkout_id)
            if stored is not None:
                return self._resolve(quote.checkout_id, stored, journal)
            return self._complete(quote, journal)
        except (ProfileUnusable, Unreadable) as error:
            # What may have left must not be called "not bought" because the shop became unreadable.
            return (
                Unknown(str(error)) if journal.find("complete") else Trouble(Problem.UNREADABLE, str(error))
            )

    def retire(self, checkout_id: str, journal: Journal) -> Placed | Trouble | Unknown | None:
        """Make sure that an earlier session can no longer become an order, or learn that it has."""
        try:
            reply = self._read(checkout_id)
            current = None if reply is None else self._as_checkout(reply, checkout_id)
            if isinstance(current, Trouble):
                return current  # an error about anything else than its absence leaves it as it was
            if reply is None or current is None or current.status == "canceled":
                return None
            if current.status not in _OPEN:
                return self._outcome(200, reply.body, checkout_id)
            closed = self._change(journal, f"retire {checkout_id}", Operation.CANCEL, checkout_id, None)
        except (ProfileUnusable, Unreadable) as error:
            return Trouble(Problem.UNREADABLE, str(error))
        if not isinstance(closed, Trouble) and closed[0].status == "canceled":
            return None
        return Trouble(Problem.RETAILER_REFUSED, "the shop does not close the earlier session")

    def read_order(self, retailer_order_id: str) -> OrderSnapshot:
        """The order as the shop shows it."""
        try:
            reply = self.connection.ask(Operation.GET_ORDER, retailer_order_id)
            if reply.status != 200:
                why = NotThere if reply.status in (404, 410) else TryLater
                raise why(f"order read answered {reply.status}", reply.wait_s)
            snapshot = documents.read_order(documents.document_of(reply.body))
        except (NoAnswer, ProfileUnusable, Unreadable) as error:
            raise TryLater(str(error)) from error
        if snapshot.retailer_order_id != retailer_order_id:
            raise TryLater("the shop answered with another order")
        return snapshot

    def _quote(self, need: Need, way: Fulfilment, journal: Journal, prefix: str) -> Quote | Trouble:
        """One session for one way; each answer is read before the next step is decided."""
        business = self.connection.business()
        if not self._is_payable(business, need):
            detail = f"the shop no longer accepts the payment handler {self._handler(need)!r}"
            return self._not_taken(Trouble(Problem.PAYMENT_FAILED, detail))
        first = bodies.create_body(need, way, says_way=business.says_way)
        current = self._change(journal, f"{prefix}create", Operation.CREATE, None, first)
        if business.lacks and not isinstance(current, Trouble):
            link = messages.web_link(current[0].continue_url)
            return Trouble(Problem.ESCALATION, f"the shop does not offer {', '.join(business.lacks)}", link)
        for n in range(1, _MAX_UPDATES + 1):
            if isinstance(current, Trouble):
                return current
            body = bodies.update_body(current[0], need, way, business.release)
            if body is None:
                break
            current = self._change(journal, f"{prefix}update-{n}", Operation.UPDATE, current[0].id, body)
        if isinstance(current, Trouble):
            return current
        release, permitted = self.connection.business().release, self.connection.is_locked()
        return offers.quote_of(*current, need, way, release, permitted)

    def _handler(self, need: Need) -> str:
        return self._instrument(need.instrument).handler

    def _is_payable(self, business: Business, need: Need) -> bool:
        """Whether the shop takes what is to pay, as far as both say."""
        known, ours = business.payment_handlers, self._handler(need)
        return not known or not ours or ours in known

    def _instrument(self, place: int) -> Instrument:
        """With what is paid; the first is known without a look."""
        if place == 0:
            return self._account.instrument(0)
        return replace(self._account, others=self._account.others + self._further()).instrument(place)

    def _not_taken(self, trouble: Trouble) -> Trouble:
        """What another instrument may help against: limits that were signed name one, and bind the order."""
        declined = trouble.problem is Problem.PAYMENT_FAILED
        return replace(trouble, may_pay_otherwise=declined and not self.connection.is_locked())

    def _opened(self, journal: Journal, step: str) -> str | None:
        """The id of the session that a step of this attempt has opened; None when it opened none."""
        created = journal.find(step)
        if created is None or created.answer is None or created.status is None or created.status >= 300:
            return None
        document = documents.document_of(created.answer)
        return None if messages.is_failure(document) else documents.read_checkout(document).id

    def _close(self, journal: Journal, step: str, checkout_id: str | None) -> None:
        """The session of a way that could not be served must not stay open beside the other."""
        if checkout_id is not None:
            self._change(journal, step, Operation.CANCEL, checkout_id, None)

    def _complete(self, quote: Quote, journal: Journal) -> Placed | Trouble | Unknown | Expired:
        """First try: look once more, store, send."""
        reply = self._read(quote.checkout_id)
        current = None if reply is None else self._as_checkout(reply, quote.checkout_id)
        if isinstance(current, Trouble):
            return current
        if reply is None or current is None or current.status == "canceled":
            return Expired()
        if current.status not in _OPEN:
            return self._outcome(
                200, reply.body, quote.checkout_id
            )  # a person finished it at the shop meanwhile
        document = documents.document_of(reply.body)
        release = self.connection.business().release
        body = offers.objection(current, document, quote, release) or self._payment(document, quote)
        if isinstance(body, Trouble):
            return body
        request = self.connection.request(Operation.COMPLETE, quote.checkout_id, body)
        call = journal.prepare("complete", request.method, request.url, request.body)
        return self._send_complete(quote.checkout_id, call, journal)

    def _payment(self, document: Document, quote: Quote) -> Document | Trouble:
        instrument, release = self._instrument(quote.instrument), self.connection.business().release
        handler = instrument.handler
        kind = bodies.payment_instrument_type(document.get("ucp"), handler)
        if kind is None:
            return Trouble(Problem.PAYMENT_FAILED, f"the shop does not take {handler!r} for this order")
        if not self.connection.is_locked() or self._mandates is None:
            return bodies.complete_body(handler, kind, instrument.token, release)
        packs = sum(line.packs for line in quote.lines)
        try:
            closed = self._mandates.close(document, packs, quote.total_minor)
        except (MandateRefused, SignatureRefused) as error:
            return Trouble(Problem.NO_AGREEMENT, str(error), quote.continue_url)
        # The payment mandate names the instrument, so the token travels inside it.
        body = bodies.complete_body(handler, kind, closed.payment_mandate, release)
        return body | {"ap2": {"checkout_mandate": closed.checkout_mandate}}

    def _resolve(
        self, checkout_id: str, stored: StoredCall, journal: Journal
    ) -> Placed | Trouble | Unknown | Expired:
        """An earlier complete has no answer: ask what became of it, and repeat only the identical request."""
        past = self._now() - stored.prepared_at > KEY_LIFETIME
        try:
            reply = self._read(checkout_id)
            current = None if reply is None else self._as_checkout(reply, checkout_id)
        except (TryLater, Unreadable, ProfileUnusable) as error:
            if past:
                return Trouble(Problem.UNKNOWN_OUTCOME, f"the shop cannot be asked any more: {error}")
            raise
        lapsed = False
        if reply is not None and isinstance(current, Checkout):
            lapsed = current.expiry is not None and current.expiry <= self._now()
            if current.status == "completed":
                outcome = self._keep_outcome(checkout_id, reply, journal)
                if not isinstance(outcome, Unknown) or not past:
                    return outcome
                return Trouble(Problem.UNKNOWN_OUTCOME, outcome.detail)
            if current.status not in (*_OPEN, "canceled") and not past and not lapsed:
                waiting = messages.open_action(documents.document_of(reply.body))
                return waiting or Unknown(_still(current.status))
        if past or lapsed or not isinstance(current, Checkout) or current.status == "canceled":
            return Trouble(Problem.UNKNOWN_OUTCOME, "the shop can no longer say whether it has the order")
        return self._send_complete(checkout_id, stored, journal, again=True)

    def _send_complete(
        self, checkout_id: str, call: StoredCall, journal: Journal, again: bool = False
    ) -> Placed | Trouble | Unknown | Expired:
        try:
            journal.hold()
            reply = self.connection.send(call)
        except NoAnswer as error:
            return Unknown(str(error))
        if _later(reply.status) or reply.status == 409 or 300 <= reply.status < 400:
            # Refused, or done and not said: only asking tells, so the answer is not kept.
            return Unknown(f"the shop answered {reply.status}")
        if again and reply.status >= 400 and reply.status != 402:
            # A gate before the shop's memory of keys may have answered: that says nothing of the first try.
            refusal = messages.refusal_of(reply.status, reply.body)
            return Trouble(Problem.UNKNOWN_OUTCOME, refusal.detail, refusal.continue_url)
        return self._keep_outcome(checkout_id, reply, journal)

    def _keep_outcome(self, checkout_id: str, reply: Reply, journal: Journal) -> Placed | Trouble | Unknown:
        outcome = self._outcome(reply.status, reply.body, checkout_id)
        if not isinstance(outcome, Unknown):
            journal.answered("complete", reply.status, reply.body)
        return outcome

    def _outcome(self, status: int, body: bytes, checkout_id: str) -> Placed | Trouble | Unknown:
        if status >= 300:
            refusal = messages.refusal_of(status, body)
            return replace(refusal, problem=Problem.PAYMENT_FAILED) if status == 402 else refusal
        document = documents.document_of(body)
        if messages.is_failure(document):
            return messages.trouble_of(document)
        checkout = self._verified(document, checkout_id)
        if checkout.status == "completed" and checkout.order is not None:
            total = next((entry.amount for entry in checkout.totals if entry.type == "total"), None)
            if total is None:
                return Unknown("the completed checkout names no total")
            link = messages.web_link(checkout.order.permalink_url) or ""
            return Placed(checkout.order.id, link, total, checkout.currency)
        if checkout.status not in (*_OPEN, "canceled"):
            # Completing, completed without an order's name, or a word of no release: it may have bought.
            return Unknown(_still(checkout.status))
        return messages.trouble_of(document)

    def _change(
        self, journal: Journal, step: str, operation: Operation, session_id: str | None, body: Any
    ) -> tuple[Checkout, Document] | Trouble:
        """Store, send, keep the answer. A repetition sends the stored bytes under the stored key."""
        request = self.connection.request(operation, session_id, body)
        call = journal.prepare(step, request.method, request.url, request.body)
        status, content = call.status, call.answer
        if status is None or content is None:
            try:
                reply = self.connection.send(call)
            except NoAnswer as error:
                return self._put_off(call, TryLater(str(error)))
            if _later(reply.status) or reply.status == 409:
                return self._put_off(call, TryLater(f"{step} answered {reply.status}", reply.wait_s))
            status, content = reply.status, reply.body
            journal.answered(step, status, content)
        asked = bodies.asked_articles(body)
        if status >= 300:
            return messages.refusal_of(status, content, asked)
        document = documents.document_of(content)
        if messages.is_failure(document):
            return messages.trouble_of(document, asked)
        return self._verified(document, session_id), document

    def _put_off(self, call: StoredCall, later: TryLater) -> Trouble:
        """Try a step again later, but not for ever: after a day a person should know of the silence."""
        if self._now() - call.prepared_at <= KEY_LIFETIME:
            raise later
        return Trouble(Problem.RETAILER_REFUSED, f"no usable answer for a day: {later}")

    def _as_checkout(self, reply: Reply, checkout_id: str) -> Checkout | Trouble:
        """The session of a reply, or what the shop says instead of one."""
        document = documents.document_of(reply.body)
        if messages.is_failure(document):
            return messages.trouble_of(document)
        return self._verified(document, checkout_id)

    def _verified(self, document: Document, checkout_id: str | None) -> Checkout:
        """The session that was asked for; where it is locked to mandates, only as the shop signed it."""
        if self.connection.is_locked():
            try:
                try:
                    ap2.verify_authorization(document, self.connection.keys())
                except SignatureRefused as error:
                    if error.code != "key_not_found":
                        raise
                    ap2.verify_authorization(document, self.connection.keys(again=True))
            except SignatureRefused as error:
                raise Unreadable(f"the shop's authorization does not hold: {error}") from error
        checkout = documents.read_checkout(document)
        if checkout_id is not None and checkout.id != checkout_id:
            raise Unreadable("the shop answered with another session")
        return checkout

    def _read(self, checkout_id: str) -> Reply | None:
        """The session now; None when the shop does not know it."""
        try:
            reply = self.connection.ask(Operation.GET, checkout_id)
        except NoAnswer as error:
            raise TryLater(str(error)) from error
        if reply.status in (404, 410):
            return None
        if reply.status != 200:
            raise TryLater(f"reading the session answered {reply.status}", reply.wait_s)
        return None if messages.is_not_found(documents.document_of(reply.body)) else reply


def _still(status: str) -> str:
    return f"the shop is still completing: {status[:50]}"


def _later(status: int) -> bool:
    """Whether the answer only says "not now": any 5xx may come from a gateway that lost the shop's answer."""
    return status in _LATER or status >= 500
