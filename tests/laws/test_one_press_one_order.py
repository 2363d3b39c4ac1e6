"""Law 3 in a shared household: whoever presses, wherever and however often at once, one order comes of it."""

import threading
from collections.abc import Callable
from random import Random

import pytest
from sqlmodel import select

from replenish_server.fleet.tables import Slot
from replenish_server.households.membership import actor_of, add_person
from replenish_server.households.people import Actor, Role
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.order_now import order_now
from replenish_server.telemetry.tables import DeviceEvent
from tests.fakes.retailer_house import HOUSEHOLD, NOW, House, evaluate_now
from tests.support.seeds import BASE_SEED

pytestmark = pytest.mark.law

ROLES = (Role.ADULT, Role.CHILD, Role.OWNER, Role.GUEST)


def wish(house: House, slot_id: str, by: Actor, key: str) -> None:
    """A click in a page."""
    with house.database.write() as session:
        order_now(session, session.get_one(Slot, slot_id), by, key, NOW)


def press(house: House, slot_id: str, seq: int) -> None:
    """A press of the button."""
    with house.database.write() as session:
        session.add(
            DeviceEvent(
                device_id="button-1",
                boot="0000abcd",
                seq=seq,
                type="press",
                slot_key="main",
                occurred_at=NOW,
                received_at=NOW,
            )
        )
        session.flush()
        evaluate_now(session, slot_id, NOW)


@pytest.mark.parametrize("seed", range(BASE_SEED, BASE_SEED + 4))
def test_everybody_at_once_is_one_order(house: House, seed: int) -> None:
    """Buttons, pages and double clicks of four people at the same time."""
    random = Random(seed)
    slot_id = house.slots["button-1"]
    with house.database.write() as session:
        people = [
            actor_of(add_person(session, HOUSEHOLD, f"P{number}", role, NOW))
            for number, role in enumerate(ROLES)
        ]
    acts: list[Callable[[], None]] = []
    for number in range(12):
        who = random.choice(people)
        if random.random() < 0.3:
            acts.append(lambda number=number: press(house, slot_id, number))  # type: ignore[misc]
        else:
            key = f"{who.name}-{random.randrange(4)}"  # some are double clicks
            acts.append(lambda who=who, key=key: wish(house, slot_id, who, key))  # type: ignore[misc]
    failures: list[BaseException] = []
    barrier = threading.Barrier(len(acts))

    def run(act: Callable[[], None]) -> None:
        barrier.wait()
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - whatever it is fails the test
            failures.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with house.database.read() as session:
        assert len(session.exec(select(PurchaseOrder)).all()) == 1
