"""One suite for every shop behind `RetailerPort`: what a fake does, the real adapters do at real shops."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import httpx
import pytest
from sqlmodel import select

from replenish_server.retailers.book.acts import ACKNOWLEDGE_WITHIN
from replenish_server.retailers.book.prices import import_prices
from replenish_server.retailers.book.quotes import PriceListQuotes
from replenish_server.retailers.book.tables import BookOrder
from replenish_server.retailers.cxml.account import CxmlAccount
from replenish_server.retailers.cxml.adapter import CxmlRetailer
from replenish_server.retailers.feed.adapter import FeedRetailer
from replenish_server.retailers.handoff.adapter import HandOffRetailer
from replenish_server.retailers.http import ShopClient
from replenish_server.retailers.instruments import Account
from replenish_server.retailers.kinds import RetailerKind
from replenish_server.retailers.port import (
    HandOff,
    JournalClosed,
    Line,
    Need,
    Placed,
    Quote,
    RetailerPort,
    Tier,
    Trouble,
    TryLater,
)
from replenish_server.retailers.tables import Retailer
from replenish_server.retailers.ucp import RELEASES
from replenish_server.retailers.ucp.client import UcpRetailer
from replenish_server.retailers.ucp.connection import Identity
from tests.fakes.cxml_supplier import CxmlSupplier
from tests.fakes.forgetful_shop import ForgetfulShop
from tests.fakes.market import PRICES
from tests.fakes.mortality import Fate
from tests.fakes.retailer_house import NOW, RETAILER, House
from tests.fakes.retailer_merchant import SITE
from tests.fakes.retailer_port import NamesItsPrice
from tests.support.sandbox import NEED, Journal, Us, now, open_sandbox, retailer

WANTED = replace(NEED, lines=(Line("det-1kg", 2),))


@dataclass
class Counter:
    """A shop to be bought from.

    Args:
        shop: makes the adapter, as after a restart.
        need: something that the shop has.
        orders: how many orders the shop itself counts.
        journal: of one attempt, on the shop's clock.
        looks: whether the shop can be asked about an order.
    """

    shop: Callable[[], RetailerPort]
    need: Need
    orders: Callable[[], int]
    journal: Callable[[], Journal] = lambda: Journal(lambda: NOW)
    looks: bool = True


class WithoutRest(httpx.BaseTransport):
    """The real network, to a shop whose profile names no REST: what is left is MCP."""

    def __init__(self) -> None:
        self._wire = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._wire.handle_request(request)
        if not request.url.path.startswith("/.well-known/") and "/.well-known/" not in request.url.path:
            return response
        body = response.read().replace(b'"transport":"rest"', b'"transport":"none"')
        headers = [(n, v) for n, v in response.headers.raw if not n.lower().startswith((b"content-", b"sig"))]
        return httpx.Response(response.status_code, headers=headers, content=body)

    def close(self) -> None:
        self._wire.close()


@pytest.fixture(scope="module")
def us(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Us]:
    """One edge for all tests."""
    made = Us(tmp_path_factory.mktemp("us"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One sandbox retailer for all tests; its origin."""
    with open_sandbox(tmp_path_factory.mktemp("shop")) as origin:
        yield origin


def a_fake(_house: House | None) -> Counter:
    """What the tests of ordering buy from."""
    shop = NamesItsPrice(iter([(2490, "EUR")] * 9))
    return Counter(lambda: shop, WANTED, lambda: len(shop.bought))


def a_forgetful_shop(_house: House | None) -> Counter:
    """What the laws buy from, through our client."""
    shop = ForgetfulShop(Fate())
    client = ShopClient({}, httpx.MockTransport(shop))
    account = Account(SITE, "pay-1", "tok")
    make = partial(UcpRetailer, account, client, lambda: NOW, Identity("https://home.test"))
    return Counter(make, WANTED, lambda: len(shop.completes), looks=False)


def a_feed(house: House) -> Counter:
    """A retailer that reads its orders."""
    _priced(house, RetailerKind.FEED)
    quotes = PriceListQuotes(house.database, RETAILER, 390, lambda: NOW)
    make = partial(FeedRetailer, house.database, RETAILER, quotes, ACKNOWLEDGE_WITHIN, lambda: NOW)
    return Counter(make, WANTED, lambda: _booked(house))


def a_supplier(house: House) -> Counter:
    """A supplier that takes cXML."""
    _priced(house, RetailerKind.CXML)
    supplier = CxmlSupplier()
    wire = ShopClient({}, httpx.MockTransport(supplier))
    names = (("NetworkId", "AN01"), ("NetworkId", "AN02"), ("NetworkId", "AN01"))
    quotes = PriceListQuotes(house.database, RETAILER, 390, lambda: NOW)
    account = CxmlAccount(*names, "s3cret", "CC7")
    url = "https://s.test/cxml"
    make = partial(
        CxmlRetailer, house.database, RETAILER, url, account, quotes, ACKNOWLEDGE_WITHIN, wire, lambda: NOW
    )
    return Counter(make, WANTED, lambda: len(supplier.orders))


def _priced(house: House, kind: RetailerKind) -> None:
    with house.database.write() as session:
        session.get_one(Retailer, RETAILER).kind = kind
        session.flush()
        import_prices(session, RETAILER, PRICES, NOW)


def _booked(house: House) -> int:
    with house.database.read() as session:
        return len(session.exec(select(BookOrder)).all())


KEEPS_NOTHING = ("fake", "forgetful")
"""Fakes that sell whatever is asked for, and repeat an act that is repeated."""
BY_NAME: dict[str, Callable[[Any], Counter]] = {
    "fake": a_fake,
    "forgetful": a_forgetful_shop,
    "feed": a_feed,
    "cxml": a_supplier,
}
ALL = [*BY_NAME, f"sandbox {RELEASES[0].date}", f"sandbox {RELEASES[-1].date}", "sandbox mcp"]
REAL = [name for name in ALL if name not in KEEPS_NOTHING]


@pytest.fixture
def counter(request: pytest.FixtureRequest) -> Iterator[Counter]:
    """The shop of that name."""
    if request.param in BY_NAME:
        house = None if request.param in KEEPS_NOTHING else request.getfixturevalue("house")
        yield BY_NAME[request.param](house)
        return
    origin: str = request.getfixturevalue("sandbox")
    edge: Us = request.getfixturevalue("us")
    is_mcp = request.param == "sandbox mcp"
    release = next((r for r in RELEASES if r.date in request.param), RELEASES[0])
    with ExitStack() as stack:
        client = ShopClient({}, WithoutRest() if is_mcp else None, loopback=True)
        stack.callback(client.close)
        make = partial(retailer, origin, client, edge, release)
        if is_mcp:
            assert make().connection.business().transport == "mcp"

        def orders() -> int:
            return len(httpx.get(f"{origin}/testing/orders", trust_env=False).json())

        yield Counter(make, NEED, orders, lambda: Journal(now))


@pytest.mark.parametrize("counter", REAL, indirect=True)
def test_asking_twice_is_one_offer(counter: Counter) -> None:
    """The journal remembers; nothing is bought by asking."""
    before, journal = counter.orders(), counter.journal()
    first = counter.shop().quote(counter.need, journal)
    assert isinstance(first, Quote), first
    again = counter.shop().quote(counter.need, journal)
    assert isinstance(again, Quote), again
    assert (again.checkout_id, again.total_minor) == (first.checkout_id, first.total_minor)
    assert counter.orders() == before


@pytest.mark.parametrize("counter", ALL, indirect=True)
def test_an_offer_that_is_placed_is_one_order_at_its_price(counter: Counter) -> None:
    """By the shop's own count."""
    before, journal = counter.orders(), counter.journal()
    quote = counter.shop().quote(counter.need, journal)
    assert isinstance(quote, Quote), quote
    placed = counter.shop().place(quote, journal)
    assert isinstance(placed, Placed), placed
    assert (placed.total_minor, placed.currency) == (quote.total_minor, quote.currency)
    assert counter.orders() == before + 1
    if counter.looks:
        seen = counter.shop().read_order(placed.retailer_order_id)
        assert seen.retailer_order_id == placed.retailer_order_id


@pytest.mark.parametrize("counter", REAL, indirect=True)
def test_placing_twice_is_one_order(counter: Counter) -> None:
    """Also by a worker that has just been started."""
    before, journal = counter.orders(), counter.journal()
    quote = counter.shop().quote(counter.need, journal)
    assert isinstance(quote, Quote), quote
    placed = counter.shop().place(quote, journal)
    assert isinstance(placed, Placed), placed
    assert counter.shop().place(quote, journal) == placed
    assert counter.orders() == before + 1


@pytest.mark.parametrize("counter", ALL, indirect=True)
def test_a_closed_journal_buys_nothing(counter: Counter) -> None:
    """The order was canceled between the offer and the buying."""
    before, journal = counter.orders(), counter.journal()
    quote = counter.shop().quote(counter.need, journal)
    assert isinstance(quote, Quote), quote
    journal.closed = True
    with pytest.raises(JournalClosed):
        counter.shop().place(quote, journal)
    assert counter.orders() == before


@pytest.mark.parametrize("counter", ALL, indirect=True)
def test_an_offer_that_is_given_up_becomes_no_order(counter: Counter) -> None:
    """Nothing more is to be done about it."""
    before, journal = counter.orders(), counter.journal()
    quote = counter.shop().quote(counter.need, journal)
    assert isinstance(quote, Quote), quote
    assert counter.shop().retire(quote.checkout_id, journal) is None
    assert counter.orders() == before


@pytest.mark.parametrize("counter", REAL, indirect=True)
def test_what_was_bought_is_found_when_it_is_given_up(counter: Counter) -> None:
    """A person, or a worker that died, may have finished it."""
    before, journal = counter.orders(), counter.journal()
    quote = counter.shop().quote(counter.need, journal)
    assert isinstance(quote, Quote), quote
    placed = counter.shop().place(quote, journal)
    found = counter.shop().retire(quote.checkout_id, counter.journal())
    assert isinstance(found, Placed), found
    assert isinstance(placed, Placed)
    assert found.retailer_order_id == placed.retailer_order_id
    assert counter.orders() == before + 1


@pytest.mark.parametrize("counter", REAL, indirect=True)
def test_what_is_not_sold_is_no_offer(counter: Counter) -> None:
    """A person reads why."""
    nothing = replace(counter.need, lines=(Line("no-such-thing", 1),))
    outcome = counter.shop().quote(nothing, counter.journal())
    assert isinstance(outcome, Trouble), outcome


@pytest.mark.parametrize("counter", REAL, indirect=True)
def test_an_order_that_nobody_placed_is_not_there(counter: Counter) -> None:
    """It is never taken for another."""
    with pytest.raises(TryLater):
        counter.shop().read_order("no-such-order")


@pytest.mark.parametrize("template", [None, "https://shop.test/cart/{lines:id:qty}"])
def test_where_only_a_person_can_buy_nothing_is_ever_placed(template: str | None) -> None:
    """Cart and list: a hand-over instead of an offer, and nothing to close or to ask about."""
    shop: RetailerPort = HandOffRetailer(template, "https://shop.test")
    journal = Journal(lambda: NOW)
    offer = shop.quote(WANTED, journal)
    assert isinstance(offer, HandOff)
    assert offer.tier is (Tier.LIST if template is None else Tier.CART)
    assert isinstance(shop.place(Quote("x", 1, "EUR", None), journal), Trouble)
    assert shop.retire("x", journal) is None
    assert journal.calls == {}
    with pytest.raises(TryLater):
        shop.read_order("x")
