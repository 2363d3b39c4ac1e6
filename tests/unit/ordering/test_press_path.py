"""What a press costs on its way to the retailer: statements and syncs, which no busy machine can blur."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import event

from replenish_server.ordering.claims import Claim
from replenish_server.ordering.dispatch import Dispatcher
from replenish_server.replenishment.evaluate import Evaluator
from replenish_server.retailers.port import Journal, Need, Quote, TryLater
from replenish_server.telemetry.store import Incoming, ReadingStore
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import NOW, House
from tests.support.statements import Spy

LEVEL = b'{"v":1,"b":"0000000a","s":1,"t":"level","n":900}'
PRESS = b'{"v":1,"b":"0000000a","s":1,"t":"press","g":"short","c":2}'
STORED, DECIDED, CALLED = 10, 19, 3


@dataclass
class Way:
    """From the decision to the retailer's door, in one thread."""

    dispatcher: Dispatcher
    taken: list[Claim] = field(default_factory=list)

    def take(self, session: Any, order_id: str) -> Claim | None:
        """As the server does."""
        return self.dispatcher.take(session, order_id)

    def send(self, claim: Claim) -> None:
        """Later."""
        self.taken.append(claim)


class ClosedDoor:
    """A shop at which the stored call is all that happens."""

    def __init__(self, at_the_door: Any) -> None:
        self._at_the_door = at_the_door

    def quote(self, need: Need, journal: Journal) -> Quote:
        """The first call is stored, and not answered."""
        journal.prepare("create", "POST", "https://shop.test", b"{}")
        self._at_the_door()
        raise TryLater("closed")


@pytest.fixture
def spy(house: House) -> Iterator[Spy]:
    """On every connection, those that are open already as well."""
    house.database.close()
    made = Spy()
    event.listen(house.database.reading, "connect", made.watch)
    yield made
    event.remove(house.database.reading, "connect", made.watch)


@pytest.mark.sqlite
def test_a_press_takes_few_statements_and_two_syncs_to_its_call(house: House, spy: Spy) -> None:
    """Fewer is better: then lower the number. More has to be worth what it costs everybody who presses."""
    clock, found = ManualClock(NOW), list[tuple[int, int]]()
    dispatcher = Dispatcher(
        house.database,
        lambda _: ClosedDoor(lambda: found.append(spy.since())),  # type: ignore[arg-type, return-value]
        clock,
    )
    way = Way(dispatcher)
    evaluator = Evaluator(house.database, clock, departures=way)
    store = ReadingStore()
    with house.database.write() as session:  # the server has heard something before
        store.store(session, [Incoming("rp/1/level-1/up/ev", LEVEL, False, NOW)])
    spy.since()
    with house.database.write() as session:
        slots = store.store(session, [Incoming("rp/1/button-1/up/ev", PRESS, False, NOW)]).slots_pressed
    found.append(spy.since())
    evaluator.run_pressed(slots)
    found.append(spy.since())
    dispatcher.job_of(way.taken[0])()
    (stored, first), (decided, second), (called, third) = found
    assert (first, second, third) == (1, 0, 1)
    assert stored <= STORED
    assert decided <= DECIDED
    assert called <= CALLED
