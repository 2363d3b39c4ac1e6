"""Deadlines on a real SQLite file: what happens to an order when nobody acts."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from replenish_server.fleet.tables import Slot
from replenish_server.households.notices import list_notices
from replenish_server.ordering.orders import (
    NotAllowed,
    cancel,
    create_order,
    hold_at_most,
    leave_now,
    move,
    stumble,
    take_up,
)
from replenish_server.ordering.person_reports import report_arrived
from replenish_server.ordering.states import Event, State
from replenish_server.ordering.tables import OrderEvent, Parcel, PurchaseOrder
from replenish_server.ordering.timekeeper import Timekeeper
from replenish_server.retailers.port import Problem
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import HOUSEHOLD, NOW, House

HOUR = timedelta(hours=1)


def opened(
    house: House, start: State, device: str = "level-1", item: str = "det-1kg", **more: datetime
) -> str:
    """An order that begins here."""
    new = replace(house.order_of(house.slots[device]), start=start, item_id=item, **more)  # type: ignore[arg-type]
    with house.database.write() as session:
        return create_order(session, new, NOW)


def read(house: House, order_id: str) -> PurchaseOrder:
    """As it is kept."""
    with house.database.read() as session:
        return session.get_one(PurchaseOrder, order_id)


def look(house: House, hours: float) -> int:
    """One look, so long after the beginning."""
    return Timekeeper(house.database, ManualClock(NOW + hours * HOUR)).run()


def told(house: House) -> list[str]:
    """The kinds of notices, oldest first."""
    with house.database.read() as session:
        return [row.kind for row in reversed(list_notices(session, HOUSEHOLD, 100))]


def test_an_order_leaves_when_its_cooling_off_is_over_and_not_before(house: House) -> None:
    """And only then does the dispatcher see it."""
    order_id = opened(house, State.COOLING_OFF, leaves_at=NOW + 24 * HOUR)
    assert 0 == look(house, 23.9)
    assert 1 == look(house, 24)
    assert State.PLACING == read(house, order_id).state
    assert 0 == look(house, 48)


def test_a_clock_that_was_ahead_leaves_no_order_in_its_future(house: House) -> None:
    """A server that believed in a far year opened two orders; put right, it goes on with both as if then."""
    ahead = timedelta(days=5 * 365)
    cooling = opened(house, State.COOLING_OFF, leaves_at=NOW + 24 * HOUR)
    trying = opened(house, State.PLACING, "button-1", "filter-3")
    parcel_id = read(house, trying).parcel_id
    with house.database.write() as session:
        session.get_one(Parcel, parcel_id).next_try_at = NOW + timedelta(minutes=1)
    clock = ManualClock(NOW)
    keeper = Timekeeper(house.database, clock)
    keeper.run()
    clock.moment = NOW - ahead
    keeper.run()
    assert read(house, cooling).leaves_at == NOW - ahead + 24 * HOUR
    assert read(house, cooling).deadline_at == NOW - ahead + 24 * HOUR
    with house.database.read() as session:
        assert session.get_one(Parcel, parcel_id).next_try_at == NOW - ahead
    clock.moment = NOW - ahead + 25 * HOUR
    assert keeper.run() == 1
    assert read(house, cooling).state == State.PLACING


def test_one_tap_cancels_while_it_cools_off(house: House) -> None:
    """Nothing leaves after that."""
    order_id = opened(house, State.COOLING_OFF, leaves_at=NOW + HOUR)
    with house.database.write() as session:
        cancel(session, order_id, NOW)
    assert 0 == look(house, 30)
    assert State.CANCELED == read(house, order_id).state


def test_a_person_may_end_the_cooling_off_once(house: House) -> None:
    """It leaves under the mandate's limits."""
    order_id = opened(house, State.COOLING_OFF, leaves_at=NOW + HOUR)
    with house.database.write() as session:
        leave_now(session, order_id, NOW)
    order = read(house, order_id)
    assert (State.PLACING, None) == (order.state, order.approved_minor)
    with house.database.write() as session, pytest.raises(NotAllowed):
        leave_now(session, order_id, NOW)


def test_an_order_waits_for_another_only_as_long_as_its_stock_allows(house: House) -> None:
    """Held for one parcel, or not held."""
    for hold, then in ((30 * HOUR, State.COOLING_OFF), (24 * HOUR, State.PLACING)):
        first = opened(house, State.COOLING_OFF, leaves_at=NOW + 24 * HOUR, hold_until=NOW + hold)
        second = opened(house, State.COOLING_OFF, "button-1", "filter", leaves_at=NOW + 28 * HOUR)
        look(house, 24)
        assert then == read(house, first).state
        look(house, 28)
        assert {State.PLACING} == {read(house, one).state for one in (first, second)}
        with house.database.write() as session:
            for one in (first, second):
                cancel(session, one, NOW)


def test_an_order_waits_no_longer_once_its_stock_goes_faster(house: House) -> None:
    """The time in which it can be canceled stays as it was told."""
    first = opened(house, State.COOLING_OFF, leaves_at=NOW + 24 * HOUR, hold_until=NOW + 90 * HOUR)
    opened(house, State.COOLING_OFF, "button-1", "filter", leaves_at=NOW + 80 * HOUR)
    look(house, 24)
    with house.database.write() as session:
        order = session.get_one(PurchaseOrder, first)
        assert NOW + 80 * HOUR == order.deadline_at
        hold_at_most(session, order, NOW + 40 * HOUR)
    look(house, 39.9)
    assert State.COOLING_OFF == read(house, first).state
    look(house, 40)
    assert State.PLACING == read(house, first).state


def test_attention_is_reminded_twice_and_then_canceled_and_the_slot_is_free(house: House) -> None:
    """The next look at the slot is due at once."""
    order_id = opened(house, State.PLACING)
    with house.database.write() as session:
        stumble(session, session.get_one(PurchaseOrder, order_id), Problem.OUT_OF_STOCK, "", None, NOW)
    seen = []
    for hours in range(80):
        look(house, hours)
        seen.append((hours, told(house)[1:], read(house, order_id).state))
    assert ["order_attention"] == told(house)[:1]
    reminded = [hours for hours, kinds, _ in seen if len(kinds) == 1]
    assert (24, 47) == (reminded[0], reminded[-1])
    assert next(hours for hours, _, state in seen if state == State.CANCELED) == 72
    assert ["order_attention", "order_reminder", "order_reminder", "order_given_up"] == told(house)
    with house.database.read() as session:
        assert NOW + 72 * HOUR == session.get_one(Slot, read(house, order_id).slot_id).due_at


def test_an_unknown_outcome_is_never_given_up(house: House) -> None:
    """Only a person may say that the retailer has nothing."""
    order_id = opened(house, State.PLACING)
    with house.database.write() as session:
        stumble(session, session.get_one(PurchaseOrder, order_id), Problem.UNKNOWN_OUTCOME, "", None, NOW)
    for hours in range(0, 1000, 8):
        look(house, hours)
    assert State.NEEDS_ATTENTION == read(house, order_id).state
    assert 3 == told(house).count("order_unknown_reminder")


@pytest.mark.parametrize(
    ("way", "days", "kind"),
    [
        ((Event.PLACE,), (14, 28), "order_overdue"),
        ((Event.PLACE, Event.SHIP), (14, 28), "order_overdue"),
        ((Event.PLACE, Event.READY), (3, 7), "order_pickup_waits"),
    ],
)
def test_goods_of_which_nothing_is_heard_are_asked_about(
    house: House, way: tuple[Event, ...], days: tuple[int, int], kind: str
) -> None:
    """Twice; the order stays, and a person may say that it has come, which frees a slot without a sensor."""
    order_id = opened(house, State.PLACING, "button-1")
    with house.database.write() as session:
        for event in way:
            move(session, session.get_one(PurchaseOrder, order_id), event, NOW)
    seen = []
    for day in range(40):
        look(house, day * 24)
        seen += [day] * (told(house).count(kind) - len(seen))
    assert tuple(seen) == days
    with house.database.write() as session:
        report_arrived(session, order_id, NOW, "Ada")
    order = read(house, order_id)
    assert (order.state, order.delivered_at) == (State.CLOSED, NOW)
    with house.database.write() as session, pytest.raises(NotAllowed):
        report_arrived(session, order_id, NOW)


def test_what_was_delivered_and_never_fitted_is_asked_about_and_then_closed(house: House) -> None:
    """Once, and after fourteen days nothing blocks the slot."""
    order_id = opened(house, State.PLACING)
    with house.database.write() as session:
        order = session.get_one(PurchaseOrder, order_id)
        for event in (Event.PLACE, Event.SHIP, Event.DELIVER):
            move(session, order, event, NOW)
    for hours in range(0, 24 * 13, 6):
        look(house, hours)
    assert (State.DELIVERED, ["order_unfitted"]) == (read(house, order_id).state, told(house))
    look(house, 24 * 14)
    assert State.CLOSED == read(house, order_id).state


def test_a_proposal_expires_or_is_taken_up(house: House) -> None:
    """Nothing is asked of the retailer for it before that."""
    order_id = opened(house, State.PROPOSED)
    with house.database.write() as session:
        take_up(session, order_id, NOW)
    assert State.NEEDS_APPROVAL == read(house, order_id).state
    look(house, 24 * 7)
    assert State.EXPIRED == read(house, order_id).state
    assert ["order_expired"] == told(house)


def test_orders_from_before_there_were_deadlines_get_theirs_at_the_start(house: House) -> None:
    """And many looks at the same moment pass each deadline once."""
    order_id = opened(house, State.NEEDS_APPROVAL)
    with house.database.write() as session:
        session.get_one(PurchaseOrder, order_id).deadline_at = None
    keeper = Timekeeper(house.database, ManualClock(NOW + timedelta(days=8)))
    assert 0 == keeper.run()
    keeper.plan_all()
    assert [1, 0, 0] == [keeper.run() for _ in range(3)]
    with house.database.read() as session:
        events = session.exec(select(OrderEvent).where(OrderEvent.order_id == order_id)).all()
    assert ["needs_approval", "expired"] == [event.state for event in events]
