"""The mandate over the real dispatcher: each rule stops an order, says why, and stores no completing call."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlmodel import select

from replenish_server.households.calendar import QuietHours
from replenish_server.households.ledger import spending_of
from replenish_server.households.mandate import Mode, Rules, Verdict
from replenish_server.households.rules import HomeRules, pause_home, set_home_rules, set_slot_rules
from replenish_server.ordering.dispatch import Dispatcher
from replenish_server.ordering.limits import verdicts_of, wake_orders
from replenish_server.ordering.orders import approve, create_order, leave_now
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import PurchaseOrder, RetailerCall
from replenish_server.replenishment.mandate_texts import clause
from replenish_server.retailers.port import Problem
from replenish_server.retailers.prices import known_price
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import HOUSEHOLD, NOW, RETAILER, House
from tests.unit.ordering.test_parcels import SHIPPING_MINOR, SeveralLines

FREE = Rules(mode=Mode.AUTO, price_cap_minor=3000)
TOTAL = 2000 + SHIPPING_MINOR
TOMORROW = date(2026, 5, 5)


def let_go(
    house: House,
    rules: Rules = FREE,
    home: Rules | None = None,
    trigger: str = "level",
    paid: int | None = None,
    clock: ManualClock | None = None,
) -> tuple[PurchaseOrder, SeveralLines]:
    """Under these rules the dispatcher works on an order of two packs for 20.00, plus shipping."""
    shop = SeveralLines({"det-1kg": 1000})
    new_clock = clock or ManualClock(NOW)
    prepared = replace(house.order_of(house.slots["level-1"]), trigger=trigger)
    with house.database.write() as session:
        set_slot_rules(session, house.slots["level-1"], rules, NOW)
        set_home_rules(session, HOUSEHOLD, HomeRules(home or Rules(), 3), NOW)
        if paid is not None:
            before = session.get_one(PurchaseOrder, create_order(session, prepared, NOW))
            before.state, before.placed_at, before.goods_minor = State.CLOSED, NOW, paid
            session.add(before)
            session.flush()
        order_id = create_order(session, prepared, NOW)
    Dispatcher(house.database, lambda _: shop, new_clock).run()  # type: ignore[arg-type, return-value]
    with house.database.read() as session:
        return session.get_one(PurchaseOrder, order_id), shop


def refused(order: PurchaseOrder) -> Verdict:
    """The verdict that the order keeps as the reason."""
    (no,) = [verdict for verdict in verdicts_of(order) if not verdict.ok]
    return no


def completing_calls(house: House) -> int:
    """How many calls that cost money were ever stored."""
    with house.database.read() as session:
        return len(session.exec(select(RetailerCall).where(RetailerCall.step == "complete")).all())


def test_within_its_mandate_an_order_leaves_with_every_verdict(house: House) -> None:
    """They are kept with the hash of the mandate, and each reads in both languages."""
    order, shop = let_go(house, replace(FREE, over_last_paid_percent=10), Rules(budget_minor=5000), paid=1900)
    assert [("det-1kg",)] == shop.bought
    assert order.state == State.PLACED
    verdicts = verdicts_of(order)
    assert all(verdict.ok for verdict in verdicts)
    assert {"pause", "quiet_hours", "retailer", "mode", "price_cap", "over_last_paid", "expiry"} < {
        verdict.rule for verdict in verdicts
    }
    assert {"product", "size_class", "budget"} < {verdict.rule for verdict in verdicts}
    assert all(clause(verdict, "mg", language) for verdict in verdicts for language in ("en", "ko"))
    assert len(order.mandate_digest or "") == 64
    with house.database.read() as session:
        assert spending_of(session, HOUSEHOLD, NOW).settled_minor == TOTAL
        price = known_price(session, RETAILER, "det-1kg")
    assert price is not None
    assert (price.price_minor, price.source) == (1000, "quote")


@pytest.mark.parametrize(
    ("rules", "home", "paid", "rule", "problem", "said"),
    [
        (
            replace(FREE, price_cap_minor=TOTAL - 1),
            None,
            None,
            "price_cap",
            Problem.PRICE_OVER_CAP,
            "€24.01 is over the limit of €24.00",
        ),
        (
            replace(FREE, over_last_paid_percent=4),
            None,
            1900,
            "over_last_paid",
            Problem.PRICE_JUMPED,
            "is 5.3 % over the €19.00",
        ),
        (
            FREE,
            Rules(budget_minor=TOTAL - 1),
            None,
            "budget",
            Problem.OVER_BUDGET,
            "€24.00 are left; €24.01 is more",
        ),
        (
            replace(FREE, budget_minor=TOTAL - 1),
            None,
            None,
            "budget",
            Problem.OVER_BUDGET,
            "this supply's €24.00",
        ),
        (
            replace(FREE, valid_until=date(2026, 5, 3)),
            None,
            None,
            "expiry",
            Problem.OUTSIDE_MANDATE,
            "your rules ended on 2026-05-03",
        ),
        (
            FREE,
            Rules(retailers=("shop-9",)),
            None,
            "retailer",
            Problem.OUTSIDE_MANDATE,
            "Shop is not among",
        ),
        (replace(FREE, mode=Mode.ASK), None, None, "mode", Problem.OUTSIDE_MANDATE, "asked to be asked"),
        (replace(FREE, mode=Mode.SHADOW), None, None, "mode", Problem.OUTSIDE_MANDATE, "on trial"),
    ],
)
def test_each_rule_stops_an_order_and_says_why(
    house: House,
    rules: Rules,
    home: Rules | None,
    paid: int | None,
    rule: str,
    problem: Problem,
    said: str,
) -> None:
    """A person is asked; nothing was bought, booked or stored for sending."""
    order, shop = let_go(house, rules, home, paid=paid)
    assert (order.state, order.problem) == (State.NEEDS_ATTENTION, problem)
    no = refused(order)
    assert no.rule == rule
    assert said in clause(no, "mg", "en")
    assert [] == shop.bought
    assert completing_calls(house) == 0
    with house.database.read() as session:
        month = spending_of(session, HOUSEHOLD, NOW)
    assert (month.reserved_minor, month.settled_minor) == (0, 0)


@pytest.mark.parametrize(
    ("rules", "lets_go"),
    [
        (replace(FREE, paused_until=TOMORROW), timedelta(hours=12)),
        (replace(FREE, quiet=QuietHours(11 * 60, 13 * 60)), timedelta(hours=1)),
    ],
)
def test_pause_and_quiet_hours_only_delay(house: House, rules: Rules, lets_go: timedelta) -> None:
    """Until they are over the shop is not even asked; then the order leaves by itself."""
    clock = ManualClock(NOW)
    order, shop = let_go(house, rules, clock=clock)
    assert (order.state, shop.needs) == (State.PLACING, [])
    dispatcher = Dispatcher(house.database, lambda _: shop, clock)  # type: ignore[arg-type, return-value]
    clock.pass_s(lets_go.total_seconds() - 60)
    dispatcher.run()
    assert [] == shop.needs
    clock.pass_s(60)
    dispatcher.run()
    assert [("det-1kg",)] == shop.bought


def test_a_pause_that_is_taken_back_lets_go_at_once(house: House) -> None:
    clock = ManualClock(NOW)
    _, shop = let_go(house, FREE, Rules(paused_until=TOMORROW), clock=clock)
    with house.database.write() as session:
        pause_home(session, HOUSEHOLD, None, NOW)
        wake_orders(session, HOUSEHOLD, NOW)
    Dispatcher(house.database, lambda _: shop, clock).run()  # type: ignore[arg-type, return-value]
    assert [("det-1kg",)] == shop.bought


def test_a_press_does_not_wait_for_the_morning(house: House) -> None:
    """A person is there; and the order says that the hour was waived."""
    order, shop = let_go(house, replace(FREE, quiet=QuietHours(0, 1439)), trigger="press")
    assert [("det-1kg",)] == shop.bought
    (waived,) = [verdict for verdict in verdicts_of(order) if "waived_by" in verdict.numbers]
    assert (waived.rule, waived.numbers["waived_by"]) == ("quiet_hours", "press")


def test_who_does_not_want_to_wait_does_not_wait_for_the_morning(house: House) -> None:
    """A person in the page ended the cooling-off: the hour is waived as by a press."""
    clock, shop = ManualClock(NOW), SeveralLines({"det-1kg": 1000})
    prepared = replace(house.order_of(house.slots["level-1"]), trigger="level", start=State.COOLING_OFF)
    with house.database.write() as session:
        rules = replace(FREE, quiet=QuietHours(0, 1439))
        set_slot_rules(session, house.slots["level-1"], rules, NOW)
        leave_now(session, create_order(session, prepared, NOW), NOW, "Ada")
    Dispatcher(house.database, lambda _: shop, clock).run()  # type: ignore[arg-type, return-value]
    assert [("det-1kg",)] == shop.bought


def test_an_approval_stands_over_the_price_and_not_over_the_budget(house: House) -> None:
    """Approved, it leaves over the cap; over the budget it still waits, until that is raised."""
    order, shop = let_go(house, replace(FREE, price_cap_minor=1), Rules(budget_minor=TOTAL - 1))
    assert order.problem == Problem.PRICE_OVER_CAP
    clock = ManualClock(NOW)
    dispatcher = Dispatcher(house.database, lambda _: shop, clock)  # type: ignore[arg-type, return-value]
    for budget in (TOTAL - 1, TOTAL):
        with house.database.write() as session:
            set_home_rules(session, HOUSEHOLD, HomeRules(Rules(budget_minor=budget), 3), NOW)
            approve(session, order.id, TOTAL, clock.now())
        dispatcher.run()
        clock.pass_s(60)
        dispatcher.run()
        assert bool(shop.bought) == (budget == TOTAL)
