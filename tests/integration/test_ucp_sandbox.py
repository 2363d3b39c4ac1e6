"""Our UCP client against the sandbox retailer, which has its own reading of the protocol: every release, both
ways of fulfilment, signatures in both directions, and mandates."""

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from replenish_server.retailers.http import ShopClient
from replenish_server.retailers.port import (
    PickUp,
    Placed,
    Problem,
    Progress,
    Quote,
    Trouble,
)
from replenish_server.retailers.ucp import RELEASES
from replenish_server.retailers.ucp.ap2 import Terms
from replenish_server.retailers.ucp.mandates import BookedMandates, Keys, MandateBook
from replenish_server.retailers.ucp.release import Release
from replenish_server.retailers.ucp.shelf import UcpShelf
from replenish_server.retailers.ucp.webhooks import Delivery, verify_delivery
from tests.fakes.retailer_house import HOUSEHOLD, RETAILER, House
from tests.support.mortal_house import wait_until
from tests.support.sandbox import HOME, NEED, Journal, Us, now, open_sandbox, retailer


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


@pytest.fixture
def client() -> Iterator[ShopClient]:
    """Over real sockets."""
    made = ShopClient({}, loopback=True)
    yield made
    made.close()


@pytest.mark.parametrize("release", RELEASES, ids=lambda r: r.date)
def test_an_order_is_placed_followed_and_told_in_every_release(
    sandbox: str, client: ShopClient, us: Us, release: Release
) -> None:
    """The shop believes our signatures, and we its webhooks."""
    shop = retailer(sandbox, client, us, release)
    assert shop.connection.business().release is release
    journal = Journal(now)
    quote = shop.quote(NEED, journal)
    assert isinstance(quote, Quote), quote
    assert (quote.subtotal_minor, quote.fulfilment) == (1598, HOME)
    placed = shop.place(quote, journal)
    assert isinstance(placed, Placed), placed
    assert shop.place(quote, journal) == placed

    def told() -> list[Delivery]:
        return [d for d in us.received if placed.retailer_order_id.encode() in d.body]

    assert wait_until(told)
    snapshot = verify_delivery(told()[0], shop.connection, now())
    assert (snapshot.retailer_order_id, snapshot.progress) == (placed.retailer_order_id, Progress.PROCESSING)


def test_goods_are_searched_and_fetched_and_sent_when_the_store_is_out(
    sandbox: str, client: ShopClient, us: Us
) -> None:
    """The shop's own reason is kept."""
    shop = retailer(sandbox, client, us)
    shelf = UcpShelf(shop.connection, now)
    assert "det-1500" in {article.item_id for article in shelf.search("washing", "DE")}
    place = shelf.locations(NEED)[0]
    fetched = replace(NEED, fulfilment=PickUp(place.location_id), fallback=HOME)
    journal = Journal(now)
    quote = shop.quote(fetched, journal)
    assert isinstance(quote, Quote), quote
    assert quote.fulfilment == PickUp(place.location_id)
    assert isinstance(shop.place(quote, journal), Placed)
    empty = {"item_id": "det-1500", "location_id": place.location_id, "stock": 0}
    assert httpx.post(f"{sandbox}/testing/stock", json=empty, trust_env=False).status_code == 200
    instead = shop.quote(fetched, Journal(now))
    assert isinstance(instead, Quote), instead
    assert instead.fulfilment == HOME
    assert instead.fallback_reason


@pytest.mark.parametrize("release", RELEASES[:2], ids=lambda r: r.date)
def test_signed_limits_let_an_order_leave_and_stop_the_one_beyond(
    sandbox: str, client: ShopClient, us: Us, house: House, release: Release
) -> None:
    """The shop checks both mandates with the keys of our profile; we check its word on every checkout."""
    signing = Keys(us.household.signer, us.keys.signer, us.keys.find)
    book = MandateBook(house.database, signing, now)
    at = int(now().timestamp())
    items = (("det-1500", "Detergent"),)
    terms = Terms(
        sandbox, "Shop", items, "EUR", 2000, 3000, 5, "success_token", "sandbox_pay", at, at + 86400
    )
    book.sign(HOUSEHOLD, RETAILER, terms, "Ada")
    shop = retailer(sandbox, client, us, release, BookedMandates(book, RETAILER))
    assert shop.connection.is_locked()
    journal = Journal(now)
    quote = shop.quote(NEED, journal)
    assert isinstance(quote, Quote), quote
    assert quote.permitted
    assert isinstance(shop.place(quote, journal), Placed)
    journal = Journal(now)
    second = shop.quote(NEED, journal)
    assert isinstance(second, Quote), second
    refused = shop.place(second, journal)
    assert isinstance(refused, Trouble), refused
    assert (refused.problem, "3976 is more than 3000" in refused.detail) == (Problem.NO_AGREEMENT, True)


GRAVE = {"type": "error", "code": "x", "severity": "unrecoverable", "content": "no"}


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ({"lies_in_total_minor": -100}, Problem.UNREADABLE),
        ({"lies_in_total_minor": 100}, Problem.UNREADABLE),
        ({"adjusts_quantity": True}, Problem.ITEM_UNAVAILABLE),
        ({"says": [GRAVE]}, Problem.RETAILER_REFUSED),
    ],
    ids=["too little", "too much", "partial stock", "a grave message"],
)
def test_what_the_shop_does_wrong_buys_nothing(
    sandbox: str, client: ShopClient, us: Us, fault: dict[str, object], problem: Problem
) -> None:
    """The levers of the sandbox, and our client: an order that is not as it was asked for never leaves."""

    def post(path: str, body: object) -> None:
        assert httpx.post(f"{sandbox}/testing/{path}", json=body, trust_env=False).status_code == 200

    post("stock", {"item_id": "det-1500", "stock": 1 if "adjusts_quantity" in fault else 50})
    post("faults", fault)
    try:
        outcome = retailer(sandbox, client, us).quote(NEED, Journal(now))
    finally:
        post("faults", {})
        post("stock", {"item_id": "det-1500", "stock": 50})
    assert isinstance(outcome, Trouble), outcome
    assert outcome.problem is problem
