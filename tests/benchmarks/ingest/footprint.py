"""Memory of the whole server, how soon it listens, and what a reading takes on the disk."""

import sqlite3
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from replenish_server.database import Database
from replenish_server.telemetry.store import Incoming, ReadingStore
from tests.benchmarks.ingest.bed import Bed, memory_mib, wait_for
from tests.benchmarks.ingest.goals import row
from tests.benchmarks.ingest.load import level_event, level_stream

FEW, MANY = 1000, 3000
SETTLE_S = 5.0
DEVICES, READINGS = 50, 2000
EVERY = timedelta(minutes=17)


def measure_memory(repetitions: int, _scale: float) -> list[dict[str, Any]]:
    """Idle with one device; with 1,000 and 3,000 that have spoken and been judged; and the start."""
    idle, few, each, start = [], [], [], []
    for _ in range(repetitions):
        alone, started = _server(1)
        idle.append(alone)
        start.append(started)
        at_few, at_many = _server(FEW)[0], _server(MANY)[0]
        few.append(at_few)
        each.append((at_many - at_few) * 1024 / (MANY - FEW))
    return [
        row("memory_idle", idle, "MiB", 80),
        row("memory_1000_devices", few, "MiB", 120),
        row("memory_per_further_device", each, "KiB", 2),
        row("start_to_subscribed", start, "s", 2),
    ]


def _server(devices: int) -> tuple[float, float]:
    """(MiB resident, seconds from start to subscribed)."""
    with Bed(devices) as bed:
        started = time.perf_counter()
        server = bed.serve()
        took = time.perf_counter() - started
        if devices > 1:
            publisher = bed.publisher()
            publisher.send(level_stream(bed.devices, devices))
            publisher.close()
            connection = sqlite3.connect(f"file:{bed.database}?mode=ro", uri=True, timeout=30)
            judged = "SELECT count(DISTINCT slot_id) FROM decision"
            wait_for(lambda: connection.execute(judged).fetchone()[0] >= devices, "the fleet", 300)
            connection.close()
        time.sleep(SETTLE_S)
        return memory_mib(server), took


def measure_storage(_repetitions: int, scale: float) -> list[dict[str, Any]]:
    """Bytes of the database file for each reading of sensors that report every 17 minutes."""
    with Bed(DEVICES) as bed:
        database = Database(bed.settings.database_url)
        store, begin = ReadingStore(), datetime(2026, 1, 1, tzinfo=UTC)
        before, readings = _pages(database), int(READINGS * scale)
        for number in range(readings):
            at = begin + number * EVERY + timedelta(milliseconds=number * 37 % 1000)
            batch = [
                Incoming(f"rp/1/{device}/up/ev", level_event(number + 1, 900 - number % 700), False, at)
                for device in bed.devices
            ]
            with database.write() as session:
                store.store(session, batch)
        bytes_each = (_pages(database) - before) / (readings * DEVICES)
        database.close()
    return [row("storage_per_reading", [bytes_each], "bytes", 60)]


def _pages(database: Database) -> int:
    """Bytes in pages that are in use."""
    with database.engine.connect() as connection:
        values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in
                  ("page_count", "freelist_count", "page_size")]  # fmt: skip
    return int((values[0] - values[1]) * values[2])
