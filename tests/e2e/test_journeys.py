"""The three journeys, each over a real broker, the real firmware in the VM, and a real HTTP retailer."""

import re

import pytest

from replenish_server.households.mandate import Mode
from tests.e2e.conftest import Home, Until

pytestmark = [pytest.mark.broker, pytest.mark.vm]


def test_a_level_running_low_becomes_one_order_that_a_refill_closes(home: Home, until: Until) -> None:
    """LEVEL -> ORDER: low readings order once; shipped, delivered; the refill closes it."""
    device = home.add("level")
    device.set_load_g(250)
    device.start()
    placed = until(lambda: home.order_in("level", "placed"), "an order is placed")
    assert ("level", "det-1500", 1) == (placed.trigger, placed.item_id, placed.packs)
    home.shop(f"/testing/ship/{placed.retailer_order_id}")
    until(lambda: home.order_in("level", "shipped"), "the order is shipped")
    home.shop(f"/testing/deliver/{placed.retailer_order_id}")
    until(lambda: home.order_in("level", "delivered"), "the order is delivered")
    device.set_load_g(250 + 1400)
    until(lambda: home.order_in("level", "closed"), "the refill closes the order")
    way = ["cooling_off", "placing", "placed", "shipped", "delivered", "closed"]
    assert way == home.history(placed.id)
    assert [placed.retailer_order_id] == [order["id"] for order in home.shop_orders()]
    assert re.search(r"2[45]\d\sg are left", home.page(f"/orders/{placed.id}"))


def test_a_press_becomes_one_order_and_the_button_shows_it(home: Home, until: Until) -> None:
    """PRESS -> ORDER: the button lights "placed"; pressed again while one is open, "already"."""
    button = home.add("button")
    button.start()
    button.press()
    placed = until(lambda: home.order_in("button", "placed"), "an order is placed")
    until(lambda: home.answers("button") == ["placed"], "the button shows placed")
    button.press()
    until(lambda: home.answers("button") == ["placed", "already"], "the second press shows already")
    assert ("press", 1) == (placed.trigger, placed.packs)
    assert [placed.retailer_order_id] == [order["id"] for order in home.shop_orders()]
    until(lambda: button.pending() == 0, "the button has let go of its records")
    assert "The button was pressed." in home.page(f"/orders/{placed.id}")


def test_a_threshold_reaches_the_device_and_the_page_says_when(home: Home, until: Until) -> None:
    """THRESHOLD -> DEVICE: pending until the device reports, then in force; limited where it clamps."""
    device = home.add("level", mode=Mode.ASK, capacity_g=1000)  # the board knows a smaller jug than the page
    device.set_load_g(900)
    slot = f"/slots/{home.slots['level']}"
    answer = home.submit(f"{slot}/rules", threshold="420", mode="ask", price_cap="30.00")
    assert 303 == answer.status_code
    assert 'data-twin="pending"' in home.page(slot)
    device.start()
    until(lambda: 'data-twin="in_force"' in home.page(slot), "the page says in force")
    home.submit(f"{slot}/rules", threshold="1400", mode="ask", price_cap="30.00")
    until(lambda: 'data-twin="limited"' in home.page(slot), "the page says limited by the device")
