"""A slow disk, and a burst while nobody takes anything in."""

import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.ingest.bed import Bed, memory_mib
from tests.benchmarks.ingest.goals import row
from tests.benchmarks.ingest.load import level_stream
from tests.benchmarks.ingest.stream import run

SYNC_MS = 20
BURST = 50_000
STALLED_S = 5.0


def measure_slow_disk(repetitions: int, scale: float) -> list[dict[str, Any]]:
    """Durable messages a second when every sync takes 20 ms longer, as on a memory card."""
    library = _library()
    if library is None:
        return [row("durable_throughput_sync_20_ms", [], "1/s", 15_000, "higher")]
    rates = []
    for _ in range(repetitions):
        with Bed(100) as bed:
            packets = level_stream(bed.devices, int(60_000 * scale))
            reader = bed.ours(LD_PRELOAD=str(library), SLOW_SYNC_MS=str(SYNC_MS))
            rates.append(run(reader, bed, packets, bed.database).per_second)
    return [row("durable_throughput_sync_20_ms", rates, "1/s", 15_000, "higher")]


def measure_burst(repetitions: int, scale: float) -> list[dict[str, Any]]:
    """50,000 messages while the server stands still for five seconds, with the configuration that we ship."""
    lost, grown = [], []
    for _ in range(repetitions):
        with Bed(100) as bed:
            packets = level_stream(bed.devices, int(BURST * scale))
            reader = bed.ours()
            before = memory_mib(reader)
            os.kill(reader.pid, signal.SIGSTOP)
            threading.Thread(target=_continue, args=(reader.pid,), daemon=True).start()
            result = run(reader, bed, packets, bed.database)
            lost.append(result.lost)
            grown.append(result.peak_mib - before)
    return [
        row("burst_lost", lost, "messages", 0),
        row("burst_memory", grown, "MiB more", 50),
    ]


def _continue(pid: int) -> None:
    time.sleep(STALLED_S)
    os.kill(pid, signal.SIGCONT)


def _library() -> Path | None:
    """The compiled library; None without a C compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    made = Path("build/bench/slow_disk.so").resolve()
    made.parent.mkdir(parents=True, exist_ok=True)
    source = Path(__file__).parent / "slow_disk.c"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", made, source, "-ldl"], check=True)
    return made
