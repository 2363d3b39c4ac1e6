"""Mosquitto killed or restarted at random moments: its acknowledgements are worth nothing, the laws hold."""

import signal

import pytest

from tests.support.mortal_house import MortalHouse
from tests.support.schedules import Deaths, Tally
from tests.support.seeds import in_groups, name, schedules, seeds

pytestmark = [pytest.mark.law, pytest.mark.broker, pytest.mark.timeout(180)]

SCHEDULES = schedules()
TALLY = Tally()


@pytest.mark.parametrize("group", in_groups(seeds(1000, SCHEDULES)), ids=name)
def test_nothing_is_lost_or_ordered_twice(mortal_house: MortalHouse, group: list[int]) -> None:
    """Each schedule: readings and presses while the broker dies once or twice, gently or not."""
    TALLY.run(mortal_house, group, Deaths(("broker",), (signal.SIGKILL, signal.SIGTERM), most=2))


def test_the_schedules_did_something() -> None:
    """There were deaths, readings and orders in all of them together."""
    TALLY.check(SCHEDULES)
