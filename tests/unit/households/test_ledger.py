"""The ledger, one booking at a time: what is reserved, settled and released, and in which month."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, select

from replenish_server.households.ledger import Entry, Spending, release, reserve, settle, spending_of
from replenish_server.households.mandate import Verdict
from replenish_server.households.tables import Household, HouseholdMandate, LedgerEntry
from replenish_server.ordering.orders import create_order
from replenish_server.ordering.tables import PurchaseOrder
from tests.fakes.retailer_house import HOUSEHOLD, NOW, House

Book = Callable[..., Verdict]


def order(house: House) -> str:
    """An order whose slot is free again."""
    new = house.order_of(house.slots["level-1"])
    with house.database.write() as session:
        made = session.get_one(PurchaseOrder, create_order(session, new, NOW))
        made.state = "canceled"
        session.add(made)
        return made.id


@pytest.fixture
def book(house: House) -> Book:
    """Books an amount in a household in Berlin with 50.00 EUR a month."""
    with house.database.write() as session:
        session.add(HouseholdMandate(household_id=HOUSEHOLD, budget_minor=5000, changed_at=NOW))
        session.get_one(Household, HOUSEHOLD).time_zone = "Europe/Berlin"

    def reserve_one(
        amount_minor: int, order_id: str | None = None, now: datetime = NOW, currency: str = "EUR"
    ) -> Verdict:
        entry = Entry(HOUSEHOLD, house.slots["level-1"], order_id or order(house), amount_minor, currency)
        with house.database.write() as session:
            return reserve(session, entry, now)

    return reserve_one


def month(house: House, now: datetime = NOW) -> Spending:
    """What the household has spent."""
    with house.database.read() as session:
        return spending_of(session, HOUSEHOLD, now)


def in_transaction(house: House, act: Callable[[Session], None]) -> None:
    """One use case."""
    with house.database.write() as session:
        act(session)


@pytest.mark.both_databases
def test_an_order_that_fits_is_booked_and_one_that_does_not_is_not(house: House, book: Book) -> None:
    """The verdict names what was left when it looked."""
    assert book(3000).ok
    refused = book(2001)
    assert (False, 2000, 3000) == (
        refused.ok,
        refused.numbers["left_minor"],
        refused.numbers["spent_minor"],
    )
    assert book(2000).ok
    assert Spending("2026-05", "EUR", 5000, 5000, 0) == month(house)


@pytest.mark.both_databases
def test_the_same_order_is_booked_once(house: House, book: Book) -> None:
    """Again, dearer, cheaper: the last one counts; one that no longer fits frees what it held."""
    one = order(house)
    for amount in (3000, 3000, 5000, 1000):
        assert book(amount, one).ok
        assert amount == month(house).reserved_minor
    assert not book(5001, one).ok
    assert 5000 == month(house).left_minor


@pytest.mark.both_databases
def test_a_canceled_order_gives_its_money_back(house: House, book: Book) -> None:
    """Once; releasing twice, or what was never booked, changes nothing; and it may be booked again."""
    one = order(house)
    book(5000, one)
    for _ in range(2):
        in_transaction(house, lambda session: release(session, one, NOW))
        in_transaction(house, lambda session: release(session, "ord-unknown", NOW))
        assert 5000 == month(house).left_minor
    assert book(4000, one).ok
    assert 1000 == month(house).left_minor


def test_a_placed_order_is_settled_at_what_it_cost(house: House, book: Book) -> None:
    """Cheaper frees the rest; a retailer that charged more is booked as it is, and nothing is left."""
    one = order(house)
    book(5000, one)
    in_transaction(house, lambda session: settle(session, one, 4400, NOW))
    assert (0, 4400, 600) == (
        month(house).reserved_minor,
        month(house).settled_minor,
        month(house).left_minor,
    )
    in_transaction(house, lambda session: settle(session, one, 5100, NOW))
    assert 0 == month(house).left_minor
    in_transaction(house, lambda session: settle(session, "ord-unknown", 1, NOW))
    assert not book(1).ok


def test_a_new_month_begins_at_the_households_midnight(house: House, book: Book) -> None:
    """What is settled later stays in the month in which the order left."""
    last = datetime(2026, 5, 31, 21, 59, 59, tzinfo=UTC)
    one = order(house)
    assert book(5000, one, last).ok
    assert not book(1, now=last).ok
    assert book(5000, now=last + timedelta(seconds=1)).ok
    in_transaction(house, lambda session: settle(session, one, 4000, NOW + timedelta(days=40)))
    assert 4000 == month(house, last).settled_minor


def test_without_a_budget_everything_is_booked_and_nothing_refused(house: House, book: Book) -> None:
    """What was spent is known all the same, also in another currency."""
    with house.database.write() as session:
        session.get_one(HouseholdMandate, HOUSEHOLD).budget_minor = None
    assert book(10**7).ok
    assert book(700, currency="USD").ok
    assert (None, 10**7) == (month(house).left_minor, month(house).reserved_minor)
    with house.database.read() as session:
        assert {"EUR", "USD"} == set(session.exec(select(LedgerEntry.currency)))


@pytest.mark.parametrize(("amount", "currency"), [(1, "USD"), (-1, "EUR")])
def test_what_cannot_be_added_up_fits_into_no_budget(book: Book, amount: int, currency: str) -> None:
    assert not book(amount, currency=currency).ok
