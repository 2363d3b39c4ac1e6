"""Choosing a product and a way of delivery, through the page, on a real database and a scripted shop."""

from collections.abc import AsyncIterator

import httpx
import pytest

from replenish_server.fleet.tables import Slot
from replenish_server.households.mandate import AcceptedProduct, Mandate, Mode, Substitution
from replenish_server.households.tables import SlotFulfilment
from replenish_server.ordering.fulfilment import FulfilmentChoice, fulfilment_of
from replenish_server.ordering.orders import create_order
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.quantity import acceptable_offers, choose_quantity
from replenish_server.retailers.http import ShopClient
from replenish_server.retailers.port import PickUp, ShipTo
from replenish_server.retailers.prices import known_price
from replenish_server.retailers.ucp.connection import Connection, Identity
from replenish_server.retailers.ucp.shelf import UcpShelf
from replenish_server.web.products import DatabaseProducts
from replenish_server.web.products_routes import build_products_router
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import NOW, RETAILER, House
from tests.fakes.retailer_merchant import API, SESSION, SITE, Merchant, checkout, hangs, profile, says
from tests.support.page_browser import open_browser
from tests.unit.retailers.test_ucp_shelf import CANCEL, CREATE, LOOKUP, SEARCH, page, pickup, variant

SOAP = variant("soap-2", title="Soap 2 kg", unit_price={"measure": {"value": 2, "unit": "kg"}})
HOME = ShipTo("1 Main Street", "Bonn", "53111", "DE")


@pytest.fixture
def merchant() -> Merchant:
    """A shop with one soap on its shelf and two places to fetch it."""
    more = {f"dev.ucp.shopping.catalog.{n}": [{"version": "2026-04-08"}] for n in ("search", "lookup")}
    capabilities = profile()["ucp"]["capabilities"] | more
    return (
        Merchant()
        .on(f"GET {SITE}/.well-known/ucp", says(profile(capabilities=capabilities)))
        .on(SEARCH, says(page(SOAP, variant("soap-x", title="Soap, some"))))
        .on(LOOKUP, says(page(SOAP, variant("soap-x", title="Soap, some"))))
        .on(CREATE, says(checkout("incomplete", fulfillment=pickup()), 201))
        .on(CANCEL, says(checkout("canceled")))
    )


@pytest.fixture
async def client(house: House, merchant: Merchant) -> AsyncIterator[httpx.AsyncClient]:
    """A browser on the house's pages."""
    clock = ManualClock(NOW)
    shop = ShopClient({}, httpx.MockTransport(merchant))
    shelf = UcpShelf(Connection(SITE, shop, Identity("https://home.test")), clock.now)
    products = DatabaseProducts(house.database, lambda _: shelf, clock, lambda: None)
    async with open_browser(house, clock, build_products_router(products)) as made:
        yield made
    shop.close()


def kept(house: House) -> tuple[str, str, int]:
    """What the level's slot buys: id, name, base units."""
    with house.database.read() as session:
        slot = session.get_one(Slot, house.slots["level-1"])
        return slot.item_id, slot.product_name, slot.pack_amount


def ways(house: House) -> FulfilmentChoice:
    """How the next order of the level's slot would come."""
    new = house.order_of(house.slots["level-1"])
    with house.database.write() as session:
        order_id = create_order(session, new, NOW)
        found = fulfilment_of(session, session.get_one(PurchaseOrder, order_id))
        session.rollback()
    return found


async def test_a_product_is_found_compared_and_chosen(house: House, client: httpx.AsyncClient) -> None:
    """Its content is the shop's word; without one, a person's."""
    here = f"/slots/{house.slots['level-1']}/product"
    found = (await client.get(here, params={"q": "soap"})).text
    assert "Soap 2 kg" in found
    assert "€5.00 per" in found
    assert (await client.post(here, data={"item": "soap-2"})).status_code == 303
    assert kept(house) == ("soap-2", "Soap 2 kg", 2_000_000)
    refused = await client.post(here, data={"item": "soap-x", "q": "soap"})
    assert (refused.status_code, "how much is in a pack" in refused.text) == (409, True)
    assert (await client.post(here, data={"item": "soap-x", "pack": "750"})).status_code == 303
    assert kept(house) == ("soap-x", "Soap, some", 750_000)


async def test_prices_of_a_search_compare_packs_before_anything_was_ordered(
    house: House, client: httpx.AsyncClient, merchant: Merchant
) -> None:
    """The list's second pack is cheaper by the kilogram: it is what the first order would be of."""
    products = (
        AcceptedProduct(RETAILER, "soap-1", "Soap 1 kg", 1_000_000),
        AcceptedProduct(RETAILER, "soap-2", "Soap 2 kg", 2_000_000),
    )
    mandate = Mandate(Mode.AUTO, None, "EUR", products=products, substitution=Substitution.FROM_LIST)

    def chosen() -> str:
        with house.database.read() as session:
            rows = [known_price(session, RETAILER, p.item_id) for p in products]
        prices = {
            (str(RETAILER), row.item_id): (row.price_minor, row.currency, row.at) for row in rows if row
        }
        return choose_quantity(2_000_000, acceptable_offers(mandate, prices)).offer.item_id

    assert chosen() == "soap-1"
    small = variant("soap-1", title="Soap 1 kg", unit_price={"measure": {"value": 1, "unit": "kg"}})
    merchant.on(SEARCH, says(page(small, SOAP)))
    here = f"/slots/{house.slots['level-1']}/product"
    assert (await client.get(here, params={"q": "soap"})).status_code == 200
    assert chosen() == "soap-2"


@pytest.mark.parametrize("pack", ["0", "-1", "many", "9" * 20])
async def test_what_is_no_content_changes_nothing(house: House, client: httpx.AsyncClient, pack: str) -> None:
    """Nor does an id that the shop does not know."""
    here, before = f"/slots/{house.slots['level-1']}/product", kept(house)
    for item in ("soap-x", "nothing", ""):
        assert (await client.post(here, data={"item": item, "pack": pack})).status_code == 409
    assert kept(house) == before


async def test_a_silent_shop_is_said_so_and_changes_nothing(
    house: House, client: httpx.AsyncClient, merchant: Merchant
) -> None:
    """In both languages, with what to do."""
    here, before = f"/slots/{house.slots['level-1']}/product", kept(house)
    merchant.on(SEARCH, hangs).on(LOOKUP, hangs)
    assert "does not answer" in (await client.get(here, params={"q": "soap"})).text
    korean = await client.post(here, data={"item": "soap-2"}, headers={"accept-language": "ko"})
    assert (korean.status_code, "응답하지 않아" in korean.text) == (409, True)
    assert kept(house) == before


async def test_a_place_is_chosen_and_the_next_order_is_fetched_there(
    house: House, client: httpx.AsyncClient, merchant: Merchant
) -> None:
    """With the parcel as the other way, or the reverse, or neither."""
    slot = house.slots["level-1"]
    assert (await client.get(f"/slots/{slot}/product", params={"places": "1"})).text.count("Mitte") == 1
    send = f"/slots/{slot}/delivery"
    assert (await client.post(send, data={"way": "pickup"})).status_code == 409
    assert (await client.post(send, data={"way": "pickup", "place": "loc_9"})).status_code == 409
    chosen = {"way": "pickup", "place": "loc_7", "fallback": "1"}
    assert (await client.post(send, data=chosen)).status_code == 303
    assert ways(house) == (PickUp("loc_7"), HOME)
    merchant.on(CREATE, hangs)  # the place is known by now, and nobody asks again
    assert (await client.post(send, data={"way": "ship", "fallback": "1"})).status_code == 303
    assert ways(house) == (HOME, PickUp("loc_7"))
    assert (await client.post(send, data={"way": "ship"})).status_code == 303
    assert ways(house) == (HOME, None)
    with house.database.read() as session:
        assert session.get_one(SlotFulfilment, slot).location_name == "Mitte"
    assert f"GET {SESSION}" not in {f"{r.method} {r.url}" for r in merchant.requests}
    assert not merchant.sent(f"POST {API}/checkout-sessions/chk_1/complete")
