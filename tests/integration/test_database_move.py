"""`replenish database move`: a household in SQLite becomes the same in PostgreSQL, or nothing moves."""

import fcntl
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, col, func, select
from typer.testing import CliRunner, Result

from replenish_server.cli.main import app
from replenish_server.database import Database
from replenish_server.fleet.tables import Device, DeviceTrouble, Slot
from replenish_server.households.tables import HouseholdNotice
from replenish_server.telemetry.store import Incoming, store_batch
from replenish_server.telemetry.tables import Quarantined, Reading, Sample, Stream
from tests.fakes.retailer_house import NOW, House
from tests.support.cluster import Cluster

pytestmark = [pytest.mark.postgresql, pytest.mark.sqlite]

Move = Callable[[str], Result]
READINGS = 12_000


@pytest.fixture
def move(house: House, tmp_path: Path) -> Move:
    """Runs the command on the house's SQLite file, which is in the data folder."""
    env = {
        "REPLENISH_DATA_DIR": str(tmp_path),
        "REPLENISH_DATABASE_URL": house.database.url,
        "COLUMNS": "200",
    }
    return lambda to: CliRunner().invoke(app, ["database", "move", "--to", to, "--json"], env=env)


def fill(session: Session) -> None:
    """Rows of every kind of column: numbers, texts in all scripts with a NUL, JSON, bytes, booleans."""
    session.get_one(Device, "level-1").name = "욕실 \0 'x' \\n \t 🧺"
    events = [
        {"v": 1, "b": "0000000a", "s": n, "t": "level", "n": 900 - n % 7, "a": 2, "q": "ok"}
        for n in range(50)
    ]
    events.append(
        {"v": 1, "b": "0000000a", "s": 99, "t": "hello", "h": {"mode": "safe", "drop": 4, "x": "é\0"}}
    )
    batch = [
        Incoming("rp/1/level-1/up/ev", json.dumps(event).encode(), False, NOW + timedelta(seconds=n))
        for n, event in enumerate(events)
    ]
    batch.append(Incoming("rp/1/level-1/up/ev", bytes(range(256)), True, NOW))
    store_batch(session, batch)
    (stream,) = session.exec(select(Stream.id))
    assert stream is not None
    rows = [(stream, number, 7, number, 0, 0, number) for number in range(READINGS)]
    session.connection().exec_driver_sql("INSERT INTO sample VALUES(?, ?, ?, ?, ?, ?, ?)", rows)


def test_everything_moves_and_is_proved(house: House, move: Move, cluster: Cluster) -> None:
    """The file is put away; numbers go on after the highest; the same again is not moved twice."""
    with house.database.write() as session:
        fill(session)
        told = session.exec(select(func.count()).select_from(HouseholdNotice)).one()
    house.database.close()
    name = cluster.make()
    ran = move(cluster.url(name))
    assert ran.exit_code == 0, ran.output
    said = json.loads(ran.stdout)
    assert (said["tables"]["sample"]["rows"], said["rows"] > READINGS) == (READINGS + 50, True)
    kept, path = Path(said["kept"]), house.database.path
    assert (kept.exists(), path.exists(), path.with_name(path.name + "-wal").exists()) == (True, False, False)
    moved = Database(cluster.url(name))
    with moved.write() as session:
        assert session.get_one(Device, "level-1").name == "욕실 \ufffd 'x' \\n \t 🧺"
        assert session.exec(select(func.count()).select_from(HouseholdNotice)).one() == told
        assert session.get_one(DeviceTrouble, ("level-1", "safe")).since == NOW + timedelta(seconds=50)
        assert session.exec(select(Quarantined.payload)).all() == [bytes(range(256))]
        assert session.exec(select(func.sum(Sample.number)).where(Sample.boot == 7)).one() == sum(
            range(READINGS)
        )
        assert session.exec(select(Reading.health).where(Reading.type == "hello")).one() == {
            "mode": "safe", "drop": 4, "x": "é\0"
        }  # fmt: skip
        fresh = Stream(device_id="level-1", slot_key="other")
        session.add(fresh)
        session.flush()
        assert fresh.id == 2
    moved.close()
    kept.rename(path)  # as if the machine had died between the commit and the renaming, but a row came since
    refused = move(cluster.url(name))
    assert (refused.exit_code, "table stream has other rows" in refused.output) == (2, True)
    with closing(sqlite3.connect(path)) as old:
        assert old.execute("SELECT count(*) FROM sample").fetchone() == (READINGS + 50,)


def test_what_was_interrupted_after_the_commit_is_finished(
    house: House, move: Move, cluster: Cluster
) -> None:
    """The target has it to the last row: only the file is put away."""
    name = cluster.make()
    first = json.loads(move(cluster.url(name)).stdout)
    Path(first["kept"]).rename(house.database.path)
    assert json.loads(move(cluster.url(name)).stdout) == first
    assert (
        "earlier move" in move(cluster.url(name)).output or "no household" in move(cluster.url(name)).output
    )


def test_nothing_moves_where_it_must_not(house: House, move: Move, cluster: Cluster, tmp_path: Path) -> None:
    """A server runs, the target is somebody else's or no PostgreSQL, a row cannot be kept there."""
    name = cluster.make()
    with (tmp_path / "server.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "stop it first" in move(cluster.url(name)).output
    assert "postgresql://" in move(f"sqlite:///{tmp_path}/other.db").output
    assert "Nothing was moved" in move("postgresql://nobody@127.0.0.1:1/none").output
    with house.database.write() as session:
        run = session.connection().exec_driver_sql
        run("UPDATE slot SET capacity = 'plenty' WHERE device_id = 'level-1'")
    refused = move(cluster.url(name))
    assert (refused.exit_code, "table slot, near row" in refused.output) == (2, True)
    with house.database.write() as session:
        session.connection().exec_driver_sql("UPDATE slot SET capacity = 9 WHERE device_id = 'level-1'")
        assert session.exec(select(func.count()).select_from(Slot).where(col(Slot.capacity) == 9)).one() == 1
    target = Database(cluster.url(name))
    with target.write() as session:
        assert session.exec(select(func.count()).select_from(Slot)).one() == 0
        session.connection().exec_driver_sql("CREATE TABLE invoices(id int)")
    target.close()
    assert "invoices" in move(cluster.url(name)).output
    assert house.database.path.exists()
