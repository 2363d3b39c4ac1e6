"""Law 5 for the month: sixty-four at once, and the budget is not passed by a minor unit."""

import random
from datetime import timedelta

import pytest
from sqlmodel import select

from replenish_server.households.ledger import RELEASED, Entry, release, reserve, settle, spending_of
from replenish_server.households.tables import HouseholdMandate, LedgerEntry
from replenish_server.ordering.orders import create_order
from replenish_server.ordering.tables import PurchaseOrder
from tests.fakes.retailer_house import HOUSEHOLD, NOW, House
from tests.laws.conftest import FreshHouse
from tests.support.crowd import at_once
from tests.support.seeds import seeds

pytestmark = [pytest.mark.law, pytest.mark.timeout(180)]

CROWD = 64
SCHEDULES = 4


def furnished(house: House, budget_minor: int, orders: int) -> list[str]:
    """A household with a budget, and ended orders that may be booked."""
    new = house.order_of(house.slots["level-1"])
    made = []
    with house.database.write() as session:
        session.add(HouseholdMandate(household_id=HOUSEHOLD, budget_minor=budget_minor, changed_at=NOW))
        for _ in range(orders):
            order = session.get_one(PurchaseOrder, create_order(session, new, NOW))
            order.state = "canceled"  # the index allows one open order of a slot; the ledger does not look
            session.add(order)
            session.flush()
            made.append(order.id)
    return made


@pytest.mark.parametrize("seed", seeds(7000, SCHEDULES))
def test_sixty_four_at_once_never_pass_the_budget(fresh_house: FreshHouse, seed: int) -> None:
    """Some reserve, some cancel, some settle for less; whoever was refused was refused for want of money."""
    rng, house = random.Random(seed), fresh_house()
    budget = rng.randrange(1, 40) * 997
    plan = [
        (order_id, rng.choice([1, 499, 997, 2990, budget]), rng.choice(["keep", "cancel", "settle"]))
        for order_id in furnished(house, budget, CROWD)
    ]
    refused: list[tuple[int, int]] = []

    def order(order_id: str, amount: int, then: str) -> None:
        slot = house.slots["level-1"]
        with house.database.write() as session:
            verdict = reserve(session, Entry(HOUSEHOLD, slot, order_id, amount, "EUR"), NOW)
            after = spending_of(session, HOUSEHOLD, NOW)
        assert 0 <= after.reserved_minor + after.settled_minor <= budget
        if not verdict.ok:
            refused.append((amount, int(verdict.numbers["left_minor"] or 0)))
        elif then == "cancel":
            with house.database.write() as session:
                release(session, order_id, NOW)
        elif then == "settle":
            with house.database.write() as session:
                settle(session, order_id, amount - 1, NOW)

    at_once([lambda step=step: order(*step) for step in plan])  # type: ignore[misc]
    with house.database.read() as session:
        rows = session.exec(select(LedgerEntry)).all()
    assert sum(row.amount_minor for row in rows if row.state != RELEASED) <= budget
    assert all(amount > left for amount, left in refused)
    assert len(rows) + len(refused) == CROWD


def test_sixty_four_presses_for_the_last_cent_give_one_order(fresh_house: FreshHouse) -> None:
    """Exactly one fits, and exactly one is let go."""
    house = fresh_house()
    orders, let_go = furnished(house, 997, CROWD), []

    def press(order_id: str) -> None:
        with house.database.write() as session:
            entry = Entry(HOUSEHOLD, house.slots["level-1"], order_id, 997, "EUR")
            if reserve(session, entry, NOW).ok:
                let_go.append(order_id)

    at_once([lambda order_id=order_id: press(order_id) for order_id in orders])  # type: ignore[misc]
    assert 1 == len(let_go)


def test_what_rolls_back_is_not_booked(fresh_house: FreshHouse) -> None:
    """The order did not leave, so its money is free."""
    house = fresh_house()
    (order_id,) = furnished(house, 997, 1)

    def leave_and_crash() -> None:
        with house.database.write() as session:
            assert reserve(session, Entry(HOUSEHOLD, house.slots["level-1"], order_id, 997, "EUR"), NOW).ok
            raise RuntimeError

    with pytest.raises(RuntimeError):
        leave_and_crash()
    with house.database.read() as session:
        assert 997 == spending_of(session, HOUSEHOLD, NOW + timedelta(hours=1)).left_minor
