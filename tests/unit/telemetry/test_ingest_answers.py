"""A press that is answered in the transaction that stores it; and one whose answer fails, which is stored."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlmodel import Session, select

from replenish_server.telemetry.ingest import Ingest
from replenish_server.telemetry.tables import DeviceEvent
from tests.fakes.retailer_house import House
from tests.unit.telemetry.test_ingest_pace import PRESS, Broker


@dataclass
class Told:
    """What ingest did, in its order, seen from another connection."""

    house: House
    error: Exception | None = None
    later: bool = False
    happened: list[Any] = field(default_factory=list)

    def stored(self) -> int:
        """How many presses others can see."""
        with self.house.database.read() as session:
            return len(session.exec(select(DeviceEvent)).all())

    def answer(self, session: Session, slot_id: str) -> Callable[[], None] | None:
        """In the transaction: seen by it, and by nobody else yet."""
        seen = len(session.exec(select(DeviceEvent)).all())
        self.happened.append(("asked", slot_id, seen, self.stored()))
        if self.error is not None:
            raise self.error
        return None if self.later else lambda: self.happened.append(("sent", self.stored()))

    def wake(self, pressed: Any) -> None:
        """Somebody has to look after it."""
        self.happened.append(("woken", list(pressed), self.stored()))

    def run(self) -> list[Any]:
        """One press comes."""
        broker = Broker("rp/1/button-1/up/ev", PRESS)
        database: Any = self.house.database
        ingest = Ingest(
            database,
            broker,  # type: ignore[arg-type]
            lambda _s, _p: {},
            self.wake,
            answer_press=self.answer,
        )
        ingest.start()
        assert broker.stored.wait(60)
        ingest.stop()
        return self.happened


def test_an_answer_is_part_of_the_transaction_and_leaves_after_it(house: House) -> None:
    """Nobody has to be woken, and nothing leaves that is not on the disk."""
    slot = house.slots["button-1"]
    assert Told(house).run() == [("asked", slot, 1, 0), ("sent", 1)]


@pytest.mark.parametrize("error", [RuntimeError("no"), None], ids=["fails", "later"])
def test_a_press_that_is_not_answered_at_once_is_stored_and_looked_after(
    house: House, error: Exception | None
) -> None:
    """Its device hears that it is kept, whatever the decision came to grief about."""
    slot = house.slots["button-1"]
    told = Told(house, error, later=True)
    assert told.run() == [("asked", slot, 1, 0), ("woken", [slot], 1)]
