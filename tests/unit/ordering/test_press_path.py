"""What a press costs on its way to the retailer: statements and syncs, which no busy machine can blur."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import event

from replenish_server.fleet.registry import NewDevice, add_device
from replenish_server.households.tables import SlotMandate
from replenish_server.ordering.claims import Claim
from replenish_server.ordering.dispatch import Dispatcher
from replenish_server.replenishment.evaluator import Evaluator
from replenish_server.retailers.port import Journal, JournalClosed, Need, Opening, Quote
from replenish_server.telemetry.store import Incoming, ReadingStore
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import HOUSEHOLD, NOW, House, product
from tests.support.statements import Spy

LEVEL = b'{"v":1,"b":"0000000a","s":1,"t":"level","n":900}'
PRESS = b'{"v":1,"b":"0000000a","s":1,"t":"press","g":"short","c":2}'
ANSWERED, CALLED = 27, 0
ANSWERING, CALLING = 1100, 60


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

    def opening(self, need: Need) -> Opening:
        """Known beforehand."""
        return Opening("create", "POST", "https://shop.test", b"{}")

    def quote(self, need: Need, journal: Journal) -> Quote:
        """The first call is stored, and not answered: the conversation stays as it is."""
        journal.prepare("create", "POST", "https://shop.test", b"{}")
        self._at_the_door()
        raise JournalClosed("closed")


@pytest.fixture
def spy(house: House) -> Iterator[Spy]:
    """On every connection, those that are open already as well."""
    house.database.close()
    made = Spy()
    event.listen(house.database.reading, "connect", made.watch)
    yield made
    event.remove(house.database.reading, "connect", made.watch)


class Calls:
    """How many Python functions are called in this thread."""

    def __init__(self) -> None:
        self.number = 0

    def __enter__(self) -> "Calls":
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _note(self, _frame: object, event: str, _arg: object) -> None:
        self.number += event == "call"


@dataclass
class Presses:
    """One home in which buttons are pressed, each a way of its own."""

    house: House
    at_the_door: Callable[[], None]
    store: ReadingStore = field(default_factory=ReadingStore)
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))

    def __post_init__(self) -> None:
        shop: Any = ClosedDoor(self.at_the_door)
        self.dispatcher = Dispatcher(self.house.database, lambda _: shop, self.clock)
        self.way = Way(self.dispatcher)
        self.evaluator = Evaluator(self.house.database, self.clock, departures=self.way)

    def hear(self, topic: str, payload: bytes) -> None:
        """A message is stored, and a press answered in the same transaction, as ingest does it."""
        with self.house.database.write() as session:
            stored = self.store.store(session, [Incoming(topic, payload, False, NOW)])
            answered = [self.evaluator.answer_press(session, slot_id) for slot_id in stored.slots_pressed]
        for each in answered:
            if each is not None and each.claim is not None:
                self.way.send(each.claim)

    def call(self) -> None:
        """What was claimed last is carried out."""
        self.dispatcher.job_of(self.way.taken[-1])()


@pytest.mark.sqlite
def test_a_press_takes_few_statements_and_one_sync_to_its_call(house: House, spy: Spy) -> None:
    """Fewer is better: then lower the number. More has to be worth what it costs everybody who presses."""
    found = list[tuple[int, int]]()
    presses = Presses(house, lambda: found.append(spy.since()))
    presses.hear("rp/1/level-1/up/ev", LEVEL)  # the server has heard something before
    spy.since()
    presses.hear("rp/1/button-1/up/ev", PRESS)
    found.append(spy.since())
    presses.call()
    (answered, first), (called, second) = found
    assert (first, second) == (1, 0)
    assert answered <= ANSWERED
    assert called <= CALLED


@pytest.mark.sqlite
def test_a_press_takes_few_calls_of_functions(house: House) -> None:
    """Most of its way is Python that nobody has executed for a while, and a call of a function takes a cold
    processor about 3 us. The second of two presses, for the first one makes what is made once."""
    other = NewDevice("button", "Other", "Tin", "salt", product(1), device_id="button-2")
    with house.database.write() as session:
        _, slot_id = add_device(session, HOUSEHOLD, other, NOW)
        rules = SlotMandate(
            slot_id=slot_id, mode="auto", price_cap_minor=3000, currency="EUR", changed_at=NOW
        )
        session.add(rules)
    at_door = list[int]()
    calls = Calls()
    presses = Presses(house, lambda: at_door.append(calls.number))
    for button in ("button-1", "button-2"):
        with Calls() as answering:
            presses.hear(f"rp/1/{button}/up/ev", PRESS)
        with calls:
            calls.number = 0
            presses.call()
    found = answering.number, at_door[-1]
    assert found <= (ANSWERING, CALLING), found
    assert at_door[-1] <= CALLING, found
