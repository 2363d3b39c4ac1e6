"""Whether a message costs the same when there are more devices, and more readings are stored already.

Over the number of devices the straight reader's curve stands beside ours: what of it is the machine's caches,
and its one page for each device, is there, too.
"""

import sqlite3
import sys
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.ingest.bed import Bed
from tests.benchmarks.ingest.goals import row
from tests.benchmarks.ingest.load import LAST_SEQ, level_stream
from tests.benchmarks.ingest.stream import run

DEVICES = (100, 1000, 10_000, 100_000)
STORED = (100_000, 1_000_000, 10_000_000)
OF_STORED = 100  # devices among which the stored readings are
MESSAGES = 40_000
_STRIDE = 7919  # a prime: devices speak in an order that is not that of their keys


def measure(repetitions: int, scale: float) -> list[dict[str, Any]]:
    """Both curves, point by point; the row is the dearest point over the cheapest."""
    by_devices: dict[int, list[float]] = {number: [] for number in DEVICES}
    straight: dict[int, list[float]] = {number: [] for number in DEVICES}
    for number in DEVICES:
        for _ in range(repetitions):
            with Bed(number) as bed:
                by_devices[number].append(_cpu_us(bed, 0, scale))
                straight[number].append(_straight_us(bed, scale))
    by_stored: dict[int, list[float]] = {number: [] for number in STORED}
    for number in STORED:
        for _ in range(repetitions):
            with Bed(OF_STORED) as bed:
                by_stored[number].append(_cpu_us(bed, number, scale))
    rows = []
    reader = {str(number): round(median(values), 2) for number, values in straight.items()}
    sys.stdout.write(f"us per message of the straight reader by devices: {reader}\n")
    for name, curve in (("devices", by_devices), ("stored_readings", by_stored)):
        points = {str(number): round(median(values), 2) for number, values in curve.items()}
        sys.stdout.write(f"us per message by {name}: {points}\n")
        ratios = [max(values) / min(values) for values in zip(*curve.values(), strict=True)]
        rows.append(row(f"flat_over_{name}", ratios, "times", 1.3) | {"curve": points})
    rows[0]["curve_of_straight_reader"] = reader
    return rows


def _cpu_us(bed: Bed, stored: int, scale: float) -> float:
    """Ours, with every device known, as in a server that runs for a while."""
    devices = len(bed.devices)
    _fill(bed.database, bed.devices, stored)
    reader = bed.ours()
    run(reader, bed, _known(bed), bed.database, stored, "0000dddd")
    spent = run(reader, bed, _spread(bed, scale), bed.database, stored + devices + 1).cpu_us
    reader.stop()
    return spent


def _straight_us(bed: Bed, scale: float) -> float:
    """The straight reader, after the same."""
    reader, known = bed.straight_reader(), _known(bed)
    run(reader, bed, known, bed.reader_db)
    # Its sentinel has a number, not a boot: the next one must not be found before it came.
    with sqlite3.connect(bed.reader_db, timeout=30) as connection:
        connection.execute(f"UPDATE reading SET seq = 0 WHERE seq = {LAST_SEQ}")
    connection.close()
    return run(reader, bed, _spread(bed, scale), bed.reader_db, len(known)).cpu_us


def _known(bed: Bed) -> list[bytes]:
    return level_stream(bed.devices, len(bed.devices), last_boot="0000dddd")


def _spread(bed: Bed, scale: float) -> list[bytes]:
    return level_stream(bed.devices, int(MESSAGES * scale), first_seq=10_000_000, stride=_STRIDE)


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
