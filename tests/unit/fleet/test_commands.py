"""What is asked of a device once: who may be asked, how long it waits, and whose answer counts."""

from datetime import timedelta

import pytest

from replenish_server.fleet import commands
from replenish_server.fleet.registry import DeviceRefused
from replenish_server.fleet.tables import Device, DeviceCommand
from tests.fakes.retailer_house import NOW, House

METER = "level-1"
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _meter(house: House) -> None:
    """The device of these tests stays connected."""
    with house.database.write() as session:
        session.get_one(Device, METER).kind = "flow"


def state(house: House, seconds: int) -> str:
    with house.database.read() as session:
        return commands.state_of(session.get_one(DeviceCommand, METER), NOW + seconds * SECOND)


def test_a_command_is_sent_once_answered_once_and_then_makes_room(house: House) -> None:
    """The same one, while it waits, is the same; another has to wait; numbers rise in any case."""
    with house.database.write() as session:
        first = commands.ask(session, METER, "identify", NOW)
        number = first.number
        assert commands.document(first) == {
            "v": 1, "n": number, "do": "identify", "until": int(NOW.timestamp()) + 60
        }  # fmt: skip
        assert commands.ask(session, METER, "identify", NOW + SECOND).number == number
        with pytest.raises(commands.StillWaiting):
            commands.ask(session, METER, "restart", NOW + SECOND)
        assert [row.number for row in commands.unsent(session, NOW)] == [number]
        commands.confirm_sent(session, METER, number - 1, NOW)
        assert len(commands.unsent(session, NOW)) == 1
        commands.confirm_sent(session, METER, number, NOW)
        assert commands.unsent(session, NOW) == []
    assert state(house, 30) == "waiting"
    with house.database.write() as session:
        for nonsense in (
            None,
            1,
            {"n": number},
            {"n": number - 1, "r": "done"},
            {"n": number, "r": "danced"},
        ):
            commands.record_answer(session, METER, {"cmd": nonsense}, NOW)
        assert session.get_one(DeviceCommand, METER).answered_at is None
        commands.record_answer(session, METER, {"cmd": {"n": number, "r": "done"}}, NOW + 3 * SECOND)
        commands.record_answer(session, METER, {"cmd": {"n": number, "r": "late"}}, NOW + 9 * SECOND)
    assert state(house, 1000) == "done"
    with house.database.write() as session:
        assert commands.ask(session, METER, "restart", NOW - 3600 * SECOND).number == number + 1


def test_what_nobody_heard_in_time_is_not_sent_later(house: House) -> None:
    with house.database.write() as session:
        commands.ask(session, METER, "report", NOW)
    with house.database.read() as session:
        assert commands.unsent(session, NOW + 60 * SECOND) == []
    assert (state(house, 89), state(house, 90)) == ("waiting", "unanswered")
    with house.database.write() as session:
        commands.ask(session, METER, "restart", NOW + 90 * SECOND)


@pytest.mark.parametrize("why", ["unknown", "sleeps", "revoked", "left", "verb"])
def test_who_cannot_be_asked_is_said(house: House, why: str) -> None:
    with house.database.write() as session:
        device = session.get_one(Device, METER)
        device.kind = "level" if why == "sleeps" else "flow"
        device.revoked_at = NOW if why == "revoked" else None
        device.parted_at = NOW if why == "left" else None
        with pytest.raises(DeviceRefused):
            commands.ask(
                session, "nobody" if why == "unknown" else METER, "dance" if why == "verb" else "report", NOW
            )
        assert session.get(DeviceCommand, METER) is None
