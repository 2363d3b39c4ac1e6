"""One mortal house for each file of laws; schedules share it, each with devices and slots of its own."""

import os
from collections.abc import Iterator

import pytest

from replenish_server.cli import find_mosquitto
from tests.support.mortal_house import MortalHouse
from tests.support.zygote import Zygote


@pytest.fixture(scope="module")
def mortal_house() -> Iterator[MortalHouse]:
    """A running house whose parts may be killed."""
    binary = find_mosquitto()
    if binary is None:
        if os.environ.get("CI"):
            pytest.fail("Mosquitto is missing, and CI must have it")
        pytest.skip("Mosquitto is not installed")
    zygote = Zygote()
    house = MortalHouse(binary, zygote)
    try:
        house.start()
        yield house
    finally:
        house.stop()
        zygote.close()
