"""A retailer that reads its orders in our feed: an order is placed when it stands there."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlmodel import select

from replenish_server.database import Database
from replenish_server.retailers.book.acts import enter_order, is_overdue
from replenish_server.retailers.book.quotes import PriceListQuotes
from replenish_server.retailers.book.states import BookState
from replenish_server.retailers.book.tables import BookOrder
from replenish_server.retailers.feed.messages import tell
from replenish_server.retailers.port import (
    Expired,
    Journal,
    Need,
    OrderSnapshot,
    Placed,
    Progress,
    Quote,
    Trouble,
    TryLater,
)

_PROGRESS = {
    BookState.PLACED: Progress.PROCESSING,
    BookState.ACKNOWLEDGED: Progress.PROCESSING,
    BookState.READY_FOR_PICKUP: Progress.READY,
    BookState.SHIPPED: Progress.SHIPPED,
    BookState.DELIVERED: Progress.DELIVERED,
    BookState.CANCELED: Progress.CANCELED,
}


class FeedRetailer:
    """Implements `RetailerPort`.

    Args:
        database: where the feed is.
        retailer_id: whose.
        quotes: from its price list.
        acknowledge_within: how long it may take to say that it has seen an order.
        now: the server's clock.
    """

    def __init__(
        self,
        database: Database,
        retailer_id: str,
        quotes: PriceListQuotes,
        acknowledge_within: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._retailer_id = retailer_id
        self._quotes = quotes
        self._within = acknowledge_within
        self._now = now

    def opening(self, need: Need) -> None:
        """Its first call follows from the quote."""

    def quote(self, need: Need, journal: Journal) -> Quote | Trouble:
        """From the price list."""
        return self._quotes.quote(need, journal)

    def place(self, quote: Quote, journal: Journal) -> Placed | Expired:
        """Enter the order under its quote's key. Repeated after a crash it finds what was entered before."""
        found = self._find(quote.checkout_id)
        if found is not None:
            return _placed(found)
        drafted = self._quotes.draft(journal)
        if drafted is None:
            return Expired()  # never entered, and too old to be entered by anybody
        journal.prepare("complete", "ENTER", "feed", quote.checkout_id.encode())
        with self._database.write() as session:
            now = self._now()
            if now >= drafted.valid_until:  # this worker slept; another may have given the quote up
                return Expired()
            order, entered = enter_order(
                session, self._retailer_id, quote.checkout_id, drafted.draft, self._within, now
            )
            if entered:
                tell(session, order, "order.placed", now)
        journal.answered("complete", 200, order.id.encode())
        return _placed(order)

    def retire(self, checkout_id: str, journal: Journal) -> Placed | None:
        """A quote that was never entered is no order."""
        found = self._find(checkout_id)
        return None if found is None else _placed(found)

    def read_order(self, retailer_order_id: str) -> OrderSnapshot:
        """What the retailer wrote into the book."""
        return read_book(self._database, self._retailer_id, retailer_order_id, self._now())

    def _find(self, key: str) -> BookOrder | None:
        with self._database.read() as session:
            return session.exec(select(BookOrder).where(BookOrder.key == key)).first()


def read_book(database: Database, retailer_id: str, order_id: str, now: datetime) -> OrderSnapshot:
    """An order as the book has it.

    Raises:
        TryLater: it is not there, or not this retailer's.
    """
    with database.read() as session:
        order = session.get(BookOrder, order_id)
    if order is None or order.retailer_id != retailer_id:
        raise TryLater(f"order {order_id!r} is not in the book")
    progress = Progress.UNACKNOWLEDGED if is_overdue(order, now) else _PROGRESS[BookState(order.state)]
    note = order.note
    if order.state == BookState.SHIPPED and (order.carrier or order.tracking_number):
        note = " ".join(part for part in (order.carrier, order.tracking_number) if part)
    return OrderSnapshot(order.id, progress, note, order.total_minor)


def _placed(order: BookOrder) -> Placed:
    return Placed(order.id, "", order.total_minor, order.currency)
