"""Law 3 under a crowd: evaluators, people and shops work on the same slots at the same moment."""

import random
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from replenish_server.database import Database
from replenish_server.ids import OrderId
from replenish_server.ordering.orders import cancel, create_order, open_order
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.tables import PressAnswer
from replenish_server.telemetry.store import store_batch
from replenish_server.telemetry.tables import Reading
from tests.fakes.retailer_house import NOW, House, evaluate_now
from tests.laws.conftest import FreshHouse
from tests.laws.test_unknown_never_orders import message, three_low
from tests.support.books import Watch
from tests.support.crowd import at_once
from tests.support.seeds import seeds

pytestmark = [pytest.mark.law, pytest.mark.timeout(180)]

SCHEDULES = 50
CROWD = 4


def history(house: House, slot_id: str) -> list[PurchaseOrder]:
    """The slot's orders, oldest first."""
    with house.database.read() as session:
        query = select(PurchaseOrder).where(PurchaseOrder.slot_id == slot_id)
        return list(session.exec(query.order_by(col(PurchaseOrder.created_at))))


@pytest.mark.parametrize("seed", seeds(4000, SCHEDULES))
def test_no_crowd_opens_two(fresh_house: FreshHouse, seed: int) -> None:
    """Each evaluator sees the same presses and low readings while a person cancels what appears."""
    print(f"seed {seed}: replay with REPLENISH_SEED={seed}")
    house = fresh_house()
    slots = [house.slots["level-1"], house.slots["button-1"]]

    def evaluator(rng: random.Random) -> None:
        database = Database(house.database.url)  # connections of its own, as another process has
        try:
            for step in range(1, 5):
                now = NOW + timedelta(seconds=step, milliseconds=rng.randint(0, 900))
                with database.write() as session:
                    press = message("button-1", rng.randint(1, 6), NOW, t="press", g="short")
                    store_batch(session, [press, *three_low()])
                slot = rng.choice(slots)
                with database.write() as session:
                    evaluate_now(session, slot, now)
        finally:
            database.close()

    def person(rng: random.Random) -> None:
        for step in range(1, 5):
            with house.database.write() as session:
                order = open_order(session, rng.choice(slots))
                if order is not None:
                    cancel(session, OrderId(order.id), NOW + timedelta(seconds=step, milliseconds=950))

    rng = random.Random(seed)
    rngs = [random.Random(rng.getrandbits(32)) for _ in range(CROWD + 1)]
    with Watch(house.database.url) as watch:
        at_once([lambda r=one: evaluator(r) for one in rngs[1:]] + [lambda: person(rngs[0])])  # type: ignore[misc]
    assert watch.broken == []
    with house.database.read() as session:
        presses = session.exec(select(Reading).where(Reading.type == "press")).all()
        answers = session.exec(select(PressAnswer)).all()
    assert len({(a.device_id, a.boot, a.seq) for a in answers}) == len(answers) <= len(presses)
    opened = [answer.order_id for answer in answers if not answer.joined]
    assert len(set(opened)) == len(opened)
    for slot in slots:
        mine = history(house, slot)
        assert sum(order.ended_at is None for order in mine) <= 1


@pytest.mark.parametrize("seed", seeds(4100, 10))
def test_the_index_lets_one_of_a_crowd_through(fresh_house: FreshHouse, seed: int) -> None:
    """Even those who do not look before they write: one succeeds, the others are refused."""
    house = fresh_house()
    slot = house.slots["level-1"]
    orders = [house.order_of(slot) for _ in range(CROWD)]
    won: list[int] = []

    def write(which: int, session: Session) -> None:
        create_order(session, orders[which], NOW)

    def attempt(which: int) -> None:
        database = Database(house.database.url)
        try:
            with database.write() as session:
                write(which, session)
            won.append(which)
        except IntegrityError:
            pass
        finally:
            database.close()

    order = list(range(CROWD))
    random.Random(seed).shuffle(order)
    at_once([lambda w=which: attempt(w) for which in order])  # type: ignore[misc]
    assert len(won) == 1
    assert [orders[won[0]].decision_id] == [row.decision_id for row in history(house, slot)]
