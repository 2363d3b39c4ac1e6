"""What every test may ask for: real components or a clear reason why not, and houses to kill parts of."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.support.seeds import BASE_SEED

# The same cases in every CI run, as with the seeds of the laws: what fails there fails again at home.
settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("ci")

if TYPE_CHECKING:
    from tests.fakes.retailer_house import House
    from tests.support.mortal_house import MortalHouse
    from tests.support.zygote import Zygote


def pytest_report_header() -> str:
    """Name the seed of the random schedules, so that a failure anywhere can be replayed."""
    return f"laws: base seed {BASE_SEED}; a failing schedule names its own, REPLENISH_SEED replays it"


def _has_broker() -> bool:
    from replenish_server.cli import find_mosquitto

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


_REAL_PARTS: dict[str, tuple[str, Callable[[], bool]]] = {
    "broker": ("Mosquitto", _has_broker),
    "vm": ("the MicroPython VM", _has_vm),
    "browser": ("Chromium", _has_browser),
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip where a real component is missing on a laptop; fail where it is missing in CI."""
    for marker, (what, present) in _REAL_PARTS.items():
        if item.get_closest_marker(marker) is not None and not present():
            if os.environ.get("CI"):
                pytest.fail(f"{what} is missing, and CI must have it")
            pytest.skip(f"{what} is not installed")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with one household in it, built once: what every household of a test starts from."""
    from tests.fakes.retailer_house import migrated

    return migrated(tmp_path_factory.mktemp("template") / "template.db")


@pytest.fixture
def house(template: Path, tmp_path: Path) -> Iterator["House"]:
    """One household in a real SQLite file, its database closed afterwards."""
    from tests.fakes.retailer_house import build_house

    built = build_house(template, tmp_path)
    yield built
    built.database.close()


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
    from replenish_server.cli import find_mosquitto
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
