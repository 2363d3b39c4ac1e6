"""A retailer that accepts and hangs up, fails, hangs or dies, and a server that dies: one need, one order."""

import random

import pytest

from tests.support.mortal_house import MortalHouse
from tests.support.schedules import Deaths, Tally
from tests.support.seeds import in_groups, name, schedules, seeds

pytestmark = [pytest.mark.law, pytest.mark.broker, pytest.mark.timeout(180)]

SCHEDULES = schedules()
TALLY = Tally()
AFTER = ("accept_then_close", "accept_then_500")
BEFORE = ("close_before", "error_500")


@pytest.mark.parametrize("group", in_groups(seeds(2000, SCHEDULES)), ids=name)
def test_one_need_is_one_order(mortal_house: MortalHouse, group: list[int]) -> None:
    """Each group: its own mix of faults at every step; server and retailer die at random moments."""
    rng = random.Random(group[0])
    complete = [{"kind": kind, "share": rng.uniform(0.1, 0.4)} for kind in rng.sample((*AFTER, *BEFORE), 2)]
    complete.append({"kind": "hang", "share": 0.05, "seconds": 0.3})
    early = [{"kind": rng.choice((*AFTER, *BEFORE)), "share": rng.uniform(0.0, 0.3)}]
    # Whether the shop honours idempotency keys must make no difference to what is ordered.
    honours = rng.random() < 0.5
    mortal_house.faults(group[0], complete=complete, create=early, update=early, honours_keys=honours)
    TALLY.run(mortal_house, group, Deaths(("server", "server", "retailer"), most=2))


def test_the_schedules_did_something() -> None:
    """There were deaths, readings and orders in all of them together."""
    TALLY.check(SCHEDULES)
