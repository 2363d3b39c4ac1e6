"""What stands in the transaction that stores the completing call: stop switches and the receipt."""

import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from replenish_server.households.ledger import spending_of
from replenish_server.ordering.dispatch import Dispatcher
from replenish_server.ordering.orders import create_order
from replenish_server.ordering.receipts import digest, receipt_of
from replenish_server.ordering.stops import EVERYTHING, RESTORED, go, stop
from replenish_server.ordering.tables import PurchaseOrder, Receipt, RetailerCall
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import HOUSEHOLD, NOW, House
from tests.unit.ordering.test_parcels import SeveralLines, read, run, shop, two

__all__ = ["shop", "two"]


def throw(house: House, scope: str) -> None:
    """Somebody throws a switch."""
    with house.database.write() as session:
        stop(session, scope, NOW, "Ada")


def completes(house: House) -> int:
    """How many completing calls were ever stored."""
    with house.database.read() as session:
        return len(session.exec(select(RetailerCall).where(RetailerCall.step == "complete")).all())


@pytest.mark.parametrize("scope", [EVERYTHING, RESTORED, HOUSEHOLD])
def test_nothing_is_asked_or_bought_while_a_switch_is_thrown(
    house: House, shop: SeveralLines, two: tuple[str, str], scope: str
) -> None:
    """And all of it leaves when the switch is taken back."""
    throw(house, scope)
    run(house, shop)
    assert ([], []) == (shop.needs, shop.bought)
    with house.database.write() as session:
        assert go(session, scope)
        assert not go(session, scope)
    run(house, shop)
    assert 1 == len(shop.bought)


def test_another_households_switch_holds_nothing_here(
    house: House, shop: SeveralLines, two: tuple[str, str]
) -> None:
    """Each is for itself."""
    throw(house, "home-2")
    run(house, shop)
    assert 1 == len(shop.bought)


@pytest.mark.usefixtures("two")
def test_a_switch_thrown_in_the_middle_of_a_conversation_keeps_the_money(
    house: House, shop: SeveralLines
) -> None:
    """The quote is there already; no completing call is stored, nothing is booked, no receipt stands."""
    shop.between = lambda: throw(house, HOUSEHOLD)
    run(house, shop)
    with house.database.read() as session:
        assert [] == session.exec(select(Receipt)).all()
        spending = spending_of(session, HOUSEHOLD, NOW)
    assert (0, 0, []) == (completes(house), spending.reserved_minor, shop.bought)


def test_a_switch_takes_effect_while_the_dispatcher_runs(house: House, shop: SeveralLines) -> None:
    """Orders come all the time; after the switch's commit no completing call is stored any more."""
    over = threading.Event()
    dispatcher = Dispatcher(house.database, lambda _: shop, ManualClock(NOW))  # type: ignore[arg-type, return-value]

    def work() -> None:
        while not over.is_set():
            dispatcher.run()
            time.sleep(0.001)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        bought = 0
        for n in range(40):
            new = house.order_of(house.slots["level-1"])
            with house.database.write() as session:
                order = session.get_one(PurchaseOrder, create_order(session, new, NOW))
            if n == 20:
                throw(house, EVERYTHING)
                bought = completes(house)
            for _ in range(500):
                if read(house, order.id)[0].state == "placed" or n >= 20:
                    break
                time.sleep(0.01)
            with house.database.write() as session:  # the slot is free for the next one
                ended = session.get_one(PurchaseOrder, order.id)
                ended.state = "closed" if n < 20 else "canceled"
        time.sleep(0.2)
        assert 20 <= bought <= 21
        assert bought == completes(house)
    finally:
        over.set()
        worker.join(timeout=30)


def test_a_receipt_stands_before_the_retailer_has_the_order(
    house: House, shop: SeveralLines, two: tuple[str, str]
) -> None:
    """Product, quantity, total, rule, retailer, right of withdrawal; a hash says that nobody changed it."""
    seen: list[int] = []
    real = shop.place

    def place(quote, journal):  # type: ignore[no-untyped-def]
        answer = real(quote, journal)
        with house.database.read() as session:
            seen.append(len(session.exec(select(Receipt)).all()))
        return answer

    shop.place = place  # type: ignore[method-assign]
    run(house, shop)
    assert [2] == seen
    with house.database.read() as session:
        receipt = receipt_of(session, two[0])
    assert receipt is not None
    assert receipt.sha256 == digest(receipt.data)
    facts = receipt.data
    assert ("Detergent 1 kg", 2, 2344, "EUR") == (
        facts["product"],
        facts["packs"],
        facts["total_minor"],
        facts["currency"],
    )
    assert ("auto", 3000, 14) == (
        facts["rule"]["mode"],
        facts["rule"]["price_cap_minor"],
        facts["withdrawal_days"],
    )
    assert 64 == len(facts["rule"]["sha256"])
    assert "Shop" == facts["retailer"]["name"]


@pytest.mark.both_databases
@pytest.mark.parametrize("how", ["UPDATE receipt SET sha256 = ''", "DELETE FROM receipt"])
@pytest.mark.usefixtures("two")
def test_nobody_changes_a_receipt(house: House, shop: SeveralLines, how: str) -> None:
    """Not even we."""
    run(house, shop)
    with pytest.raises(IntegrityError, match="never changed"), house.database.write() as session:
        session.execute(text(how))


def test_each_attempt_has_a_receipt_and_the_newest_counts(
    house: House, shop: SeveralLines, two: tuple[str, str]
) -> None:
    """A payment that was declined leaves one of what was not bought."""
    from replenish_server.ordering.orders import approve
    from replenish_server.retailers.port import Problem, Trouble

    shop.outcomes = [Trouble(Problem.PAYMENT_FAILED)]
    run(house, shop)
    with house.database.write() as session:
        approve(session, two[0], 5000, NOW + timedelta(minutes=1))
    run(house, shop, after_s=120)
    with house.database.read() as session:
        mine = session.exec(select(Receipt).where(Receipt.order_id == two[0])).all()
        newest = receipt_of(session, two[0])
    assert (2, 2401) == (len(mine), newest.data["total_minor"] if newest else None)
