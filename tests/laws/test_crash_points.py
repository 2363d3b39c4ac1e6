"""The dispatcher dies at every point where it can, and at random ones twice: still one order at the shop.

A crash stands before and after each transaction's commit and before and after each request.
"""

from collections.abc import Callable, Iterable

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenish_server.ids import OrderId
from replenish_server.ordering.dispatch import Dispatcher
from replenish_server.ordering.orders import approve, create_order
from replenish_server.ordering.parcels import parcel_of
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.retailers.http import ShopClient
from replenish_server.retailers.instruments import Account, instruments_of
from replenish_server.retailers.tables import Retailer
from replenish_server.retailers.ucp.client import UcpRetailer
from replenish_server.retailers.ucp.connection import Identity
from tests.fakes.forgetful_shop import LOSSES, ForgetfulShop
from tests.fakes.mortality import Crash, Fate, ManualClock, MortalDatabase
from tests.fakes.retailer_house import NOW, RETAILER, House
from tests.fakes.retailer_merchant import SITE
from tests.laws.conftest import FreshHouse
from tests.support.seeds import LAWFUL

pytestmark = pytest.mark.law

MOST_MOMENTS = 200


class World:
    """One order, one shop, and dispatchers that come and go.

    Args:
        house: its database.
        shop: in memory, so that it outlives every dispatcher.
        fate: when dispatchers die.
    """

    def __init__(self, house: House, shop: ForgetfulShop, fate: Fate) -> None:
        self.house, self.shop, self.fate = house, shop, fate
        self.clock = ManualClock(NOW)
        self.deaths = 0
        new = house.order_of(house.slots["level-1"])
        with house.database.write() as session:
            self.order_id: OrderId = create_order(session, new, NOW)

    def order(self) -> PurchaseOrder:
        """As it is kept."""
        with self.house.database.read() as session:
            return session.get_one(PurchaseOrder, self.order_id)

    def checkout_id(self) -> str:
        """The session in which the order is."""
        with self.house.database.read() as session:
            return str(parcel_of(session, session.get_one(PurchaseOrder, self.order_id)).checkout_id)

    def approve(self, ceiling_minor: int) -> None:
        """A person agrees."""
        with self.house.database.write() as session:
            approve(session, self.order_id, ceiling_minor, self.clock.now())

    def settle(self, between: Callable[[], None] = lambda: None) -> PurchaseOrder:
        """One process after another until the order does not want to leave; `between` follows each death."""
        while True:
            try:
                self._one_life()
                return self.order()
            except Crash:
                self.deaths += 1
                between()

    def _one_life(self) -> None:
        database = MortalDatabase(self.house.database.url, self.fate)
        client = ShopClient({}, httpx.MockTransport(self.shop))
        with self.house.database.read() as session:
            known = instruments_of(session, session.get_one(Retailer, RETAILER))
        account = Account(SITE, known[0].handler, known[0].token, known[1:])
        shop = UcpRetailer(account, client, self.clock.now, Identity("https://home.test"))
        try:
            dispatcher = Dispatcher(database, lambda _: shop, self.clock)
            dispatcher.release_leases()
            for _ in range(50):
                dispatcher.run()
                if self.order().state != State.PLACING:
                    return
                self.clock.pass_s(90)
            pytest.fail(f"the order never leaves: {self.order()}")
        finally:
            client.close()
            database.close()


def moments_that_differ(make: Callable[[], World]) -> list[int]:
    """The moments after which something is different: a commit, or an answer; by one life without deaths. To
    die before the next step is the same death."""
    world = make()
    begun = len(world.fate.moments)
    world.settle()
    return [n for n, name in enumerate(world.fate.moments) if n >= begun and name.startswith("after")]


def check(world: World, cap_minor: int = 3000) -> None:
    """One order here and there, by one request, whatever died and whatever was lost."""
    order = world.order()
    assert order.state == State.PLACED, (order.state, order.problem, world.fate.moments)
    assert [order.retailer_order_id] == [there["id"] for there in world.shop.orders]
    assert order.total_minor == world.shop.total_minor <= cap_minor
    # One key, one body and one session for the request that buys, however often it was sent.
    assert len(set(world.shop.completes)) == 1


def worlds(fresh_house: FreshHouse, honours_keys: bool, deaths: Iterable[int] = ()) -> World:
    """A new world."""
    fate = Fate(set(deaths))
    return World(fresh_house(), ForgetfulShop(fate, honours_keys), fate)


@pytest.mark.parametrize("honours_keys", [True, False])
def test_death_at_every_moment(fresh_house: FreshHouse, honours_keys: bool) -> None:
    """The dispatcher dies once, at the first moment, the second, and so on to the last."""
    moment = 0
    for moment in range(MOST_MOMENTS):
        world = worlds(fresh_house, honours_keys, [moment])
        world.settle()
        check(world)
        if world.deaths == 0:
            break
    assert 20 < moment < MOST_MOMENTS - 1  # it is a long conversation, and every moment of it was tried


@settings(LAWFUL, max_examples=60)
@given(
    honours_keys=st.booleans(),
    deaths=st.sets(st.integers(0, 120), max_size=5),
    losses=st.lists(st.sampled_from(LOSSES), max_size=8),
)
def test_many_deaths_and_lost_answers(
    fresh_house: FreshHouse, honours_keys: bool, deaths: set[int], losses: list[str]
) -> None:
    """Several deaths and a shop that loses answers before and after it acts."""
    world = worlds(fresh_house, honours_keys, deaths)
    world.shop.losses = iter(losses)
    world.settle()
    check(world)


@pytest.mark.parametrize("by_hand", [False, True], ids=["session left", "session finished by a person"])
def test_death_at_every_moment_after_an_approval(fresh_house: FreshHouse, by_hand: bool) -> None:
    """A person agrees to a price over the cap: the first session is closed before another may be completed.

    Where the person meanwhile finished the first session at the shop, that is the order, and the only one.
    """
    moment = 0
    for moment in range(MOST_MOMENTS):
        world = worlds(fresh_house, honours_keys=False)
        world.shop.total_minor = 3490
        world.settle()
        assert (world.order().state, world.shop.orders) == (State.NEEDS_ATTENTION, [])
        if by_hand:
            world.shop.person_completes(world.checkout_id())
        world.approve(3490)
        world.fate.deaths = {len(world.fate.moments) + moment}
        world.settle()
        check(world, cap_minor=3490)
        if world.deaths == 0:
            break
    assert 5 < moment < MOST_MOMENTS - 1
