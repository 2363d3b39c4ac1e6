"""A supplier that takes cXML orders: priced by its list, sent once under one payloadID, told of later.

The order stands in the book before it is sent, so that a confirmation that comes before, or instead of, the
answer settles what became of it. Source: cXML 1.2 reference guide, OrderRequest and repeated payloadIDs.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import select

from replenish_server.database import Database
from replenish_server.retailers.book.acts import Step, enter_order, take_step
from replenish_server.retailers.book.quotes import PriceListQuotes
from replenish_server.retailers.book.states import Act, BookState, may
from replenish_server.retailers.book.tables import BookOrder
from replenish_server.retailers.cxml.account import CxmlAccount, payload_id
from replenish_server.retailers.cxml.documents import order_request
from replenish_server.retailers.cxml.messages import Unreadable
from replenish_server.retailers.cxml.reading import read_status
from replenish_server.retailers.feed.adapter import read_book
from replenish_server.retailers.http import Forbidden, NoAnswer, ShopClient
from replenish_server.retailers.port import (
    Expired,
    Journal,
    Need,
    OrderSnapshot,
    PickUp,
    Placed,
    Problem,
    Quote,
    StoredCall,
    Trouble,
    Unknown,
)

log = logging.getLogger(__name__)

REPEAT_FOR = timedelta(hours=24)  # how long the same document is sent again before a person decides
_SENT = {"content-type": "text/xml; charset=UTF-8", "accept": "text/xml"}
_CONFLICT = 409
_NEVER_READ = frozenset({301, 302, 307, 308, 401, 403, 404, 405, 411, 413, 415})
"""HTTP answers of something that stands before the supplier's order system."""


@dataclass(frozen=True)
class CxmlRetailer:
    """Implements `RetailerPort`.

    Args:
        database: where the book is.
        retailer_id: whose.
        url: where OrderRequests go.
        account: who we are there.
        quotes: from its price list.
        acknowledge_within: how long it may take to confirm an order.
        client: bounded HTTP.
        now: the server's clock.
    """

    database: Database
    retailer_id: str
    url: str
    account: CxmlAccount
    quotes: PriceListQuotes
    acknowledge_within: timedelta
    client: ShopClient
    now: Callable[[], datetime]

    def opening(self, need: Need) -> None:
        """Its first call follows from the quote."""

    def quote(self, need: Need, journal: Journal) -> Quote | Trouble:
        """From the price list; goods come to an address only."""
        if isinstance(need.fulfilment, PickUp):
            return Trouble(Problem.ADDRESS, "this supplier delivers, and has no place to pick up at")
        return self.quotes.quote(need, journal)

    def place(self, quote: Quote, journal: Journal) -> Placed | Trouble | Unknown | Expired:
        """Send the order once; a repetition carries the same bytes, until a confirmation or a day came."""
        stored = journal.find("complete")
        if stored is None:
            kept = self.quotes.draft(journal)
            if kept is None:
                return Expired()
            first = payload_id(self.account, kept.key)
            body = order_request(self.account, kept.draft, kept.key, first, self.now())
            stored = journal.prepare("complete", "POST", self.url, body)
            with self.database.write() as session:
                enter_order(
                    session, self.retailer_id, kept.key, kept.draft, self.acknowledge_within, self.now()
                )
            return self._send(quote, stored, journal, again=False)
        if stored.status is not None and stored.answer is not None:
            return self._outcome(quote, stored.answer, again=False)
        return self._settle(quote, stored, journal)

    def retire(self, checkout_id: str, journal: Journal) -> Placed | None:
        """A quote given up is no order, unless its order stands in the book and was not refused."""
        order = self._booked(checkout_id)
        return None if order is None or order.state == BookState.CANCELED else _placed(order)

    def read_order(self, retailer_order_id: str) -> OrderSnapshot:
        """What the supplier's confirmations and ship notices said."""
        return read_book(self.database, self.retailer_id, retailer_order_id, self.now())

    def _settle(self, quote: Quote, stored: StoredCall, journal: Journal) -> Placed | Trouble | Unknown:
        """Sent before, not answered: the book may know; else the identical document is sent again."""
        order = self._booked(quote.checkout_id)
        if order is not None and order.state == BookState.CANCELED:
            return Trouble(Problem.RETAILER_REFUSED, order.note)
        if order is not None and order.state != BookState.PLACED:
            return _placed(order)
        if self.now() - stored.prepared_at > REPEAT_FOR:
            return Trouble(Problem.UNKNOWN_OUTCOME, "the supplier has not answered for a day")
        if order is None:  # died between storing and entering
            kept = self.quotes.draft(journal)
            if kept is None:
                return Trouble(Problem.UNKNOWN_OUTCOME, "the supplier has not answered for a day")
            with self.database.write() as session:
                enter_order(
                    session, self.retailer_id, kept.key, kept.draft, self.acknowledge_within, self.now()
                )
        return self._send(quote, stored, journal, again=True)

    def _send(
        self, quote: Quote, call: StoredCall, journal: Journal, again: bool
    ) -> Placed | Trouble | Unknown:
        journal.hold()
        try:
            answer = self.client.send(call.method, call.url, call.body, _SENT)
        except Forbidden as error:
            if again:
                return Unknown(str(error))
            return self._refuse(quote, str(error))
        except NoAnswer as error:
            return Unknown(str(error))
        outcome = self._outcome(quote, answer.body, again)
        if isinstance(outcome, Unknown) and answer.status in _NEVER_READ and not again:
            return self._refuse(quote, f"HTTP {answer.status} at {call.url}")
        if not isinstance(outcome, Unknown):
            journal.answered("complete", answer.status, answer.body)
        return outcome

    def _outcome(self, quote: Quote, body: bytes, again: bool) -> Placed | Trouble | Unknown:
        try:
            status = read_status(body)
        except Unreadable as error:
            return Unknown(str(error))
        if 200 <= status.code < 300:
            order = self._booked(quote.checkout_id)
            return Unknown("the order is not in the book") if order is None else _placed(order)
        if status.code >= 500:
            return Unknown(f"{status.code} {status.text}")  # theirs, and passing: the same document again
        if again and status.code == _CONFLICT:
            return Trouble(Problem.UNKNOWN_OUTCOME, f"{status.code} {status.text}")  # it may have it already
        return self._refuse(quote, f"{status.code} {status.text}")

    def _refuse(self, quote: Quote, why: str) -> Trouble:
        with self.database.write() as session:
            order = session.exec(select(BookOrder).where(BookOrder.key == quote.checkout_id)).first()
            if order is not None and may(BookState(order.state), Act.CANCEL):
                take_step(session, order, Step(Act.CANCEL, why, data={"reason": "refused"}), self.now())
        log.warning("action=cxml_refused retailer_id=%s why=%s", self.retailer_id, why[:200])
        return Trouble(Problem.RETAILER_REFUSED, why[:300])

    def _booked(self, key: str) -> BookOrder | None:
        with self.database.read() as session:
            return session.exec(select(BookOrder).where(BookOrder.key == key)).first()


def _placed(order: BookOrder) -> Placed:
    return Placed(order.id, "", order.total_minor, order.currency)
