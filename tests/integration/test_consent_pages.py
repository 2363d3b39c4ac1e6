"""Signing limits for a shop in the page: nothing without a tick or beyond sense, and gone when revoked."""

from collections.abc import AsyncIterator

import httpx
import pytest

from replenish_server.retailers.http import ShopClient
from replenish_server.retailers.instruments import instruments_of
from replenish_server.retailers.tables import OpenMandate, Retailer
from replenish_server.retailers.ucp.connection import Connection, Identity
from replenish_server.retailers.ucp.mandates import MandateBook, mandates_of
from replenish_server.web.consents import DatabaseConsents
from replenish_server.web.consents_routes import build_consents_router
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import HOUSEHOLD, NOW, RETAILER, House
from tests.fakes.retailer_merchant import SITE, Merchant, hangs, profile, says
from tests.support.page_browser import open_browser
from tests.unit.retailers.test_ap2 import keys

DISCOVER = f"GET {SITE}/.well-known/ucp"
GOOD = {"shop": RETAILER, "most": "30", "budget": "200", "orders": "12", "days": "180", "agree": "1"}


@pytest.fixture
def merchant() -> Merchant:
    """A shop that offers AP2."""
    names = profile()["ucp"]["capabilities"] | {"dev.ucp.shopping.ap2_mandate": [{"version": "2026-04-08"}]}
    return Merchant().on(DISCOVER, says(profile(capabilities=names)))


@pytest.fixture
async def client(house: House, merchant: Merchant) -> AsyncIterator[httpx.AsyncClient]:
    """A browser on the house's pages."""
    clock = ManualClock(NOW)
    shop = ShopClient({}, httpx.MockTransport(merchant))
    book = MandateBook(house.database, keys(), clock.now)

    def line(_: object) -> Connection:
        return Connection(SITE, shop, Identity("https://home.test"))

    consents = DatabaseConsents(house.database, line, book, clock)
    async with open_browser(house, clock, build_consents_router(consents)) as made:
        yield made
    shop.close()


def signed(house: House) -> list[OpenMandate]:
    """What the household signed and did not revoke."""
    with house.database.read() as session:
        return [mandate for mandate in mandates_of(session, HOUSEHOLD) if mandate.revoked_at is None]


async def test_limits_are_signed_shown_replaced_and_revoked(house: House, client: httpx.AsyncClient) -> None:
    """In a sentence that names the numbers, in both languages."""
    assert "Takes signed limits" in (await client.get("/shops")).text
    assert (await client.post("/shops/sign", data=GOOD)).status_code == 303
    shown = (await client.get("/shops")).text
    assert "Detergent 1 kg. At most €30.00 an order, €200.00 and 12 orders in all." in shown
    korean = (await client.get("/shops", headers={"accept-language": "ko"})).text
    assert "한 번에 최대 €30.00" in korean
    (first,) = signed(house)
    assert first.terms["max_minor"] == 3000
    assert (await client.post("/shops/sign", data=GOOD | {"most": "10"})).status_code == 303
    (second,) = signed(house)
    assert second.id != first.id
    assert (await client.post("/shops/revoke", data={"mandate": second.id})).status_code == 303
    assert signed(house) == []
    assert (await client.post("/shops/revoke", data={"mandate": second.id})).status_code == 409


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"agree": ""}, "Tick that you agree"),
        ({"most": ""}, "amounts above zero"),
        ({"most": "201"}, "amounts above zero"),
        ({"most": "-1"}, "amounts above zero"),
        ({"orders": "0"}, "amounts above zero"),
        ({"orders": "1001"}, "amounts above zero"),
        ({"days": "367"}, "1 to 366 days"),
        ({"days": "x"}, "1 to 366 days"),
        ({"shop": "nowhere"}, "no such shop"),
    ],
)
async def test_what_makes_no_sense_is_not_signed(
    house: House, client: httpx.AsyncClient, change: dict[str, str], why: str
) -> None:
    """And the page says what to do."""
    answer = await client.post("/shops/sign", data=GOOD | change)
    assert (answer.status_code, why in answer.text) == (409, True)
    assert signed(house) == []


async def test_a_shop_that_offers_nothing_or_is_silent_is_named_so(
    client: httpx.AsyncClient, merchant: Merchant
) -> None:
    """Without a form."""
    for script, words in ((says(profile()), "Takes no signed limits"), (hangs, "Does not answer now")):
        merchant.on(DISCOVER, script)
        shown = (await client.get("/shops")).text
        assert words in shown
        assert 'action="/shops/sign"' not in shown


async def test_ways_to_pay_are_added_ordered_and_removed_in_the_page(
    house: House, client: httpx.AsyncClient
) -> None:
    """The token goes in and never comes out again."""
    new = {"shop": RETAILER, "name": "Giro 0815", "handler": "pay-1", "token": "tok-very-secret"}
    assert (await client.post("/shops/pay/add", data=new)).status_code == 303
    text = (await client.get("/shops")).text
    assert text.index("pay-1") < text.index("Giro 0815")
    assert "tok-" not in text
    again = await client.post("/shops/pay/add", data=new)
    assert "There is one of this name already" in again.text
    assert "tok-very-secret" not in again.text
    wish = {"shop": RETAILER, "name": "Giro 0815"}
    assert (await client.post("/shops/pay/first", data=wish)).status_code == 303
    with house.database.read() as session:
        retailer = session.get_one(Retailer, RETAILER)
        assert [one.name for one in instruments_of(session, retailer)] == ["Giro 0815", "pay-1"]
    gone = {"shop": RETAILER, "name": "pay-1"}
    assert (await client.post("/shops/pay/remove", data=gone)).status_code == 303
    assert "needs one way to pay" in (await client.post("/shops/pay/remove", data=wish)).text
    korean = await client.get("/shops", headers={"accept-language": "ko"})
    assert "결제 수단" in korean.text
    foreign = await client.post("/shops/pay/first", data={"shop": "shop-other", "name": "x"})
    assert "no such way to pay" in foreign.text
