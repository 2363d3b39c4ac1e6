"""What the retailer's view of an order means for ours, and what the household hears of it."""

from zoneinfo import ZoneInfo

from sqlmodel import Session

from replenish_server.households.notice_texts import notice_text
from replenish_server.households.notices import list_notices
from replenish_server.ordering.follow import apply_snapshot
from replenish_server.ordering.orders import NewOrder, create_order, move
from replenish_server.ordering.states import Event, State
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.retailers.port import OrderSnapshot, Progress
from tests.fakes.retailer_house import HOUSEHOLD, NOW, House


def placed(session: Session, new: NewOrder) -> PurchaseOrder:
    """An order to fetch, that the shop has."""
    order = session.get_one(PurchaseOrder, create_order(session, new, NOW))
    move(session, order, Event.PLACE, NOW, "ord_1")
    order.pickup_location = "Market Street 4"
    return order


def test_goods_that_wait_at_a_store_are_told_once_and_where(house: House) -> None:
    """The store says it twice; the household hears it once."""
    ready = OrderSnapshot("ord_1", Progress.READY, "", None)
    new = house.order_of(house.slots["level-1"])
    with house.database.write() as session:
        order = placed(session, new)
        apply_snapshot(session, order, ready, NOW)
        apply_snapshot(session, order, ready, NOW)
        assert State.READY_FOR_PICKUP == order.state
    with house.database.read() as session:
        (told,) = [row for row in list_notices(session, HOUSEHOLD, 9) if row.kind == "order_ready"]
    assert "Market Street 4" in notice_text(told.kind, told.data, "en", ZoneInfo("UTC"), told.at)
    assert "Market Street 4" in notice_text(told.kind, told.data, "ko", ZoneInfo("UTC"), told.at)
