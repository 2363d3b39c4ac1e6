"""Orders that leave straight from the decision, and conversations side by side."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from sqlmodel import select

from replenish_server.clock import Clock
from replenish_server.ids import OrderId, RetailerId
from replenish_server.ordering.claims import Claim
from replenish_server.ordering.dispatch import Dispatcher
from replenish_server.ordering.orders import create_order
from replenish_server.ordering.states import State
from replenish_server.ordering.stops import EVERYTHING, stop
from replenish_server.ordering.tables import Parcel, PurchaseOrder, RetailerCall
from replenish_server.replenishment.evaluator import Evaluator
from replenish_server.retailers.port import Journal, Need, Opening, Placed, Quote, QuotedLine
from replenish_server.retailers.tables import Retailer
from replenish_server.telemetry.store import Incoming, store_batch
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import NOW, House

PRESS = b'{"v":1,"b":"0000000a","s":1,"t":"press","g":"short","c":2}'
SECOND_SHOP = RetailerId("shop-2")


@dataclass
class CalmShop:
    """A shop that sells everything at one price."""

    bought: list[str] = field(default_factory=list)

    def opening(self, need: Need) -> Opening:
        """It says the same to everybody."""
        return Opening("create", "POST", "https://shop.test", b"{}")

    def quote(self, need: Need, journal: Journal) -> Quote:
        """Ten euros each."""
        journal.prepare("create", "POST", "https://shop.test", b"{}")
        lines = tuple(QuotedLine(line.item_id, line.packs, 1000, 1000 * line.packs) for line in need.lines)
        return Quote("chk_1", sum(line.total_minor for line in lines), "EUR", None, lines=lines)

    def place(self, quote: Quote, journal: Journal) -> Placed:
        """It is bought."""
        journal.prepare("complete", "POST", "https://shop.test", b"{}")
        self.bought.append(quote.lines[0].item_id)
        return Placed(f"ord_{len(self.bought)}", "", quote.total_minor, "EUR")


@dataclass
class Exit:
    """Departures that note what was taken, and carry nothing out."""

    dispatcher: Dispatcher
    taken: list[Claim] = field(default_factory=list)

    def take(self, session: object, order_id: str) -> Claim | None:
        """As the server does."""
        return self.dispatcher.take(session, order_id)  # type: ignore[arg-type]

    def send(self, claim: Claim) -> None:
        """Later."""
        self.taken.append(claim)


def make_dispatcher(house: House, shop: CalmShop, clock: Clock | None = None) -> Dispatcher:
    """A dispatcher whose every retailer is `shop`."""
    return Dispatcher(house.database, lambda _: shop, clock or ManualClock(NOW))  # type: ignore[arg-type, return-value]


def press(house: House, way_out: Exit) -> None:
    """The button is pressed, and its slot evaluated."""
    with house.database.write() as session:
        stored = store_batch(session, [Incoming("rp/1/button-1/up/ev", PRESS, False, NOW)])
    Evaluator(house.database, ManualClock(NOW), departures=way_out).run_pressed(stored.slots_pressed)


def the_order(house: House) -> PurchaseOrder:
    """The only one."""
    with house.database.read() as session:
        return session.exec(select(PurchaseOrder)).one()


def test_the_order_of_a_press_is_claimed_in_the_transaction_that_opens_it(house: House) -> None:
    """So nobody has to find it, and nobody else can take it."""
    shop = CalmShop()
    dispatcher = make_dispatcher(house, shop)
    way_out = Exit(dispatcher)
    press(house, way_out)
    (claim,) = way_out.taken
    assert claim.orders[0].id == the_order(house).id
    assert dispatcher.next_job() is None
    dispatcher.job_of(claim)()
    assert the_order(house).state == State.PLACED
    assert len(shop.bought) == 1


@pytest.mark.sqlite
def test_who_dies_between_the_decision_and_the_conversation_loses_nothing(house: House) -> None:
    """The next start frees the claim; the lease's end would do so too."""
    shop = CalmShop()
    way_out = Exit(make_dispatcher(house, shop))
    press(house, way_out)
    successor = make_dispatcher(house, shop)
    assert successor.run() == 0
    successor.release_leases()
    assert successor.run() == 1
    way_out.dispatcher.job_of(way_out.taken[0])()  # the dead one wakes: its fence is gone
    assert the_order(house).state == State.PLACED
    assert len(shop.bought) == 1


def test_the_first_call_is_stored_with_the_order_and_sent_under_the_same_key(house: House) -> None:
    """By whoever sends it: the worker that took the parcel asks the database for nothing, its successor finds
    the very call."""
    way_out = Exit(make_dispatcher(house, CalmShop()))
    press(house, way_out)
    (claim,) = way_out.taken
    with house.database.read() as session:
        (call,) = session.exec(select(RetailerCall)).all()
    assert claim.begun is not None
    assert (claim.begun[0], claim.begun[1].key) == (call.step, call.key) == ("create", call.key)
    lease_over = ManualClock(NOW + timedelta(seconds=91))
    assert make_dispatcher(house, CalmShop(), lease_over).run() == 1
    with house.database.read() as session:
        keys = session.exec(select(RetailerCall.key).where(RetailerCall.step == "create")).all()
    assert keys == [call.key]


def test_what_cannot_be_said_at_once_is_said_in_the_conversation(house: House) -> None:
    """A retailer that has to be asked something before, or whose adapter fails, loses no order."""

    class Asks(CalmShop):
        def opening(self, need: Need) -> Opening:
            raise RuntimeError("no profile yet")

    shop = Asks()
    way_out = Exit(make_dispatcher(house, shop))
    press(house, way_out)
    (claim,) = way_out.taken
    assert claim.begun is None
    way_out.dispatcher.job_of(claim)()
    assert the_order(house).state == State.PLACED
    assert len(shop.bought) == 1


def test_a_lease_that_nobody_works_on_ends(house: House) -> None:
    """Without any restart."""
    shop, clock = CalmShop(), ManualClock(NOW)
    press(house, Exit(make_dispatcher(house, shop)))
    clock.pass_s(91)
    assert make_dispatcher(house, shop, clock).run() == 1
    assert the_order(house).state == State.PLACED


@pytest.mark.parametrize("hindrance", ["our page is silent", "a stop switch"])
def test_a_press_that_may_not_leave_now_is_found_later(house: House, hindrance: str) -> None:
    """The order stands, and leaves when it may."""
    shop = CalmShop()
    dispatcher = make_dispatcher(house, shop)
    way_out = Exit(dispatcher)
    if hindrance == "a stop switch":
        with house.database.write() as session:
            stop(session, EVERYTHING, NOW)
    else:
        dispatcher.hold_back()
    press(house, way_out)
    assert way_out.taken == []
    assert the_order(house).state == State.PLACING
    assert dispatcher.next_job() is None


def test_what_was_taken_before_our_page_fell_silent_is_let_go_of(house: House) -> None:
    """Nothing is said to the shop, and the next start takes it up at once."""
    shop = CalmShop()
    dispatcher = make_dispatcher(house, shop)
    way_out = Exit(dispatcher)
    press(house, way_out)
    dispatcher.hold_back()
    dispatcher.job_of(way_out.taken[0])()
    assert shop.bought == []
    dispatcher.let_go()
    assert dispatcher.run() == 1
    assert len(shop.bought) == 1


def _two_orders(house: House) -> list[OrderId]:
    """One at each of two retailers."""
    with house.database.write() as session:
        first = session.get_one(Retailer, "shop-1")
        session.add(Retailer(**(first.model_dump() | {"id": SECOND_SHOP, "name": "Other"})))
    level, button = (house.order_of(house.slots[name]) for name in ("level-1", "button-1"))
    orders = [level, replace(button, retailer_id=SECOND_SHOP)]
    with house.database.write() as session:
        return [create_order(session, new, NOW + n * timedelta(seconds=1)) for n, new in enumerate(orders)]


def test_a_slow_retailer_leaves_workers_for_the_others(house: House) -> None:
    """With two conversations in hand it gets no third; another's order is taken."""
    dispatcher = make_dispatcher(house, CalmShop(), ManualClock(NOW + timedelta(minutes=1)))
    orders = _two_orders(house)
    with house.database.read() as session:
        slow = session.get_one(Retailer, "shop-1")
        other = session.get_one(PurchaseOrder, orders[1]).parcel_id
    parcel = Parcel(id="par-elsewhere", household_id="home-1", retailer_id="shop-1", created_at=NOW)
    stuck = [dispatcher.job_of(Claim(parcel, (), None, slow)) for _ in range(2)]  # type: ignore[arg-type]
    job = dispatcher.next_job()
    assert job is not None
    job()
    with house.database.read() as session:
        placed = session.get_one(PurchaseOrder, orders[1])
        assert (placed.state, placed.parcel_id) == (State.PLACED, other)
        assert session.get_one(PurchaseOrder, orders[0]).state == State.PLACING
        assert dispatcher.take(session, orders[0]) is None
    assert dispatcher.next_job() is None
    stuck[0]()
    assert dispatcher.next_job() is not None
