"""Every due slot is looked at, whatever another one does."""

import logging
from datetime import timedelta

import pytest
from sqlmodel import select

from replenish_server.fleet.tables import Slot
from replenish_server.households.tables import SlotMandate
from replenish_server.replenishment.evaluator import Evaluator
from replenish_server.replenishment.priors import Models
from replenish_server.replenishment.tables import DecisionRecord
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import NOW, House, store_level


def make_due(house: House) -> None:
    """All slots; the level sensor's has waited longest."""
    with house.database.write() as session:
        store_level(session, "level-1", "000000ab", 1, 700, NOW - timedelta(minutes=1))
        for slot in session.exec(select(Slot)):
            slot.due_at = NOW - timedelta(minutes=9 if slot.capacity is not None else 1)


def due(house: House, device_id: str) -> object:
    """When the device's slot is looked at next."""
    with house.database.read() as session:
        return session.get_one(Slot, house.slots[device_id]).due_at


def test_a_slot_that_cannot_be_judged_is_put_off_and_the_others_are_judged(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """It would be the oldest wish for ever, and everything after it would wait."""
    make_due(house)
    with house.database.write() as session:
        session.get_one(SlotMandate, house.slots["level-1"]).mode = "of another release"
    with caplog.at_level(logging.ERROR):
        assert Evaluator(house.database, ManualClock(NOW)).run() == 2
    assert (due(house, "button-1"), due(house, "level-1")) == (None, NOW + timedelta(minutes=10))
    (line,) = caplog.records
    assert house.slots["level-1"] in line.getMessage()
    assert line.exc_info is not None


def test_without_a_forecast_a_slot_is_judged_by_what_is_known(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """A model that fails is told, and no reason to look at nothing."""
    make_due(house)

    def no_models() -> Models:
        raise LookupError("no such model")

    with caplog.at_level(logging.ERROR):
        assert Evaluator(house.database, ManualClock(NOW), no_models).run() == 2
    assert due(house, "button-1") is None
    with house.database.read() as session:
        (decision,) = session.exec(select(DecisionRecord))
    assert (decision.slot_id, decision.kind) == (house.slots["level-1"], "hold")
    assert "action=forecast_failed" in caplog.text
