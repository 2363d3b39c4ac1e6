"""CPU per message of the store stage: decode, dedupe, store durably, mark the slot due.

The baseline is the obvious stack, one ORM object and one commit per message; both write the same messages
to SQLite with WAL and synchronous=FULL, interleaved, five times.
"""

import json
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from replenish_server import operations
from replenish_server.database import Database
from replenish_server.fleet.registry import NewDevice, Product, add_device
from replenish_server.telemetry.codec import Event, decode_event
from replenish_server.telemetry.store import Incoming, store_batch
from replenish_server.telemetry.tables import Reading

DEVICES = 100
MESSAGES = 20_000
BATCH = 500
BASELINE_MESSAGES = 1_000  # a commit each; its cost per message does not depend on how many
REPETITIONS = 5
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def measure() -> list[dict[str, Any]]:
    """Measure both, interleaved."""
    ours, naive = [], []
    for repetition in range(REPETITIONS):
        ours.append(_cpu_us(_store_in_batches, MESSAGES, repetition))
        naive.append(_cpu_us(_one_commit_each, BASELINE_MESSAGES, repetition))
    value, baseline = median(ours), median(naive)
    ratio = value / baseline
    return [
        {
            "metric": "store_cpu_per_message",
            "value": round(value, 1),
            "unit": "us",
            "goal": "<= 1/10 of one ORM commit per message",
            "better": "lower",
            "ok": ratio <= 0.1,
            "baseline": round(baseline, 1),
            "ratio": round(ratio, 4),
            "min": round(min(ours), 1),
            "max": round(max(ours), 1),
        }
    ]


def _cpu_us(store: Any, count: int, repetition: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        database = _furnished(Path(folder))
        messages = [_message(number, repetition) for number in range(count)]
        started = time.process_time()
        store(database, messages)
        spent = time.process_time() - started
        with database.read() as session:
            assert count == operations.collect_stats(database, NOW)["readings"]
            session.close()
        database.close()
    return spent / count * 1e6


def _store_in_batches(database: Database, messages: list[Incoming]) -> None:
    for start in range(0, len(messages), BATCH):
        with database.write() as session:
            store_batch(session, messages[start : start + BATCH])


def _one_commit_each(database: Database, messages: list[Incoming]) -> None:
    for message in messages:
        event = decode_event(message.payload)
        assert isinstance(event, Event)
        with database.write() as session:
            session.add(
                Reading(
                    device_id=message.topic.split("/")[2],
                    boot=event.boot,
                    seq=event.seq,
                    type=event.type,
                    slot_key=event.slot_key,
                    number=event.number,
                    occurred_at=message.received_at - timedelta(seconds=event.age_s),
                    received_at=message.received_at,
                )
            )


def _message(number: int, boot: int) -> Incoming:
    body = {"v": 1, "b": f"{boot:08x}", "s": number, "t": "level", "a": 3, "c": 2, "n": 1000 - number % 900}
    payload = json.dumps(body, separators=(",", ":")).encode()
    return Incoming(f"rp/1/bench-{number % DEVICES}/up/ev", payload, False, NOW)


def _furnished(folder: Path) -> Database:
    database = Database(f"sqlite:///{folder / 'bench.db'}")
    database.migrate()
    address = operations.Address("A B", "a@example.org", "S 1", "T", "1", "DE")
    home = operations.create_household(database, "Bench", address, "UTC", "en", "EUR", NOW)
    shop = operations.add_retailer(database, "Shop", "http://127.0.0.1:1", "h", "t", None, NOW)
    product = Product(shop, "det", "Detergent", 1_500_000)
    with database.write() as session:
        for number in range(DEVICES):
            new = NewDevice("level", "M", "D", "detergent", product, 1_500_000, 300_000, f"bench-{number}")
            add_device(session, home, new, NOW)
    return database
