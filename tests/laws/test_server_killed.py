"""`kill -9` of the server at random moments: nothing recorded is lost, nothing is ordered twice."""

import pytest

from tests.support.mortal_house import MortalHouse
from tests.support.schedules import Deaths, Tally
from tests.support.seeds import in_groups, name, schedules, seeds

pytestmark = [pytest.mark.law, pytest.mark.broker, pytest.mark.timeout(180)]

SCHEDULES = schedules()
TALLY = Tally()


@pytest.mark.parametrize("group", in_groups(seeds(0, SCHEDULES)), ids=name)
def test_nothing_is_lost_or_ordered_twice(mortal_house: MortalHouse, group: list[int]) -> None:
    """Each schedule: readings and presses while the server dies one to three times."""
    TALLY.run(mortal_house, group, Deaths(("server",)))


def test_the_schedules_did_something() -> None:
    """There were deaths, readings and orders in all of them together."""
    TALLY.check(SCHEDULES)
