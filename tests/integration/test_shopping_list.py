"""The shopping list on a real database: what is to buy stands there, is ticked once, and leaves it."""

import csv
from collections.abc import AsyncIterator

import httpx
import pytest

from replenish_server.households.ledger import spending_of
from replenish_server.ordering.dispatch import Dispatcher
from replenish_server.ordering.orders import create_order
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.retailers.handoff.adapter import HandOffRetailer
from replenish_server.web.shopping import DatabaseShopping
from replenish_server.web.shopping_routes import build_shopping_router
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import HOUSEHOLD, NOW, House
from tests.support.page_browser import open_browser


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A browser on the house's own pages."""
    clock = ManualClock(NOW)
    shopping = DatabaseShopping(house.database, clock, lambda: None)
    async with open_browser(house, clock, build_shopping_router(shopping)) as made:
        yield made


def hand_over(house: House, device: str, template: str | None) -> str:
    """An order that a person has to buy."""
    new = house.order_of(house.slots[device])
    with house.database.write() as session:
        order_id = create_order(session, new, NOW)
    shop = HandOffRetailer(template, "https://shop.example")
    Dispatcher(house.database, lambda _: shop, ManualClock(NOW)).run()
    return order_id


def state(house: House, order_id: str) -> str:
    """Where the order is."""
    with house.database.read() as session:
        return session.get_one(PurchaseOrder, order_id).state


async def test_what_is_to_buy_stands_on_the_list_and_is_ticked_once(
    house: House, client: httpx.AsyncClient
) -> None:
    """From a button's order to a free slot."""
    order_id = hand_over(house, "button-1", None)
    text = (await client.get("/shopping-list")).text
    assert "Detergent 1 kg" in text
    assert "2 packs" in text
    assert "no way to order here" in text
    assert "주문할 방법이 없어" in (await client.get("/shopping-list?lang=ko")).text
    await client.get("/shopping-list?lang=en")
    answer = await client.post(f"/orders/{order_id}/bought")
    assert (303, "/shopping-list?notice=bought") == (answer.status_code, answer.headers["location"])
    assert "closed" == state(house, order_id)
    again = await client.post(f"/orders/{order_id}/bought")
    assert 409 == again.status_code
    assert "no longer to be bought" in again.text
    assert 404 == (await client.post("/orders/ord-nobody/arrived")).status_code


async def test_a_cart_is_opened_bought_and_arrives(house: House, client: httpx.AsyncClient) -> None:
    """The order's own page offers the same, and says so after each step."""
    order_id = hand_over(house, "level-1", "https://shop.example/cart/{lines:id:qty}")
    text = (await client.get("/shopping-list")).text
    assert 'href="https://shop.example/cart/det-1kg:2"' in text
    wrong = await client.post(f"/orders/{order_id}/bought", data={"paid": "much"})
    assert "That is no amount" in wrong.text
    assert "needs_approval" == state(house, order_id)
    await client.post(f"/orders/{order_id}/bought", data={"paid": "18,90"})
    assert "placed" == state(house, order_id)
    with house.database.read() as session:
        assert 1890 == spending_of(session, HOUSEHOLD, NOW).settled_minor  # it counts in the month's budget
    assert "It has arrived" in (await client.get("/shopping-list")).text
    await client.post(f"/orders/{order_id}/arrived")
    assert "delivered" == state(house, order_id)
    assert "Nothing to buy." in (await client.get("/shopping-list")).text


async def test_exports_say_the_same_and_hold_no_formulas(house: House, client: httpx.AsyncClient) -> None:
    """A product's name comes from a shop; a spreadsheet must not run it."""
    order_id = hand_over(house, "level-1", "https://shop.example/cart/{lines:id:qty}")
    with house.database.write() as session:
        session.get_one(PurchaseOrder, order_id).product_name = '=HYPERLINK("http://x","y")'
    text = (await client.get("/shopping-list.txt")).text
    assert text.startswith("[ ] 2 x =HYPERLINK")
    answer = await client.get("/shopping-list.csv")
    rows = list(csv.reader(answer.content.decode("utf-8-sig").splitlines()))
    assert ["product", "packs", "for", "shop", "link"] == rows[0]
    assert [
        '\'=HYPERLINK("http://x","y")',
        "2",
        "Box",
        "Shop",
        "https://shop.example/cart/det-1kg:2",
    ] == rows[1]


async def test_a_tick_from_another_site_changes_nothing(house: House, client: httpx.AsyncClient) -> None:
    """As every form here."""
    order_id = hand_over(house, "button-1", None)
    answer = await client.post(f"/orders/{order_id}/bought", headers={"sec-fetch-site": "cross-site"})
    assert 403 == answer.status_code
    assert "needs_approval" == state(house, order_id)
