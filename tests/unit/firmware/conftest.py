"""Fixtures of the firmware tests."""

import os
from pathlib import Path

import pytest

from device_sim.vm import VmMissingError, find_vm


@pytest.fixture(scope="session")
def vm() -> Path:
    """The MicroPython VM; a laptop without it skips, CI fails."""
    try:
        return find_vm()
    except VmMissingError:
        if os.environ.get("CI"):
            raise
        pytest.skip("no MicroPython VM")
