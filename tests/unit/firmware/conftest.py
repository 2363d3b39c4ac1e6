"""Fixtures of the firmware tests."""

import os
from pathlib import Path

import pytest

from device_sim.vm import VmMissingError, find_vm
from replenish_server.fleet.signing import SigningKeys
from tests.support.signing_key import signing_keys


@pytest.fixture(scope="session")
def signing_key() -> Path:
    """A private key that signs firmware."""
    return signing_keys().private


@pytest.fixture(scope="session")
def board_keys(signing_key: Path) -> dict[str, str]:
    """What is frozen into a board that believes it."""
    return {key: f"{public.modulus:x}" for key, public in SigningKeys(signing_key.parent).trusted().items()}


@pytest.fixture(scope="session")
def vm() -> Path:
    """The MicroPython VM; a laptop without it skips, CI fails."""
    try:
        return find_vm()
    except VmMissingError:
        if os.environ.get("CI"):
            raise
        pytest.skip("no MicroPython VM")
