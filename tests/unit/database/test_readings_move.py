"""Revision 0013 moves every reading into the compact tables, and back, without changing one of them."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlmodel import select

import replenish_server.app
import replenish_server.database
from replenish_server.database import Database
from replenish_server.telemetry.tables import Reading, SeenRange

ROWS = [
    # device, boot, seq, type, slot, number, quality, gesture, clock, late, health, occurred, received
    ("a", "0000000a", 1, "level", "main", 900, "ok", None, 2, 0, None, 1_000_500, 1_003_500),
    ("a", "0000000a", 2, "usage", "cyan", 7, "coarse", None, 1, 0, None, 2_000_000, 2_000_000),
    ("a", "0000000a", 4, "refill", "main", None, "unknown", None, 0, 1, None, 3_000_000, 9_000_000),
    ("a", "ffffffff", 4_294_967_295, "level", "main", 0, "settling", None, 0, 0, None, 1, 1001),
    ("b", "0000000a", 1, "press", "main", None, "ok", "long", 0, 1, None, 5_000_000, 5_000_000),
    ("b", "0000000a", 2, "hello", "main", None, "ok", None, 0, 0, '{"bat": 2950}', 6_000_000, 6_000_000),
]
COLUMNS = (
    "device_id, boot, seq, type, slot_key, number, quality, gesture, clock, late, health, occurred_at,"
    " received_at"
)


def rows(database: Database) -> list[tuple[object, ...]]:
    """What `reading` shows, whether it is a table or a view."""
    with database.engine.connect() as connection:
        return sorted(tuple(row) for row in connection.execute(text(f"SELECT {COLUMNS} FROM reading")))


def test_nothing_changes_for_those_who_read(tmp_path: Path) -> None:
    """Up, down and up again."""
    database = Database(f"sqlite:///{tmp_path / 'old.db'}")
    config = Config()
    config.set_main_option(
        "script_location", str(Path(replenish_server.database.__file__).parent / "migrations")
    )
    config.attributes["engine"] = database.engine
    command.upgrade(config, "0012")
    with database.engine.connect() as connection:
        connection.exec_driver_sql(
            f"INSERT INTO reading({COLUMNS}) VALUES({', '.join('?' * len(ROWS[0]))})", ROWS
        )
        connection.commit()
    command.upgrade(config, "0013")
    assert sorted(ROWS) == rows(database)
    with database.read() as session:
        found = {(row.device_id, row.boot, row.low, row.high) for row in session.exec(select(SeenRange))}
        health = session.exec(select(Reading.health).where(Reading.type == "hello")).one()
    assert {
        ("a", 10, 1, 2),
        ("a", 10, 4, 4),
        ("a", 2**32 - 1, 2**32 - 1, 2**32 - 1),
        ("b", 10, 1, 2),
    } == found
    assert {"bat": 2950} == health
    command.downgrade(config, "0012")
    assert sorted(ROWS) == rows(database)
    command.upgrade(config, "0013")
    assert sorted(ROWS) == rows(database)
    database.close()


def test_a_slots_history_is_one_stretch_of_the_table(tmp_path: Path) -> None:
    """Reading by slot and time searches keys on both sides of the view, and scans nothing."""
    database = Database(f"sqlite:///{tmp_path / 'new.db'}")
    database.migrate()
    query = (
        "SELECT number FROM reading WHERE device_id = 'a' AND slot_key = 'main' AND occurred_at >= 5"
        " AND occurred_at < 9 AND type IN ('level', 'refill')"
    )
    with database.engine.connect() as connection:
        plan = [row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {query}"))]
    assert any("sample USING PRIMARY KEY (stream_id=? AND at_ms>? AND at_ms<?)" in step for step in plan), (
        plan
    )
    assert not [step for step in plan if step.startswith("SCAN") and step != "SCAN reading"], plan
    database.close()
