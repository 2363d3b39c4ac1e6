"""Where a person decides: asking first, a price over the cap, no; and a retailer that is away."""

import pytest
from playwright.sync_api import sync_playwright

from replenish_server.households.mandate import Mode
from tests.e2e.conftest import Home, Until, chromium_path

pytestmark = [pytest.mark.broker, pytest.mark.vm]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]


@pytest.mark.browser
def test_ask_first_waits_for_a_click_on_a_phone(home: Home, until: Until) -> None:
    """A press in "ask me first" lights "waiting"; a tap on the priced button orders; the device hears it."""
    button = home.add("button", mode=Mode.ASK)
    button.start()
    button.press()
    order = until(lambda: _quoted(home), "the order is quoted and waits")
    until(lambda: home.answers("button") == ["waiting"], "the button shows waiting")
    assert [] == home.shop_orders()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.goto(f"{home.base}/orders/{order.id}")
        page.get_by_role("button", name="obligation to pay").click()
        page.wait_for_url("**notice=approved")
        browser.close()
    until(lambda: home.order_in("button", "placed"), "the order is placed")
    assert 1 == len(home.shop_orders())


def test_a_price_over_the_cap_buys_nothing_until_a_person_agrees(home: Home, until: Until) -> None:
    """The retailer raised its price: nothing is bought, the page says why, a person may agree to it."""
    home.shop("/testing/price", item_id="filter-3", price_minor=9900)
    button = home.add("button", cap=3000)
    button.start()
    button.press()
    order = until(lambda: home.order_in("button", "needs_attention"), "the order needs attention")
    assert ("price_over_cap", None) == (order.problem, order.retailer_order_id)
    assert [] == home.shop_orders()
    text = home.page(f"/orders/{order.id}")
    assert "over what you allow" in text
    offer = text.split('name="offer" value="')[1].split('"')[0]
    assert 303 == home.submit(f"/orders/{order.id}/approve", offer=offer).status_code
    placed = until(lambda: home.order_in("button", "placed"), "the approved price is ordered")
    assert placed.total_minor == order.quoted_minor
    assert 1 == len(home.shop_orders())


def test_no_means_no(home: Home, until: Until) -> None:
    """A canceled request never reaches the retailer, and the slot is free for the next press."""
    button = home.add("button", mode=Mode.ASK)
    button.start()
    button.press()
    order = until(lambda: _quoted(home), "the order is quoted and waits")
    assert 303 == home.submit(f"/orders/{order.id}/cancel").status_code
    until(lambda: home.order_in("button", "canceled"), "the order is canceled")
    button.press()
    until(lambda: len(home.orders("button")) == 2, "the next press opens a new request")
    assert [] == home.shop_orders()


def test_a_retailer_that_accepts_and_hangs_up_gets_one_order(home: Home, until: Until) -> None:
    """The connection closes after the order was accepted: looked up, not ordered again."""
    home.shop("/testing/faults", complete=[{"kind": "accept_then_close", "share": 1.0, "times": 1}], seed=1)
    button = home.add("button")
    button.start()
    button.press()
    placed = until(lambda: home.order_in("button", "placed"), "the order is found to be placed")
    assert [placed.retailer_order_id] == [order["id"] for order in home.shop_orders()]


def _quoted(home: Home) -> object:
    order = home.order_in("button", "needs_approval")
    return order if order is not None and order.quoted_minor is not None else None
