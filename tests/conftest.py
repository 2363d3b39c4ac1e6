"""What every test may ask for: real components or a clear reason why not, and houses to kill parts of."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.support.seeds import BASE_SEED

# `make test-postgresql`: every test of a household then keeps it in PostgreSQL.
_DATABASE = os.environ.get("REPLENISH_TEST_DATABASE", "sqlite")

# The same cases in every CI run, as with the seeds of the laws: what fails there fails again at home.
settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("ci")

if TYPE_CHECKING:
    from tests.fakes.retailer_house import House, Template
    from tests.support.cluster import Cluster
    from tests.support.mortal_house import MortalHouse
    from tests.support.zygote import Zygote


def pytest_report_header() -> str:
    """Name the seed of the random schedules, so that a failure anywhere can be replayed."""
    return f"laws: base seed {BASE_SEED}; a failing schedule names its own, REPLENISH_SEED replays it"


def _has_broker() -> bool:
    from replenish_server.fleet.broker import find_mosquitto

    return find_mosquitto() is not None


def _has_vm() -> bool:
    from device_sim.vm import VmMissingError, find_vm

    try:
        find_vm()
    except VmMissingError:
        return False
    return True


def _has_browser() -> bool:
    return any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))


def _has_postgresql() -> bool:
    from tests.support.cluster import find_binaries

    return find_binaries() is not None


_REAL_PARTS: dict[str, tuple[str, Callable[[], bool]]] = {
    "broker": ("Mosquitto", _has_broker),
    "vm": ("the MicroPython VM", _has_vm),
    "browser": ("Chromium", _has_browser),
    "postgresql": ("PostgreSQL", _has_postgresql),
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip where a real component is missing on a laptop; fail where it is missing in CI."""
    for marker, (what, present) in _REAL_PARTS.items():
        if item.get_closest_marker(marker) is not None and not present():
            if os.environ.get("CI"):
                pytest.fail(f"{what} is missing, and CI must have it")
            pytest.skip(f"{what} is not installed")
    if _DATABASE != "sqlite" and item.get_closest_marker("sqlite") is not None:
        pytest.skip("it looks into SQLite's own file")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Cluster"]:
    """A PostgreSQL server of our own; mark what asks for it with pytest.mark.postgresql."""
    from tests.support.cluster import Cluster

    made = Cluster()
    try:
        made.start()
        yield made
    finally:
        made.remove()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is marked `both_databases` runs on SQLite and on PostgreSQL."""
    if "house" in metafunc.fixturenames and metafunc.definition.get_closest_marker("both_databases"):
        both = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
        metafunc.parametrize("house", both, indirect=True)


@pytest.fixture(scope="session")
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> "Template":
    """A database with one household in it, built once: what every household of a test starts from."""
    from tests.fakes.retailer_house import migrated

    if _DATABASE == "postgresql":
        made: Template = request.getfixturevalue("shared_template")
        return made
    return migrated(tmp_path_factory.mktemp("template") / "template.db")


@pytest.fixture(scope="session")
def shared_template(cluster: "Cluster") -> "Template":
    """The same in PostgreSQL."""
    from tests.fakes.retailer_house import furnish

    furnish(cluster.url(cluster.make("furnished")))
    return lambda: cluster.url(cluster.make(template="furnished"))


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator["House"]:
    """One household in a real database, which is closed afterwards."""
    from tests.fakes.retailer_house import build_house

    if getattr(request, "param", _DATABASE) == "postgresql":
        yield request.getfixturevalue("shared")
        return
    built = build_house(request.getfixturevalue("template"), tmp_path)
    yield built
    built.database.close()


@pytest.fixture
def shared(shared_template: "Template", cluster: "Cluster", tmp_path: Path) -> Iterator["House"]:
    """One household in PostgreSQL."""
    from tests.fakes.retailer_house import build_house

    built = build_house(shared_template, tmp_path)
    yield built
    built.database.close()
    cluster.drop(str(built.database.reading.url.database))


@pytest.fixture(scope="session")
def zygote() -> Iterator["Zygote"]:
    """The process that forks servers."""
    from tests.support.zygote import Zygote

    made = Zygote()
    yield made
    made.close()


@pytest.fixture(scope="module")
def make_house(zygote: "Zygote") -> Iterator[Callable[..., "MortalHouse"]]:
    """Starts real houses (broker, retailer, server); they end with the file, and leave nothing behind."""
    from replenish_server.fleet.broker import find_mosquitto
    from tests.support.mortal_house import MortalHouse

    houses: list[MortalHouse] = []

    def make(speed: float = 1.0) -> "MortalHouse":
        binary = find_mosquitto()
        assert binary is not None, "mark this test with pytest.mark.broker"
        house = MortalHouse(binary, zygote, speed)
        houses.append(house)
        house.start()
        return house

    yield make
    for house in houses:
        house.stop()


@pytest.fixture(scope="module")
def mortal_house(make_house: Callable[..., "MortalHouse"]) -> "MortalHouse":
    """One running house for the whole file, whose parts may be killed."""
    return make_house()
