"""Mosquitto killed or restarted at random moments: its acknowledgements are worth nothing, the laws hold."""

import signal

import pytest

from tests.support.mortal_house import MortalHouse
from tests.support.schedules import BASE_SEED, Deaths, Tally

pytestmark = [pytest.mark.law, pytest.mark.broker, pytest.mark.timeout(150)]

SCHEDULES = 50
TALLY = Tally()


@pytest.mark.parametrize("number", range(SCHEDULES))
def test_nothing_is_lost_or_ordered_twice(mortal_house: MortalHouse, number: int) -> None:
    """Each schedule: readings and presses while the broker dies once or twice, gently or not."""
    deaths = Deaths(("broker",), (signal.SIGKILL, signal.SIGTERM), most=2)
    TALLY.run(mortal_house, BASE_SEED + 1000 + number, deaths)


def test_the_schedules_did_something() -> None:
    """There were deaths, readings and orders in all of them together."""
    TALLY.check(SCHEDULES)
