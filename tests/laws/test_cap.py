"""Law 5: whatever a shop asks, no more leaves the house than the mandate or a person allowed."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from replenish_server.households.tables import SlotMandate
from replenish_server.ordering.dispatch import Dispatcher
from replenish_server.ordering.orders import NotAllowed, approve, create_order
from replenish_server.ordering.sentences import problem_sentence
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.retailers.port import Problem
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import NOW
from tests.fakes.retailer_port import NamesItsPrice
from tests.laws.conftest import FreshHouse
from tests.support.seeds import LAWFUL

pytestmark = pytest.mark.law

PRICE = st.tuples(
    st.sampled_from([0, 1, 2999, 3000, 3001, 10**9, -1]), st.sampled_from(["EUR", "EUR", "USD"])
)


@settings(LAWFUL, max_examples=150)
@given(
    cap=st.sampled_from([None, 0, 2999, 3000]),
    mode=st.sampled_from(["auto", "ask"]),
    prices=st.lists(PRICE, min_size=8, max_size=8),
    seen=st.lists(st.sampled_from([0, 2999, 3000, 3001, 10**9]), max_size=4),
)
def test_nothing_above_the_cap_or_the_agreed_price_is_bought(
    fresh_house: FreshHouse, cap: int | None, mode: str, prices: list[tuple[int, str]], seen: list[int]
) -> None:
    """Prices rise and fall between quotes, and a person agrees to some of them."""
    house, shop, clock = fresh_house(), NamesItsPrice(iter(prices)), ManualClock(NOW)
    slot = house.slots["level-1"]
    allowed = cap if mode == "auto" else None
    new = house.order_of(slot, approved=allowed is not None)
    with house.database.write() as session:
        mandate = session.get_one(SlotMandate, slot)
        mandate.mode, mandate.price_cap_minor = mode, cap
        session.add(mandate)
        order_id = create_order(session, new, NOW)
    dispatcher = Dispatcher(house.database, lambda _: shop, clock)
    for ceiling in [None, *seen]:
        if ceiling is not None:
            try:
                with house.database.write() as session:
                    approve(session, order_id, ceiling, clock.now())
            except NotAllowed:
                continue
            allowed = ceiling
        dispatcher.run()
        clock.pass_s(timedelta(minutes=2).total_seconds())
        assert len(shop.bought) <= 1
        for total_minor, currency in shop.bought:
            assert allowed is not None
            assert 0 <= total_minor <= allowed
            assert currency == "EUR"
    with house.database.read() as session:
        order = session.exec(select(PurchaseOrder)).one()
    assert (order.state == State.PLACED) == bool(shop.bought)
    if order.state == State.NEEDS_ATTENTION:
        assert order.problem == Problem.PRICE_OVER_CAP
        assert problem_sentence(order.problem, order.problem_detail, "en")
        assert problem_sentence(order.problem, order.problem_detail, "ko")
