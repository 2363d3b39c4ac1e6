"""Whether a message costs the same when there are more devices, and more readings are stored already."""

import sqlite3
import sys
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.ingest.bed import Bed
from tests.benchmarks.ingest.goals import row
from tests.benchmarks.ingest.load import level_stream
from tests.benchmarks.ingest.stream import run

DEVICES = (100, 1000, 10_000, 100_000)
STORED = (100_000, 1_000_000, 10_000_000)
OF_STORED = 100  # devices among which the stored readings are
MESSAGES = 40_000
_STRIDE = 7919  # a prime: devices speak in an order that is not that of their keys


def measure(repetitions: int, scale: float) -> list[dict[str, Any]]:
    """Both curves, point by point; the row is the dearest point over the cheapest."""
    by_devices = {number: [_cpu_us(number, 0, scale) for _ in range(repetitions)] for number in DEVICES}
    by_stored = {n: [_cpu_us(OF_STORED, n, scale) for _ in range(repetitions)] for n in STORED}
    rows = []
    for name, curve in (("devices", by_devices), ("stored_readings", by_stored)):
        points = {str(number): round(median(values), 2) for number, values in curve.items()}
        sys.stdout.write(f"us per message by {name}: {points}\n")
        ratios = [max(values) / min(values) for values in zip(*curve.values(), strict=True)]
        rows.append(row(f"flat_over_{name}", ratios, "times", 1.3) | {"curve": points})
    return rows


def _cpu_us(devices: int, stored: int, scale: float) -> float:
    with Bed(devices) as bed:
        _fill(bed.database, bed.devices, stored)
        reader = bed.ours()
        # Each device is known, as in a server that runs for a while.
        run(
            reader,
            bed,
            level_stream(bed.devices, devices, last_boot="0000dddd"),
            bed.database,
            stored,
            "0000dddd",
        )
        packets = level_stream(bed.devices, int(MESSAGES * scale), first_seq=10_000_000, stride=_STRIDE)
        return run(reader, bed, packets, bed.database, stored + devices + 1).cpu_us


def _fill(path: Path, devices: list[str], stored: int) -> None:
    """Readings of the past, written in the order of their keys."""
    if not stored:
        return
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous=OFF")
    connection.executemany(
        "INSERT INTO stream(id, device_id, slot_key) VALUES(?, ?, 'main')", enumerate(devices, 1)
    )
    each = stored // len(devices)
    connection.executemany(
        "INSERT INTO sample VALUES(?, ?, 10, ?, 0, 32, 500)",
        (
            (stream, 1_600_000_000_000 + n * 1_000_000, n)
            for stream in range(1, len(devices) + 1)
            for n in range(each)
        ),
    )
    connection.executemany(
        "INSERT INTO seen_range VALUES(?, 10, 0, ?)", ((device, each - 1) for device in devices)
    )
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
