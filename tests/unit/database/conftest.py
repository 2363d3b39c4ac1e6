"""Databases with the newest schema and nothing in them, for all files of this folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from replenish_server.database import Database
from tests.support.cluster import Cluster


@pytest.fixture(scope="package")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the newest schema, to be copied."""
    made = Database(f"sqlite:///{tmp_path_factory.mktemp('template') / 'deep' / 'replenish.db'}")
    made.migrate()
    made.close()
    return made.path


@pytest.fixture
def file(migrated_file: Path, tmp_path: Path) -> Iterator[Database]:
    """A migrated SQLite database."""
    made = Database(f"sqlite:///{shutil.copy(migrated_file, tmp_path)}")
    yield made
    made.close()


@pytest.fixture(scope="package")
def migrated(cluster: Cluster) -> str:
    """The name of a PostgreSQL database with the newest schema, to be copied."""
    name = cluster.make("migrated")
    made = Database(cluster.url(name))
    made.migrate()
    made.close()
    return name


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A migrated database of either kind."""
    if request.param == "sqlite":
        yield request.getfixturevalue("file")
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    name = cluster.make(template=request.getfixturevalue("migrated"))
    made = Database(cluster.url(name))
    yield made
    made.close()
    cluster.drop(name)
