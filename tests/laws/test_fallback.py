"""The wanted way has no stock, and the dispatcher dies at every point: one order, in the other way.

Both directions: a store that has none, so that it is sent; no parcel to be had, so that it is fetched.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenish_server.households.tables import SlotFulfilment
from replenish_server.ordering.receipts import receipt_of
from replenish_server.ordering.states import State
from tests.fakes.forgetful_shop import LOSSES
from tests.fakes.retailer_house import NOW
from tests.laws.conftest import FreshHouse
from tests.laws.test_crash_points import World, moments_that_differ, worlds
from tests.support.seeds import LAWFUL

pytestmark = pytest.mark.law

WAYS = {"ship": "shipping", "pickup": "pickup"}
STORE = "store-1"


def empty_handed(fresh_house: FreshHouse, wanted: str, empty: set[str]) -> World:
    """A world in which a slot wants one way and accepts the other, and some ways have no stock."""
    world = worlds(fresh_house, honours_keys=False)
    world.shop.empty_ways = empty
    with world.house.database.write() as session:
        slot_id = world.house.slots["level-1"]
        way = SlotFulfilment(
            slot_id=slot_id,
            way=wanted,
            location_id=STORE,
            location_name="Market",
            fallback=True,
            changed_at=NOW,
        )
        session.add(way)
    return world


def check(world: World, wanted: str) -> None:
    """One order, in the way that was not wanted; the wanted way's session can become none."""
    order = world.order()
    assert order.state == State.PLACED, (order.state, order.problem, world.fate.moments)
    assert [order.retailer_order_id] == [there["id"] for there in world.shop.orders]
    assert len({(session_id, key) for session_id, key, _ in world.shop.completes}) == 1
    for session_id, session in world.shop.sessions.items():
        if session["fulfillment"]["methods"][0]["type"] == WAYS[wanted]:
            assert session["status"] in ("canceled", "incomplete"), session_id
    assert order.pickup_location == (None if wanted == "pickup" else "Market")
    with world.house.database.read() as session:
        receipt = receipt_of(session, order.id)
    assert receipt is not None
    assert (receipt.data["delivery"] == {"pickup": STORE}) == (wanted == "ship")


@pytest.mark.parametrize("wanted", ["pickup", "ship"], ids=["store to parcel", "parcel to store"])
def test_death_at_every_moment_of_a_fallback(fresh_house: FreshHouse, wanted: str) -> None:
    """The dispatcher dies once, after a commit or an answer; the steps are the same in both directions, so
    that each direction takes every other one of them."""
    moments = moments_that_differ(lambda: empty_handed(fresh_house, wanted, {WAYS[wanted]}))
    for moment in moments[wanted == "ship" :: 2]:
        world = empty_handed(fresh_house, wanted, {WAYS[wanted]})
        world.fate.deaths = {moment}
        world.settle()
        check(world, wanted)
        assert world.deaths == 1
    assert len(moments) > 15


@settings(LAWFUL, max_examples=4)
@given(
    wanted=st.sampled_from(sorted(WAYS)),
    deaths=st.sets(st.integers(0, 100), max_size=5),
    losses=st.lists(st.sampled_from(LOSSES), max_size=8),
    neither=st.booleans(),
)
def test_many_deaths_and_lost_answers_of_a_fallback(
    fresh_house: FreshHouse, wanted: str, deaths: set[int], losses: list[str], neither: bool
) -> None:
    """Where neither way can be served nothing is bought, and no session is left that could be."""
    world = empty_handed(fresh_house, wanted, set(WAYS.values()) if neither else {WAYS[wanted]})
    world.fate.deaths, world.shop.losses = deaths, iter(losses)
    order = world.settle()
    if not neither:
        check(world, wanted)
        return
    assert (order.state, order.problem) == (State.NEEDS_ATTENTION, "out_of_stock")
    assert ([], []) == (world.shop.orders, world.shop.completes)
