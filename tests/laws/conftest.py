"""A household in a real SQLite file for the laws that need no processes; the schema is built once."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.retailer_house import House, build_house

FreshHouse = Callable[[], House]


@pytest.fixture
def fresh_house(template: Path) -> Iterator[FreshHouse]:
    """Makes a household of its own for each random case; in memory-backed files where there are some."""
    shared = Path("/dev/shm")
    root = Path(tempfile.mkdtemp(prefix="replenish-laws-", dir=shared if shared.is_dir() else None))
    current: list[House] = []

    def make() -> House:
        for old in current:
            old.database.close()
        current.clear()
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        current.append(build_house(template, root))
        return current[0]

    yield make
    for old in current:
        old.database.close()
    shutil.rmtree(root, ignore_errors=True)
