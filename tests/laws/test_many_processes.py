"""Two workers, an ingest, a page and their PostgreSQL, killed at random: the laws hold for all of them."""

import signal
from collections.abc import Iterator

import pytest

from replenish_server.fleet.broker import find_mosquitto
from replenish_server.settings import Role
from tests.support.cluster import Cluster
from tests.support.mortal_house import SharedHouse
from tests.support.schedules import Deaths, Tally
from tests.support.seeds import in_groups, name, schedules, seeds
from tests.support.zygote import Zygote

pytestmark = [
    pytest.mark.law,
    pytest.mark.broker,
    pytest.mark.postgresql,
    pytest.mark.timeout(300),
]

SCHEDULES = schedules() if schedules() >= 50 else 5  # five processes and a PostgreSQL: a few in the suite
ROLES = {"web": Role.WEB, "ingest": Role.INGEST, "worker-1": Role.WORKER, "worker-2": Role.WORKER}
TALLY = Tally()


@pytest.fixture(scope="module")
def shared_house(zygote: Zygote, cluster: Cluster) -> Iterator[SharedHouse]:
    """One running house for the whole file."""
    house = SharedHouse(find_mosquitto() or "", zygote, cluster, ROLES)
    house.start()
    yield house
    house.stop()


@pytest.mark.parametrize("group", in_groups(seeds(9000, SCHEDULES)), ids=name)
def test_one_need_is_one_order_whoever_dies(shared_house: SharedHouse, group: list[int]) -> None:
    """Nothing is lost, nothing is double, and everybody recovers by himself."""
    parts = (*ROLES, "database", "database")
    TALLY.run(shared_house, group, Deaths(parts, (signal.SIGKILL, signal.SIGTERM)))


def test_the_schedules_did_something() -> None:
    """There were deaths, readings and orders in all of them together."""
    TALLY.check(SCHEDULES)
