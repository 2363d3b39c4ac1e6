"""The preferred product is sold out, and the dispatcher dies at every point: one order, of the next one.

The session of what cannot be had is closed before another is opened, whatever died and whatever was lost.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenish_server.households.mandate import AcceptedProduct, Mode, Rules, Substitution
from replenish_server.households.rules import set_slot_rules, set_substitutes
from replenish_server.ordering.states import State
from replenish_server.ordering.substitutes import missing_products
from tests.fakes.forgetful_shop import LOSSES
from tests.fakes.retailer_house import NOW, RETAILER
from tests.laws.conftest import FreshHouse
from tests.laws.test_crash_points import MOST_MOMENTS, World, worlds
from tests.support.seeds import LAWFUL

pytestmark = pytest.mark.law

SOAP = AcceptedProduct(RETAILER, "soap-1kg", "Soap 1 kg", 1_000_000)


def short(fresh_house: FreshHouse, sold_out: set[str]) -> World:
    """A world in which a slot accepts a second product, and the shop lacks some."""
    world = worlds(fresh_house, honours_keys=False)
    world.shop.sold_out = sold_out
    slot_id = world.house.slots["level-1"]
    with world.house.database.write() as session:
        rules = Rules(mode=Mode.AUTO, price_cap_minor=3000, substitution=Substitution.FROM_LIST)
        set_slot_rules(session, slot_id, rules, NOW)
        set_substitutes(session, slot_id, (SOAP,))
    return world


def check(world: World) -> None:
    """One order of the second product there and here; nothing of the first can become one."""
    order = world.order()
    assert (order.state, order.item_id) == (State.PLACED, SOAP.item_id), (order.problem, world.fate.moments)
    assert [order.retailer_order_id] == [there["id"] for there in world.shop.orders]
    assert len(set(world.shop.completes)) == 1
    (bought,) = {session_id for session_id, _, _ in world.shop.completes}
    for session_id, session in world.shop.sessions.items():
        if session["line_items"][0]["item"]["id"] != SOAP.item_id and session_id != bought:
            # A creation whose answer was lost opened a session that nobody knows; it is incomplete for ever.
            assert session["status"] in ("canceled", "incomplete")
    assert any(session["status"] == "canceled" for session in world.shop.sessions.values())
    with world.house.database.read() as session:
        assert ["det-1kg"] == [row.item_id for row in missing_products(session, order.id)]


def test_death_at_every_moment_of_a_shortage(fresh_house: FreshHouse) -> None:
    """The dispatcher dies once, at the first moment, the second, and so on to the last."""
    moment = 0
    for moment in range(MOST_MOMENTS):
        world = short(fresh_house, {"det-1kg"})
        world.fate.deaths = {len(world.fate.moments) + moment}
        world.settle()
        check(world)
        if world.deaths == 0:
            break
    assert 30 < moment < MOST_MOMENTS - 1


@settings(LAWFUL, max_examples=10)
@given(
    deaths=st.sets(st.integers(0, 120), max_size=5),
    losses=st.lists(st.sampled_from(LOSSES), max_size=8),
    both=st.booleans(),
)
def test_many_deaths_and_lost_answers_of_a_shortage(
    fresh_house: FreshHouse, deaths: set[int], losses: list[str], both: bool
) -> None:
    """Several deaths and lost answers; where nothing of the list is left, nothing is bought."""
    world = short(fresh_house, {"det-1kg", "soap-1kg"} if both else {"det-1kg"})
    world.fate.deaths, world.shop.losses = deaths, iter(losses)
    order = world.settle()
    if both:
        assert (order.state, order.problem) == (State.NEEDS_ATTENTION, "out_of_stock")
        assert ([], []) == (world.shop.orders, world.shop.completes)
    else:
        check(world)
