"""Orders that a person finishes: they wait, are bought once, and a refill says it too."""

import pytest
from sqlmodel import select

from replenish_server.ordering.dispatch import Dispatcher
from replenish_server.ordering.handoff import record_arrived, record_bought
from replenish_server.ordering.orders import NotAllowed, create_order
from replenish_server.ordering.tables import OrderEvent, PurchaseOrder
from replenish_server.retailers.handoff.adapter import HandOffRetailer
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import NOW, House

CART = "https://shop.example/cart/{lines:id:qty}"


def handed_over(house: House, device: str, template: str | None, approved: bool = True) -> PurchaseOrder:
    """An order that met a shop without a checkout."""
    new = house.order_of(house.slots[device], approved)
    with house.database.write() as session:
        order_id = create_order(session, new, NOW)
    dispatcher = Dispatcher(
        house.database, lambda _: HandOffRetailer(template, "https://shop.example"), ManualClock(NOW)
    )
    assert 1 == dispatcher.run()
    assert 0 == dispatcher.run()  # it waits for a person, not for us
    return read(house, order_id)


def read(house: House, order_id: str) -> PurchaseOrder:
    """As stored."""
    with house.database.read() as session:
        return session.get_one(PurchaseOrder, order_id)


@pytest.mark.parametrize("approved", [True, False])
def test_a_cart_waits_is_bought_and_arrives(house: House, approved: bool) -> None:
    """Each once, with who said so."""
    order = handed_over(house, "level-1", CART, approved)
    link = "https://shop.example/cart/det-1kg:2"
    assert ("needs_approval", "cart", "only_cart", link) == (
        order.state, order.tier, order.tier_reason, order.continue_url,
    )  # fmt: skip
    with house.database.write() as session:
        record_bought(session, order.id, "Ada", NOW, 1234)
    with pytest.raises(NotAllowed), house.database.write() as session:
        record_bought(session, order.id, "Ben", NOW)
    assert ("placed", 1234) == (read(house, order.id).state, read(house, order.id).total_minor)
    with house.database.write() as session:
        record_arrived(session, order.id, "", NOW)
    assert "delivered" == read(house, order.id).state
    with house.database.read() as session:
        notes = session.exec(select(OrderEvent.note).where(OrderEvent.order_id == order.id)).all()
    assert ["", "handed over: cart", "bought by a person", "received by a person"] == notes


@pytest.mark.parametrize(("device", "state"), [("level-1", "delivered"), ("button-1", "closed")])
def test_what_is_ticked_on_the_list_is_in_the_house(house: House, device: str, state: str) -> None:
    """A button's slot is free again at once; a sensor still waits for the refill."""
    order = handed_over(house, device, None)
    assert ("list", "only_list") == (order.tier, order.tier_reason)
    with pytest.raises(NotAllowed), house.database.write() as session:
        record_arrived(session, order.id, "", NOW)
    with house.database.write() as session:
        record_bought(session, order.id, "", NOW)
    assert state == read(house, order.id).state
