"""What a person may do with an order, and the one open order of a slot, on a real SQLite file."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from replenish_server.ids import OrderId
from replenish_server.ordering.orders import (
    NotAllowed,
    approve,
    can_cancel,
    cancel,
    create_order,
    move,
    open_order,
    stumble,
)
from replenish_server.ordering.parcels import may_have_left, parcel_of
from replenish_server.ordering.states import ENDED, Event, Forbidden, State
from replenish_server.ordering.tables import OrderEvent, Parcel, PurchaseOrder, RetailerCall
from replenish_server.retailers.port import Problem
from tests.fakes.retailer_house import NOW, House

LATER = NOW + timedelta(hours=1)
Change = Callable[[Session, PurchaseOrder], None]


def opened(house: House, approved: bool = True, quoted: int | None = 2490) -> OrderId:
    """An open order of the level slot, with its quote."""
    new = house.order_of(house.slots["level-1"], approved)
    with house.database.write() as session:
        order_id = create_order(session, new, NOW)
        session.get_one(PurchaseOrder, order_id).quoted_minor = quoted
    return order_id


def change(house: House, order_id: str, how: Change) -> None:
    """Change an order in one transaction."""
    with house.database.write() as session:
        how(session, session.get_one(PurchaseOrder, order_id))


def read(house: House, order_id: str) -> PurchaseOrder:
    """The order as it is kept."""
    with house.database.read() as session:
        return session.get_one(PurchaseOrder, order_id)


def parcel(house: House, order_id: str) -> Parcel:
    """The order's conversation as it is kept."""
    with house.database.read() as session:
        return parcel_of(session, session.get_one(PurchaseOrder, order_id))


def call(of: Parcel, status: int | None, step: str = "complete") -> RetailerCall:
    """A stored call of the parcel's attempt."""
    return RetailerCall(
        key=f"{of.id}-{of.attempt}-{step}",
        parcel_id=of.id,
        attempt=of.attempt,
        step=step,
        method="POST",
        url="http://shop.test",
        body=b"{}",
        prepared_at=NOW,
        status=status,
    )


@pytest.mark.parametrize(("approved", "state"), [(True, State.PLACING), (False, State.NEEDS_APPROVAL)])
def test_a_new_order_waits_for_the_shop_or_for_a_person(house: House, approved: bool, state: State) -> None:
    """And its first line of history says so."""
    order_id = opened(house, approved)
    with house.database.read() as session:
        events = session.exec(select(OrderEvent).where(OrderEvent.order_id == order_id)).all()
    assert state == read(house, order_id).state
    assert [state] == [event.state for event in events]


@pytest.mark.both_databases
def test_a_slot_has_at_most_one_open_order(house: House) -> None:
    """Law 3 is an index, not a habit."""
    opened(house)
    with pytest.raises(IntegrityError):
        opened(house)
    with house.database.read() as session:
        assert len(session.exec(select(PurchaseOrder)).all()) == 1


@pytest.mark.parametrize("state", [state for state in State if state not in ENDED])
def test_every_open_state_keeps_the_slot_busy(house: House, state: State) -> None:
    """Whatever the order waits for."""
    order_id = opened(house)
    change(house, order_id, lambda _, order: setattr(order, "state", state))
    with pytest.raises(IntegrityError):
        opened(house)


@pytest.mark.both_databases
def test_an_ended_order_frees_the_slot(house: House) -> None:
    """The next one is the open one."""
    first = opened(house)
    with house.database.write() as session:
        cancel(session, first, LATER)
    second = opened(house)
    with house.database.read() as session:
        found = open_order(session, house.slots["level-1"])
    assert found is not None
    assert second == found.id


def test_an_approval_is_a_ceiling_at_the_quoted_total(house: House) -> None:
    """And the order leaves at once."""
    order_id = opened(house, approved=False)
    with house.database.write() as session:
        approve(session, order_id, 2490, LATER)
    order = read(house, order_id)
    assert (order.state, order.approved_minor) == (State.PLACING, 2490)
    assert parcel(house, order_id).next_try_at == LATER


def test_the_ceiling_is_what_the_person_saw_and_a_higher_quote_is_not_approved(house: House) -> None:
    """Money never leaves at a price that nobody was shown."""
    order_id = opened(house, approved=False)
    with house.database.write() as session, pytest.raises(NotAllowed, match="above what was shown"):
        approve(session, order_id, 2489, LATER)
    with house.database.write() as session:
        approve(session, order_id, 2600, LATER)
    assert read(house, order_id).approved_minor == 2600


def test_nobody_approves_a_price_that_is_not_known(house: House) -> None:
    """Nor an order that waits for nobody, nor one that does not exist."""
    unpriced = opened(house, approved=False, quoted=None)
    with house.database.write() as session, pytest.raises(NotAllowed, match="price is not known"):
        approve(session, unpriced, 2490, LATER)
    change(house, unpriced, lambda _, order: setattr(order, "state", State.PLACED))
    with house.database.write() as session, pytest.raises(NotAllowed, match="does not wait"):
        approve(session, unpriced, 2490, LATER)
    with house.database.write() as session, pytest.raises(NotAllowed, match="no such order"):
        approve(session, "ord-none", 2490, LATER)


@pytest.mark.parametrize(
    ("sent", "status", "attempt"),
    [(False, None, 2), (True, 402, 2), (True, None, 1)],
    ids=["never sent", "answered", "may have left"],
)
def test_a_second_try_is_a_new_session_unless_the_first_may_have_left(
    house: House, sent: bool, status: int | None, attempt: int
) -> None:
    """Law 4: an unanswered complete is only looked up again; an old session is known until retired."""
    order_id = opened(house)

    def trouble(session: Session, order: PurchaseOrder) -> None:
        parcel_of(session, order).checkout_id = "chk-1"
        if sent:
            session.add(call(parcel_of(session, order), status))
        stumble(session, order, Problem.UNKNOWN_OUTCOME, "who knows", "https://shop.test/c", NOW)

    change(house, order_id, trouble)
    with house.database.write() as session:
        approve(session, order_id, 2490, LATER)
    order = read(house, order_id)
    kept = parcel(house, order_id)
    assert (attempt, "chk-1") == (kept.attempt, kept.checkout_id)
    assert (order.problem, order.problem_detail, order.continue_url) == (None, None, None)


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("sent", [False, True])
def test_who_can_be_canceled_here(house: House, state: State, sent: bool) -> None:
    """What may be at the shop is canceled there."""
    order_id = opened(house)

    def prepare(session: Session, order: PurchaseOrder) -> None:
        order.state = state
        if sent:
            session.add(call(parcel_of(session, order), None))

    change(house, order_id, prepare)
    waiting = {State.PROPOSED, State.COOLING_OFF, State.NEEDS_APPROVAL, State.NEEDS_ATTENTION}
    allowed = state in waiting or (state is State.PLACING and not sent)
    with house.database.write() as session:
        assert allowed is can_cancel(session, session.get_one(PurchaseOrder, order_id))
        if allowed:
            cancel(session, order_id, LATER)
        else:
            with pytest.raises(NotAllowed, match="at the retailer"):
                cancel(session, order_id, LATER)
    assert (State.CANCELED if allowed else state) == read(house, order_id).state


def test_what_was_accepted_a_moment_ago_is_not_canceled_here(house: House) -> None:
    """The retailer's yes is stored, the order has not moved yet: it is bought, whatever the page shows."""
    order_id = opened(house)
    with house.database.write() as session:
        order = session.get_one(PurchaseOrder, order_id)
        session.add(call(parcel_of(session, order), 200))
        session.flush()
        assert not can_cancel(session, order)
        with pytest.raises(NotAllowed, match="at the retailer"):
            cancel(session, order_id, LATER)


def test_canceling_what_does_not_exist_is_refused(house: House) -> None:
    """With a sentence."""
    with house.database.write() as session, pytest.raises(NotAllowed, match="no such order"):
        cancel(session, "ord-none", LATER)


def test_only_the_complete_of_this_attempt_counts_as_left(house: House) -> None:
    """A quote, an answered call, or another attempt's call is nothing at the shop's till."""
    order_id = opened(house)
    with house.database.write() as session:
        kept = parcel_of(session, session.get_one(PurchaseOrder, order_id))
        session.add(call(kept, None, "create"))
        assert not may_have_left(session, kept)
        session.add(call(kept, None))
        session.flush()
        assert may_have_left(session, kept)
        kept.attempt = 2
        assert not may_have_left(session, kept)


def test_the_whole_way_is_stamped_and_kept(house: House) -> None:
    """Placed, shipped, delivered and ended each leave their moment and one line."""
    order_id = opened(house)
    steps = [Event.PLACE, Event.SHIP, Event.DELIVER, Event.FIT]
    for n, event in enumerate(steps, start=1):
        moment = NOW + timedelta(hours=n)
        change(house, order_id, lambda s, order, e=event, m=moment: move(s, order, e, m, "x" * 999))
    order = read(house, order_id)
    with house.database.read() as session:
        notes = session.exec(select(OrderEvent).order_by(col(OrderEvent.id))).all()
    stamps = [order.placed_at, order.shipped_at, order.delivered_at, order.ended_at]
    assert [NOW + timedelta(hours=n) for n in (1, 2, 3, 4)] == stamps
    assert [event.state for event in notes] == ["placing", "placed", "shipped", "delivered", "closed"]
    assert max(len(event.note) for event in notes) == 300
    with pytest.raises(Forbidden):
        change(house, order_id, lambda s, o: move(s, o, Event.PLACE, LATER))


def test_moving_lets_go_of_an_old_problem(house: House) -> None:
    """Nothing of the old state sticks to the new."""
    order_id = opened(house)

    def prepare(session: Session, order: PurchaseOrder) -> None:
        stumble(session, order, Problem.OUT_OF_STOCK, "none left", None, NOW)
        assert order.problem == "out_of_stock"
        move(session, order, Event.APPROVE, LATER)

    change(house, order_id, prepare)
    assert read(house, order_id).problem is None
