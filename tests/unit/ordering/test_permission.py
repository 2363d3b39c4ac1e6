"""Nothing is completed without a word: a person's, the shop's in writing, or the household's signed."""

from dataclasses import dataclass

import pytest

from replenish_server.ordering.dispatch import Dispatcher
from replenish_server.ordering.orders import create_order
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.retailers.port import Journal, Need, Quote
from replenish_server.retailers.tables import Retailer
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import NOW, RETAILER, House
from tests.fakes.retailer_port import NamesItsPrice


@dataclass
class Signed(NamesItsPrice):
    """A shop for which the household signed limits, or did not."""

    permitted: bool = False

    def quote(self, _need: Need, _journal: Journal) -> Quote:
        """Always the same."""
        return Quote("chk_1", 2490, "EUR", None, "https://shop.test/c", permitted=self.permitted)


@pytest.mark.parametrize("agreement", [None, "in writing"])
@pytest.mark.parametrize("permitted", [True, False])
def test_one_word_is_enough_and_none_is_not(house: House, agreement: str | None, permitted: bool) -> None:
    """Without any, a person gets the shop's page."""
    new = house.order_of(house.slots["level-1"])
    with house.database.write() as session:
        shop = session.get_one(Retailer, RETAILER)
        shop.agreement = agreement
        session.add(shop)
        order_id = create_order(session, new, NOW)
    adapter = Signed(iter(()), permitted=permitted)
    Dispatcher(house.database, lambda _: adapter, ManualClock(NOW)).run()
    with house.database.read() as session:
        order = session.get_one(PurchaseOrder, order_id)
        if permitted or agreement:
            assert (order.state, adapter.bought) == (State.PLACED, [(2490, "EUR")])
        else:
            assert (order.state, order.problem) == (State.NEEDS_ATTENTION, "no_agreement")
            assert (order.continue_url, adapter.bought) == ("https://shop.test/c", [])
