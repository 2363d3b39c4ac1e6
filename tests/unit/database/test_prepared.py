"""What goes straight to the driver says what SQLAlchemy would, and what comes back is the same session's."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import bindparam
from sqlalchemy import select as select_any
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError
from sqlmodel import col, select

from replenish_server.database import Prepared, add_row, append, ask, change, fetch, note_absent
from replenish_server.fleet.tables import Device, Slot
from replenish_server.households.tables import Household, SlotFulfilment
from replenish_server.ordering.tables import OrderEvent, OrderStop, Parcel
from replenish_server.retailers.tables import Retailer
from tests.fakes.retailer_house import HOUSEHOLD, NOW, RETAILER, House

_TOGETHER = (
    select_any(Slot, Household, SlotFulfilment, Device.name)
    .join(Household, col(Household.id) == col(Slot.household_id))
    .join(Device, col(Device.id) == col(Slot.device_id))
    .outerjoin(SlotFulfilment, col(SlotFulfilment.slot_id) == col(Slot.id))
    .where(col(Slot.unit).in_(("mg", "pack")), col(Slot.device_id) == bindparam("device_id"))
)


def test_what_is_found_is_what_sqlalchemy_finds(house: House) -> None:
    """Entities with moments, JSON and truth values; a column; nothing where an outer join found nothing."""
    prepared: Prepared[tuple[Slot, Household, None, str]] = Prepared(_TOGETHER)
    with house.database.read() as session:
        found = prepared.first(session, device_id="level-1")
    with house.database.read() as session:
        expected = session.execute(_TOGETHER, {"device_id": "level-1"}).one()
    assert found is not None
    assert [_values(thing) for thing in found] == [_values(thing) for thing in expected]
    with house.database.read() as session:
        assert prepared.all(session, device_id="nobody's") == []


def _values(thing: object) -> object:
    return thing.model_dump() if isinstance(thing, (Slot, Household)) else thing


def test_an_entity_is_the_sessions_own(house: House) -> None:
    """The same object whichever way it is asked for; what is changed in it is written."""
    with house.database.write() as session:
        retailer = fetch(session, Retailer, RETAILER)
        assert retailer is not None
        assert retailer.options == {}
        assert session.get(Retailer, RETAILER) is retailer
        assert session.exec(select(Retailer)).one() is retailer
        assert retailer not in session.dirty
        retailer.name = "Another"
    with house.database.read() as session:
        known = session.get_one(Retailer, RETAILER)
        assert fetch(session, Retailer, RETAILER) is known
        assert known.name == "Another"
        assert fetch(session, Retailer, "none") is None


def test_what_the_session_has_not_written_is_found(house: House) -> None:
    """As with a query of SQLAlchemy's."""
    stops: Prepared[str] = Prepared(select(OrderStop.scope))
    with house.database.write() as session:
        session.add(OrderStop(scope="everything", since=NOW))
        assert stops.all(session) == ["everything"]


def test_what_is_known_to_be_absent_is_not_asked_for_until_it_is_added(house: House) -> None:
    """Whichever way it is added."""
    slots = list(house.slots.values())
    with house.database.write() as session:
        for slot_id in slots:
            note_absent(session, SlotFulfilment, slot_id)
        assert fetch(session, SlotFulfilment, slots[0]) is None
        added = SlotFulfilment(slot_id=slots[0], way="ship", changed_at=NOW)
        session.add(added)
        session.flush()
        assert fetch(session, SlotFulfilment, slots[0]) is added
        note_absent(session, SlotFulfilment, slots[1])
        append(session, SlotFulfilment, slot_id=slots[1], way="ship", changed_at=NOW)
        assert fetch(session, SlotFulfilment, slots[1]) is not None


def test_a_change_is_written_at_once_and_shown(house: House) -> None:
    """With what else was changed in the row before it."""
    later = NOW + timedelta(hours=1)
    with house.database.write() as session:
        slot = session.get_one(Slot, house.slots["level-1"])
        slot.name = "Tank"
        change(session, slot, due_at=later)
        assert slot.due_at == later
        assert slot not in session.dirty
    with house.database.read() as session:
        slot = session.get_one(Slot, house.slots["level-1"])
        assert (slot.name, slot.due_at) == ("Tank", later)


def test_a_change_is_undone_with_its_unit_of_work(house: House) -> None:
    """It is the transaction's, as everything else."""
    with pytest.raises(ZeroDivisionError):
        _change_and_fail(house)
    with house.database.read() as session:
        assert session.get_one(Slot, house.slots["level-1"]).due_at is None
        assert session.exec(select(OrderStop)).all() == []


def _change_and_fail(house: House) -> None:
    with house.database.write() as session:
        change(session, session.get_one(Slot, house.slots["level-1"]), due_at=NOW)
        append(session, OrderStop, scope="everything", since=NOW)
        raise ZeroDivisionError


def test_an_appended_row_has_the_models_defaults(house: House) -> None:
    """And every column that was told, of whatever type."""
    with house.database.write() as session:
        append(session, Parcel, id="par-1", household_id=HOUSEHOLD, retailer_id=RETAILER, created_at=NOW)
    with house.database.read() as session:
        kept = session.get_one(Parcel, "par-1").model_dump()
    made = Parcel(id="par-1", household_id=HOUSEHOLD, retailer_id=RETAILER, created_at=NOW)
    assert kept == made.model_dump()


def test_an_added_row_is_the_sessions_own_and_what_a_query_finds(house: House) -> None:
    """To the millisecond; and what is changed in it afterwards is written."""
    with house.database.write() as session:
        row = add_row(
            session,
            Retailer,
            id="shop-2",
            name="Two",
            url="https://two.test",
            payment_handler="pay-1",
            payment_token="tok",
            options={"one": "1"},
            created_at=NOW + timedelta(microseconds=1234),
        )
        assert session.get(Retailer, "shop-2") is row
        assert row.created_at == NOW + timedelta(milliseconds=1)
        row.name = "Second"
        shown = row.model_dump()
    with house.database.read() as session:
        assert session.get_one(Retailer, "shop-2").model_dump() == shown


def test_what_the_driver_refuses_is_an_error_of_sqlalchemys(house: House) -> None:
    """Callers know only those."""
    with pytest.raises(IntegrityError), house.database.write() as session:
        append(session, OrderEvent, order_id="nobody's", at=NOW, state="placed")


@pytest.mark.sqlite
def test_a_statement_that_cannot_be_read_is_one_too(house: House) -> None:
    """SQLite's own words stand in it."""
    with (
        pytest.raises(OperationalError, match="no such table: nowhere"),
        house.database.read() as session,
    ):
        ask(session.connection(), "SELECT 1 FROM nowhere")


def test_a_moment_without_a_zone_is_refused(house: House) -> None:
    """Straight to the driver it would silently mean something."""
    naive = datetime(2026, 5, 4, 12, tzinfo=UTC).replace(tzinfo=None)
    with (
        pytest.raises((ValueError, StatementError), match="without a zone"),
        house.database.write() as session,
    ):
        append(session, OrderStop, scope="everything", since=naive)
