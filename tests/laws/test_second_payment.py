"""The first payment is declined, and the dispatcher dies at every point: one order, paid with the next one.

The declined session is closed before another is opened: a person may have finished it, and then it is the
order. Nothing is tried a third time without a person.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from replenish_server.ordering.receipts import receipt_of
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import Parcel
from replenish_server.retailers.instruments import Instrument, add_instrument
from tests.fakes.forgetful_shop import LOSSES
from tests.fakes.retailer_house import RETAILER
from tests.laws.conftest import FreshHouse
from tests.laws.test_crash_points import World, moments_that_differ, worlds
from tests.support.seeds import LAWFUL

pytestmark = pytest.mark.law

FIRST, SECOND, THIRD = "tok-secret", "tok-giro", "tok-card"


def declined(fresh_house: FreshHouse, declines: set[str]) -> World:
    """A world with three instruments, at a shop that does not take some of them."""
    world = worlds(fresh_house, honours_keys=False)
    world.shop.declines = declines
    with world.house.database.write() as session:
        for name, token in (("Giro", SECOND), ("Card", THIRD)):
            add_instrument(session, RETAILER, Instrument(name, "pay-1", token))
    return world


def check(world: World) -> None:
    """One order here and there, paid with the second; one try with each, and the first session is closed."""
    order = world.order()
    assert order.state == State.PLACED, (order.state, order.problem, world.fate.moments)
    assert [order.retailer_order_id] == [there["id"] for there in world.shop.orders]
    tries = {(session_id, key) for session_id, key, _ in world.shop.completes}
    assert len(tries) == 2
    assert all(SECOND.encode() in body or FIRST.encode() in body for _, _, body in world.shop.completes)
    first = next(session_id for session_id, _, body in world.shop.completes if FIRST.encode() in body)
    assert world.shop.sessions[first]["status"] == "canceled"
    with world.house.database.read() as session:
        receipt = receipt_of(session, order.id)
    assert receipt is not None
    assert receipt.data["payment"] == "Giro"


def test_death_at_every_moment_of_a_second_payment(fresh_house: FreshHouse) -> None:
    """The dispatcher dies once, after the first commit or answer, the second, and so on to the last."""
    moments = moments_that_differ(lambda: declined(fresh_house, {FIRST}))
    for moment in moments:
        world = declined(fresh_house, {FIRST})
        world.fate.deaths = {moment}
        world.settle()
        check(world)
        assert world.deaths == 1
    assert len(moments) > 20


@settings(LAWFUL, max_examples=4)
@given(
    deaths=st.sets(st.integers(0, 120), max_size=5),
    losses=st.lists(st.sampled_from(LOSSES), max_size=8),
    both=st.booleans(),
)
def test_many_deaths_and_lost_answers_of_a_second_payment(
    fresh_house: FreshHouse, deaths: set[int], losses: list[str], both: bool
) -> None:
    """Where the second is declined too, a person is asked and the third is not touched; who then says yes
    begins with the first again."""
    world = declined(fresh_house, {FIRST, SECOND} if both else {FIRST})
    world.fate.deaths, world.shop.losses = deaths, iter(losses)
    order = world.settle()
    if not both:
        check(world)
        return
    assert (order.state, order.problem, world.shop.orders) == (State.NEEDS_ATTENTION, "payment_failed", [])
    assert not any(THIRD.encode() in body for _, _, body in world.shop.completes)
    world.shop.declines = set()
    world.approve(order.quoted_minor or 0)
    world.settle()
    with world.house.database.read() as session:
        assert session.exec(select(Parcel.instrument)).one() == 0
    assert (world.order().state, len(world.shop.orders)) == (State.PLACED, 1)


def test_a_person_pays_the_declined_session_meanwhile(fresh_house: FreshHouse) -> None:
    """The shop wrote to them: at each moment between the refusal and our closing there is one order."""
    paid = 0
    for moment in moments_that_differ(lambda: declined(fresh_house, {FIRST}))[9:16]:
        world = declined(fresh_house, {FIRST})
        world.fate.deaths = {moment}

        def pay(world: World = world) -> None:
            for session_id, _, body in list(world.shop.completes):
                session = world.shop.sessions[session_id]
                if FIRST.encode() in body and session["status"] == "ready_for_complete":
                    world.shop.person_completes(session_id)

        order = world.settle(pay)
        assert order.state == State.PLACED
        assert [order.retailer_order_id] == [there["id"] for there in world.shop.orders]
        paid += any(key == "by hand" for _, key, _ in world.shop.completes)
    assert paid > 4
