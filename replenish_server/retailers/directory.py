"""Finds the adapter of a retailer, and keeps one connection pool for each."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module

from sqlmodel import col, select

from replenish_server.database import Database
from replenish_server.retailers.addresses import trusted
from replenish_server.retailers.book.acts import ACKNOWLEDGE_WITHIN
from replenish_server.retailers.book.quotes import PriceListQuotes
from replenish_server.retailers.feed.adapter import FeedRetailer
from replenish_server.retailers.handoff.adapter import HandingOver, HandOffRetailer
from replenish_server.retailers.http import ShopClient, is_loopback
from replenish_server.retailers.instruments import Account, Instrument, instruments_of
from replenish_server.retailers.kinds import RetailerKind
from replenish_server.retailers.port import RetailerPort
from replenish_server.retailers.tables import Retailer
from replenish_server.retailers.ucp.client import UcpRetailer
from replenish_server.retailers.ucp.connection import Connection, Identity
from replenish_server.retailers.ucp.mandates import BookedMandates, MandateBook
from replenish_server.retailers.ucp.shelf import UcpShelf

_CALLED = (RetailerKind.UCP, RetailerKind.CXML, RetailerKind.FEED)  # the others a person goes to


class RetailerDirectory:
    """Adapters by retailer id.

    Args:
        database: where price lists and the feed are.
        identity: who we are; every shop is told in each request.
        now: the server's clock.
        loopback: whether a shop that the household itself keeps on this machine may be called.
        book: what households signed for shops; None where nothing can be signed.
    """

    def __init__(
        self,
        database: Database,
        identity: Identity,
        now: Callable[[], datetime],
        loopback: bool = False,
        book: MandateBook | None = None,
    ) -> None:
        self._database, self._book = database, book
        self._identity, self._loopback = identity, loopback
        self._now = now
        self._lock = threading.Lock()
        self._suppliers: dict[str, ShopClient] = {}
        self._known: dict[str, tuple[Account, ShopClient, UcpRetailer]] = {}

    def shop(self, retailer: Retailer) -> RetailerPort:
        """The adapter of a retailer; made anew when its account changed."""
        template = retailer.options.get("cart_template")
        if retailer.kind in (RetailerKind.CART, RetailerKind.LIST):
            return HandOffRetailer(template, retailer.url)
        if retailer.kind == RetailerKind.FEED:
            return self._feed(retailer)
        if retailer.kind == RetailerKind.CXML:
            return self._cxml(retailer)
        adapter = self._ucp(retailer)
        return (
            adapter
            if template is None
            else HandingOver(adapter, template, retailer.url, retailer.agreement is not None)
        )

    def prepare(self) -> None:
        """Load, in a calm moment, what the retailers that are there will need beside what all need."""
        with self._database.read() as session:
            kinds = session.exec(select(Retailer.kind).distinct()).all()
            urls = session.exec(select(Retailer.url).where(col(Retailer.kind).in_(_CALLED))).all()
        if any(url.startswith("https://") for url in urls):
            trusted()
        if RetailerKind.CXML in kinds:
            import_module("replenish_server.retailers.cxml.adapter")

    def _feed(self, retailer: Retailer) -> FeedRetailer:
        return FeedRetailer(
            self._database, retailer.id, self._quotes(retailer), _acknowledge_within(retailer), self._now
        )

    def _cxml(self, retailer: Retailer) -> RetailerPort:
        from replenish_server.retailers.cxml.account import account_of
        from replenish_server.retailers.cxml.adapter import CxmlRetailer  # with lxml; see `prepare`

        with self._lock:
            client = self._suppliers.get(retailer.id)
            if client is None:
                client = ShopClient({}, loopback=self._loopback and is_loopback(retailer.url))
                self._suppliers[retailer.id] = client
        within = _acknowledge_within(retailer)
        quotes = self._quotes(retailer)
        account = account_of(retailer)
        return CxmlRetailer(
            self._database, retailer.id, retailer.url, account, quotes, within, client, self._now
        )

    def _quotes(self, retailer: Retailer) -> PriceListQuotes:
        shipping_minor = int(retailer.options.get("shipping_minor", "0"))
        return PriceListQuotes(self._database, retailer.id, shipping_minor, self._now)

    def shelf(self, retailer: Retailer) -> UcpShelf | None:
        """The shelf of a retailer that can be looked at; None for any other."""
        line = self.line(retailer)
        return None if line is None else UcpShelf(line, self._now)

    def line(self, retailer: Retailer) -> Connection | None:
        """The line to a retailer that speaks UCP; None for any other."""
        return self._ucp(retailer).connection if retailer.kind == RetailerKind.UCP else None

    def _ucp(self, retailer: Retailer) -> UcpRetailer:
        account = Account(retailer.url, retailer.payment_handler, retailer.payment_token)
        with self._lock:
            known = self._known.get(retailer.id)
            if known is not None and known[0] == account:
                return known[2]
            # A public shop's profile must not lead to this machine, whatever the setting.
            client = ShopClient({}, loopback=self._loopback and is_loopback(retailer.url))
            signed = None if self._book is None else BookedMandates(self._book, retailer.id)
            adapter = UcpRetailer(
                account, client, self._now, self._identity, signed, lambda: self._others(retailer)
            )
            self._known[retailer.id] = (account, client, adapter)
            return adapter

    def _others(self, retailer: Retailer) -> tuple[Instrument, ...]:
        """With what else is paid there: asked when the first was declined, not before every order."""
        with self._database.read() as session:
            return instruments_of(session, retailer)[1:]

    def close(self) -> None:
        """Close every pool."""
        with self._lock:
            for _, client, _ in self._known.values():
                client.close()
            self._known.clear()
            for client in self._suppliers.values():
                client.close()
            self._suppliers.clear()


def _acknowledge_within(retailer: Retailer) -> timedelta:
    hours = retailer.options.get("acknowledge_hours")
    return ACKNOWLEDGE_WITHIN if hours is None else timedelta(hours=int(hours))
