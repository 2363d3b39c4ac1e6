"""A household in a real SQLite file for each test; the schema is built once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.retailer_house import House, build_house, migrated


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that every test starts from."""
    return migrated(tmp_path_factory.mktemp("template") / "template.db")


@pytest.fixture
def house(template: Path, tmp_path: Path) -> Iterator[House]:
    """One household, its database closed afterwards."""
    built = build_house(template, tmp_path)
    yield built
    built.database.close()
