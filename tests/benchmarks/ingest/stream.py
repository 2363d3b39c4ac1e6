"""CPU per message and durable messages a second, of ours and of the straight reader."""

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device_sim.process import Child
from tests.benchmarks.ingest.bed import Bed, cpu_s, memory_mib, wait_for
from tests.benchmarks.ingest.goals import HOME_ASSISTANT_US, NODE_RED_US, row
from tests.benchmarks.ingest.load import LAST_BOOT, LAST_SEQ, level_stream

DEVICES = 100
MESSAGES = 60_000
_FILLED_UNTIL_MS = 1_750_000_000_000
"""Later than the readings that the curve starts with, earlier than what is sent."""


@dataclass(frozen=True)
class Run:
    """What one run of a reader cost.

    Args:
        cpu_us: of the reader, per message.
        per_second: durable messages a second, from the first byte sent to the last message stored.
        peak_mib: highest resident memory.
        lost: messages that were sent and are not stored.
    """

    cpu_us: float
    per_second: float
    peak_mib: float
    lost: int


def measure(repetitions: int, scale: float) -> list[dict[str, Any]]:
    """Both readers in turn, each on a fresh broker and database."""
    ours, reader = [], []
    for _ in range(repetitions):
        for runs, start in ((reader, Bed.straight_reader), (ours, Bed.ours)):
            with Bed(DEVICES) as bed:
                packets = level_stream(bed.devices, int(MESSAGES * scale))
                database = bed.database if runs is ours else bed.reader_db
                runs.append(run(start(bed), bed, packets, database))
    cpu, base = [one.cpu_us for one in ours], [one.cpu_us for one in reader]
    rates, base_rates = [one.per_second for one in ours], [one.per_second for one in reader]
    return [
        row("cpu_per_message", cpu, "us", 30, baseline=base, ratio_goal=2),
        row("cpu_against_node_red", [NODE_RED_US / us for us in cpu], "times", 5, "higher"),
        row("cpu_against_home_assistant", [HOME_ASSISTANT_US / us for us in cpu], "times", 25, "higher"),
        row("durable_throughput", rates, "1/s", 25_000, "higher", base_rates, 0.6),
        row("stream_lost", [one.lost for one in ours], "messages", 0),
    ]


def run(
    reader: Child,
    bed: Bed,
    packets: Sequence[bytes],
    database: Path,
    before: int = 0,
    last: str = LAST_BOOT,
    per_second: float | None = None,
) -> Run:
    """Send everything, wait until the sentinel is stored, and count.

    Args:
        reader: the process that is measured.
        bed: its broker.
        packets: of `level_stream`.
        database: where the reader stores.
        before: readings that were stored before.
        last: boot id of the sentinel, which no run before this one used.
        per_second: how fast; None for as fast as the broker takes it.
    """
    publisher = bed.publisher()
    cpu, started = cpu_s(reader), time.perf_counter()
    publisher.send(packets, per_second=per_second)
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)
    query = f"SELECT 1 FROM reading WHERE seq = {LAST_SEQ}"
    if database != bed.reader_db:
        # In `sample`: of a crowd, what was seen is settled into `seen_range` only when it is calm.
        query = (
            "SELECT 1 FROM stream JOIN sample ON sample.stream_id = stream.id "
            f"WHERE device_id = '{bed.devices[0]}' AND at_ms > {_FILLED_UNTIL_MS} AND boot = {int(last, 16)}"
        )
    wait_for(lambda: connection.execute(query).fetchone() is not None, "the last message")
    took = time.perf_counter() - started
    time.sleep(0.1)  # the acknowledgements follow the commit
    spent = cpu_s(reader) - cpu
    table = "reading" if database == bed.reader_db else "sample"
    (stored,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    connection.close()
    publisher.close()
    count = len(packets)
    return Run(spent / count * 1e6, count / took, memory_mib(reader, peak=True), count - stored + before)
