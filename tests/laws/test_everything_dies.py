"""Server, broker and retailer die in the same schedule while the retailer also lies: all laws at once."""

import signal

import pytest

from tests.support.mortal_house import MortalHouse
from tests.support.schedules import Deaths, Tally
from tests.support.seeds import in_groups, name, schedules, seeds

pytestmark = [pytest.mark.law, pytest.mark.broker, pytest.mark.timeout(180)]

SCHEDULES = schedules()
TALLY = Tally()
COMPLETE = [{"kind": "accept_then_close", "share": 0.3}, {"kind": "error_500", "share": 0.2}]


@pytest.mark.parametrize("group", in_groups(seeds(3000, SCHEDULES)), ids=name)
def test_every_law_holds(mortal_house: MortalHouse, group: list[int]) -> None:
    """Each schedule: one to three deaths, of any part, gently or not."""
    mortal_house.faults(group[0], complete=COMPLETE, honours_keys=group[0] % 4 < 2)
    TALLY.run(mortal_house, group, Deaths(("server", "broker", "retailer"), (signal.SIGKILL, signal.SIGTERM)))


def test_the_schedules_did_something() -> None:
    """There were deaths, readings and orders in all of them together."""
    TALLY.check(SCHEDULES)
