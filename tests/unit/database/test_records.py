"""Records that are appended without being the session's."""

from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from replenish_server.database import append
from replenish_server.ordering.orders import NewOrder, create_order
from replenish_server.ordering.tables import OrderEvent, PurchaseOrder
from tests.fakes.retailer_house import House

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def test_what_was_appended_reads_as_if_it_had_been_added(house: House) -> None:
    """Numbers, moments and defaults; the row gets its own number."""
    new = house.order_of(house.slots["level-1"])
    with house.database.write() as session:
        order_id = create_order(session, new, NOW)
        append(session, OrderEvent, order_id=order_id, at=NOW, state="placed", note="appended")
        session.add(OrderEvent(order_id=order_id, at=NOW, state="placed", note="added"))
    with house.database.read() as session:
        opened, appended, added = session.exec(select(OrderEvent).order_by(OrderEvent.id)).all()  # type: ignore[arg-type]
    assert appended.model_dump(exclude={"id", "note"}) == added.model_dump(exclude={"id", "note"})
    assert (opened.state, appended.note, appended.by) == ("placing", "appended", "")


def test_a_refused_record_undoes_its_unit_of_work(house: House) -> None:
    """As one that was added: nothing of the transaction stays."""
    new = house.order_of(house.slots["level-1"])
    with pytest.raises(IntegrityError):
        _order_and_append(house, new, "nobody's")
    with house.database.read() as session:
        assert session.exec(select(PurchaseOrder)).first() is None


def _order_and_append(house: House, new: NewOrder, order_id: str) -> None:
    with house.database.write() as session:
        create_order(session, new, NOW)
        append(session, OrderEvent, order_id=order_id, at=NOW, state="placed")
