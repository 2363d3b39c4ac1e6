"""`kill -9` of the server at random moments: nothing recorded is lost or doubled, nothing is ordered twice."""

import pytest

from tests.support.mortal_house import MortalHouse
from tests.support.schedules import BASE_SEED, Deaths, Tally

pytestmark = [pytest.mark.law, pytest.mark.broker, pytest.mark.timeout(150)]

SCHEDULES = 50
TALLY = Tally()


@pytest.mark.parametrize("number", range(SCHEDULES))
def test_nothing_is_lost_or_ordered_twice(mortal_house: MortalHouse, number: int) -> None:
    """Each schedule: readings and presses while the server dies one to three times."""
    TALLY.run(mortal_house, BASE_SEED + number, Deaths(("server",)))


def test_the_schedules_did_something() -> None:
    """There were deaths, readings and orders in all of them together."""
    TALLY.check(SCHEDULES)
