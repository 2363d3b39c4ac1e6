"""Orders that travel together: who comes along, who leaves, and what each pays."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from replenish_server.fleet.registry import NewDevice, Product, add_device
from replenish_server.households.mandate import Rules
from replenish_server.households.notices import list_notices
from replenish_server.households.rules import HomeRules, set_home_rules
from replenish_server.households.tables import HouseholdMandate, LedgerEntry, SlotMandate
from replenish_server.ids import OrderId
from replenish_server.ordering.dispatch import Dispatcher
from replenish_server.ordering.follow import Follower
from replenish_server.ordering.orders import approve, cancel, create_order
from replenish_server.ordering.tables import Parcel, PurchaseOrder, RetailerCall
from replenish_server.retailers.instruments import Instrument, add_instrument
from replenish_server.retailers.port import (
    Journal,
    Need,
    OrderSnapshot,
    Placed,
    Problem,
    Progress,
    Quote,
    QuotedLine,
    Trouble,
    TryLater,
    Unknown,
)
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import HOUSEHOLD, NOW, RETAILER, House

SHIPPING_MINOR = 401
MINUTE = timedelta(minutes=1)


@dataclass
class SeveralLines:
    """A shop with a price for each article, in memory.

    Args:
        prices: by article, in minor units; what is not in it is out of stock.
        names_lines: whether it says which line it has none of.
        outcomes: of each complete in turn; afterwards it is placed.
    """

    prices: dict[str, int]
    names_lines: bool = False
    outcomes: list[Placed | Trouble | Unknown] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    bought: list[tuple[str, ...]] = field(default_factory=list)
    between: Callable[[], None] = lambda: None

    def quote(self, need: Need, journal: Journal) -> Quote | Trouble:
        """All lines, or nothing."""
        items = [line.item_id for line in need.lines]
        if journal.find("create") is None:
            self.needs.append(need)
            journal.prepare("create", "POST", "https://shop.test", repr(items).encode())
        if not set(items) <= set(self.prices):
            lacking = [item for item in items if item not in self.prices]
            return Trouble(Problem.OUT_OF_STOCK, item_id=lacking[0] if self.names_lines else None)
        lines = [
            QuotedLine(
                line.item_id, line.packs, self.prices[line.item_id], line.packs * self.prices[line.item_id]
            )
            for line in need.lines
        ]
        self.between()
        total = sum(line.total_minor for line in lines) + SHIPPING_MINOR
        return Quote(f"chk_{len(self.needs)}", total, "EUR", None, lines=tuple(lines))

    def place(self, quote: Quote, journal: Journal) -> Placed | Trouble | Unknown:
        """It is bought, unless the test says otherwise."""
        journal.prepare("complete", "POST", "https://shop.test", quote.checkout_id.encode())
        if self.outcomes:
            return self.outcomes.pop(0)
        self.bought.append(tuple(line.item_id for line in quote.lines))
        return Placed(f"ord_{len(self.bought)}", "", quote.total_minor, "EUR")

    def retire(self, checkout_id: str, _journal: Journal) -> None:
        """It is closed."""
        self.retired.append(checkout_id)

    def read_order(self, retailer_order_id: str) -> OrderSnapshot:
        """It was delivered."""
        return OrderSnapshot(retailer_order_id, Progress.DELIVERED, "", None)


@pytest.fixture
def shop() -> SeveralLines:
    """Two articles."""
    return SeveralLines({"det-1kg": 1000, "filter": 333})


@pytest.fixture
def two(house: House) -> tuple[OrderId, OrderId]:
    """An order of each slot, of different articles, that leave at once."""
    level = house.order_of(house.slots["level-1"])
    button = replace(house.order_of(house.slots["button-1"]), item_id="filter", packs=1)
    with house.database.write() as session:
        return create_order(session, level, NOW - MINUTE), create_order(session, button, NOW)


def run(house: House, shop: SeveralLines, after_s: float = 0) -> Dispatcher:
    """Work on all that is due."""
    clock = ManualClock(NOW)
    clock.pass_s(after_s)
    dispatcher = Dispatcher(house.database, lambda _: shop, clock)  # type: ignore[arg-type, return-value]
    dispatcher.run()
    return dispatcher


def read(house: House, *ids: str) -> list[PurchaseOrder]:
    """The orders as they are kept."""
    with house.database.read() as session:
        return [session.get_one(PurchaseOrder, order_id) for order_id in ids]


def change(house: House, how: Callable[[Session], object]) -> None:
    """One transaction."""
    with house.database.write() as session:
        how(session)


def test_two_orders_travel_as_one_and_pay_exactly_what_it_costs(
    house: House, shop: SeveralLines, two: tuple[OrderId, OrderId]
) -> None:
    """One session, one completing call, one order there; shipping is shared by price."""
    run(house, shop)
    detergent, filters = read(house, *two)
    assert [("det-1kg", "filter")] == shop.bought
    assert detergent.retailer_order_id == filters.retailer_order_id == "ord_1"
    assert detergent.parcel_id == filters.parcel_id
    assert (2000 + 344, 333 + 57) == (detergent.total_minor, filters.total_minor)
    with house.database.read() as session:
        assert 1 == len(session.exec(select(Parcel)).all())
        booked = {row.order_id: (row.amount_minor, row.state) for row in session.exec(select(LedgerEntry))}
    assert {detergent.id: (2344, "settled"), filters.id: (390, "settled")} == booked


def test_one_news_of_the_parcel_moves_all_of_it(
    house: House, shop: SeveralLines, two: tuple[OrderId, OrderId]
) -> None:
    """The retailer is asked once."""
    run(house, shop)
    follower = Follower(house.database, lambda _: shop, ManualClock(NOW + timedelta(hours=1)))  # type: ignore[arg-type, return-value]
    assert 1 == follower.run()
    assert ["delivered", "closed"] == [order.state for order in read(house, *two)]  # a button closes


def test_the_same_article_twice_travels_apart(house: House, shop: SeveralLines) -> None:
    """A line stands once in a session."""
    made = []
    for slot in house.slots.values():
        new = house.order_of(slot)
        with house.database.write() as session:
            made.append(create_order(session, new, NOW))
    run(house, shop)
    assert [("det-1kg",), ("det-1kg",)] == shop.bought


def test_what_is_out_of_stock_leaves_and_the_other_goes_on(
    house: House, shop: SeveralLines, two: tuple[OrderId, OrderId]
) -> None:
    """Each has its own fate, and nothing is bought twice."""
    del shop.prices["filter"]
    run(house, shop)
    detergent, filters = read(house, *two)
    assert [("det-1kg",)] == shop.bought
    assert ("placed", "needs_attention", "out_of_stock") == (detergent.state, filters.state, filters.problem)
    assert detergent.parcel_id != filters.parcel_id


@pytest.mark.parametrize(
    ("names_lines", "bought"),
    [(True, [("det-1kg", "soap")]), (False, [("det-1kg",), ("soap",)])],
    ids=["the shop names the line", "it does not"],
)
def test_where_the_shop_names_a_line_the_others_still_travel_together(
    house: House,
    shop: SeveralLines,
    two: tuple[OrderId, OrderId],
    names_lines: bool,
    bought: list[tuple[str, ...]],
) -> None:
    """Of three orders one cannot be had: it alone waits for a person."""
    new = NewDevice(
        "button", "Second", "Sink", "detergent", Product(RETAILER, "soap", "Soap", 1), device_id="button-2"
    )
    with house.database.write() as session:
        _, slot = add_device(session, HOUSEHOLD, new, NOW)
        session.add(
            SlotMandate(slot_id=slot, mode="auto", price_cap_minor=9000, currency="EUR", changed_at=NOW)
        )
    third = replace(house.order_of(slot), item_id="soap", packs=1)
    change(house, lambda s: create_order(s, third, NOW + MINUTE))
    del shop.prices["filter"]
    shop.prices["soap"], shop.names_lines = 250, names_lines
    run(house, shop, after_s=120)
    _, filters = read(house, *two)
    assert (bought, "out_of_stock") == (shop.bought, filters.problem)


def test_a_home_that_keeps_its_orders_apart_gets_two_parcels(
    house: House, shop: SeveralLines, two: tuple[OrderId, OrderId]
) -> None:
    """A basket of no days."""
    change(house, lambda s: set_home_rules(s, HOUSEHOLD, HomeRules(Rules(), 0), NOW))
    run(house, shop)
    assert [("det-1kg",), ("filter",)] == shop.bought
    assert {"placed"} == {order.state for order in read(house, *two)}


def test_what_is_over_its_cap_leaves_and_the_other_goes_on_in_a_new_session(
    house: House, shop: SeveralLines, two: tuple[OrderId, OrderId]
) -> None:
    """The session with both is closed before the next may be completed."""
    change(house, lambda s: setattr(s.get_one(SlotMandate, house.slots["button-1"]), "price_cap_minor", 389))
    run(house, shop)
    detergent, filters = read(house, *two)
    assert [("det-1kg",)] == shop.bought
    assert ["chk_1"] == shop.retired
    assert ("placed", "price_over_cap") == (detergent.state, filters.problem)
    assert 333 + SHIPPING_MINOR == filters.quoted_minor  # what it costs alone is what a person is asked for
    change(house, lambda s: approve(s, filters.id, filters.quoted_minor or 0, NOW))
    run(house, shop)
    assert [("det-1kg",), ("filter",)] == shop.bought


def test_what_the_budget_does_not_allow_waits_and_nothing_stays_booked(
    house: House, shop: SeveralLines, two: tuple[OrderId, OrderId]
) -> None:
    """Both together would pass it, one alone does not."""
    budget = HouseholdMandate(household_id=HOUSEHOLD, budget_minor=2500, changed_at=NOW)
    change(house, lambda s: s.add(budget))
    run(house, shop)
    detergent, filters = read(house, *two)
    assert ("placed", "over_budget") == (detergent.state, filters.problem)
    with house.database.read() as session:
        assert [detergent.id] == [row.order_id for row in session.exec(select(LedgerEntry))]


def test_an_order_that_is_canceled_in_the_middle_is_not_bought(
    house: House, shop: SeveralLines, two: tuple[OrderId, OrderId]
) -> None:
    """The session that names it is never completed."""

    def once() -> None:
        shop.between = lambda: None
        change(house, lambda s: cancel(s, two[1], NOW))

    shop.between = once
    run(house, shop)
    assert [("det-1kg",)] == shop.bought
    assert ["placed", "canceled"] == [order.state for order in read(house, *two)]


def test_an_unknown_outcome_keeps_them_together(
    house: House, shop: SeveralLines, two: tuple[OrderId, OrderId]
) -> None:
    """Until it is known: then it is one order for both, or none."""
    shop.outcomes = [Unknown("no answer")]
    run(house, shop)
    with house.database.read() as session:
        assert 1 == len(session.exec(select(RetailerCall).where(RetailerCall.step == "complete")).all())
    assert ["placing", "placing"] == [order.state for order in read(house, *two)]
    shop.outcomes = [Trouble(Problem.UNKNOWN_OUTCOME, "a day has passed")]
    run(house, shop, after_s=90)
    assert {"unknown_outcome"} == {order.problem for order in read(house, *two)}
    change(house, lambda s: approve(s, two[0], 2344, NOW))
    assert ["placing", "placing"] == [order.state for order in read(house, *two)]
    run(house, shop, after_s=180)
    assert ["ord_1", "ord_1"] == [order.retailer_order_id for order in read(house, *two)]
    assert 1 == len(shop.needs)


def test_a_declined_payment_parts_them_and_asks_for_each(
    house: House, shop: SeveralLines, two: tuple[OrderId, OrderId]
) -> None:
    """Nothing is tried again without a person."""
    shop.outcomes = [Trouble(Problem.PAYMENT_FAILED)]
    run(house, shop)
    detergent, filters = read(house, *two)
    assert {"payment_failed"} == {detergent.problem, filters.problem}
    assert detergent.parcel_id != filters.parcel_id
    assert [] == shop.bought


def test_a_declined_payment_is_tried_once_with_the_next_instrument(
    house: House, shop: SeveralLines, two: tuple[OrderId, OrderId]
) -> None:
    """Together, in a new session; the household is told, and a third try is a person's."""
    change(house, lambda s: add_instrument(s, RETAILER, Instrument("Giro", "pay-1", "tok-2")))
    change(house, lambda s: add_instrument(s, RETAILER, Instrument("Card", "pay-1", "tok-3")))
    shop.outcomes = [Trouble(Problem.PAYMENT_FAILED, may_pay_otherwise=True)] * 2
    run(house, shop)
    assert [0, 1] == [need.instrument for need in shop.needs]
    assert ["chk_1"] == shop.retired
    assert {"payment_failed"} == {order.problem for order in read(house, *two)}
    with house.database.read() as session:
        notices = list_notices(session, HOUSEHOLD, 100)
    assert 2 == [row.kind for row in notices].count("order_paid_otherwise")
    change(house, lambda s: approve(s, two[0], 9000, NOW))
    run(house, shop)
    assert [0, 1, 0] == [need.instrument for need in shop.needs]  # the person may have mended it
    assert "placed" == read(house, two[0])[0].state


def test_a_payment_that_signed_limits_name_is_not_replaced(
    house: House, shop: SeveralLines, two: tuple[OrderId, OrderId]
) -> None:
    """The adapter says so, and a person is asked at once."""
    change(house, lambda s: add_instrument(s, RETAILER, Instrument("Giro", "pay-1", "tok-2")))
    shop.outcomes = [Trouble(Problem.PAYMENT_FAILED)]
    run(house, shop)
    assert {"payment_failed"} == {order.problem for order in read(house, *two)}
    assert 1 == len(shop.needs)


def test_a_conversation_that_has_begun_takes_nobody_in(house: House, shop: SeveralLines) -> None:
    """A later order gets its own parcel."""
    first = house.order_of(house.slots["level-1"])
    second = replace(house.order_of(house.slots["button-1"]), item_id="filter")
    change(house, lambda s: create_order(s, first, NOW))

    def fail() -> None:
        raise TryLater("not now")

    shop.between = fail
    run(house, shop)
    change(house, lambda s: create_order(s, second, NOW))
    shop.between = lambda: None
    run(house, shop, after_s=120)
    assert {("det-1kg",), ("filter",)} == set(shop.bought)
