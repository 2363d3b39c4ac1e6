"""A slow disk and a full one; ten times the usual for a minute; everything at once while nobody listens."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.ingest.bed import Bed, memory_mib
from tests.benchmarks.ingest.goals import row
from tests.benchmarks.ingest.load import level_stream
from tests.benchmarks.ingest.stream import run

SYNC_MS = 20
BURST = 50_000
STALLED_S = 5.0
SURGE_PER_S, SURGE_S = 1000, 60  # ten times the usual 100 messages a second
DISK_MIB, FULL_S = 160, 5.0
_LEFT_BYTES = 1 << 18  # on a disk that is about to be full


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


def measure_surge(repetitions: int, scale: float) -> list[dict[str, Any]]:
    """A thousand sensors at ten times their pace for a minute, through the whole server."""
    lost, grown = [], []
    for _ in range(repetitions):
        with Bed(1000) as bed:
            server = bed.serve()
            known = level_stream(bed.devices, 1000, last_boot="0000dddd")
            run(server, bed, known, bed.database, last="0000dddd")
            before = memory_mib(server)
            packets = level_stream(bed.devices, int(SURGE_PER_S * SURGE_S * scale), first_seq=1000)
            result = run(server, bed, packets, bed.database, len(known), per_second=SURGE_PER_S)
            lost.append(result.lost)
            grown.append(result.peak_mib - before)
    return [row("surge_lost", lost, "messages", 0), row("surge_memory", grown, "MiB more", 50)]


def measure_full_disk(repetitions: int, scale: float) -> list[dict[str, Any]]:
    """The disk is full for five seconds while messages come; then somebody makes room."""
    if os.geteuid() != 0:
        return [row("full_disk_lost", [], "messages", 0)]
    lost = []
    for _ in range(repetitions):
        with _small_disk() as disk, Bed(100, disk=disk) as bed:
            packets = level_stream(bed.devices, int(BURST * scale))
            reader = bed.ours()
            ballast = disk / "ballast"
            _fill_up(ballast)
            stored: list[int] = []
            room = threading.Thread(target=_make_room, args=(ballast, bed.database, stored), daemon=True)
            room.start()
            result = run(reader, bed, packets, bed.database)
            if stored[0] >= len(packets):
                raise RuntimeError("the disk was never full: everything was stored before there was room")
            lost.append(result.lost)
    return [row("full_disk_lost", lost, "messages", 0)]


@contextlib.contextmanager
def _small_disk() -> Iterator[Path]:
    """A disk of its own, in memory; only root may mount one."""
    folder = Path(tempfile.mkdtemp(prefix="replenish-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "replenish-bench", str(folder)]
    subprocess.run(mount, check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def _fill_up(ballast: Path) -> None:
    """Take all of the disk but a little."""
    disk = os.statvfs(ballast.parent)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, disk.f_bavail * disk.f_frsize - _LEFT_BYTES)


def _make_room(ballast: Path, database: Path, stored: list[int]) -> None:
    time.sleep(FULL_S)
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)
    stored.append(connection.execute("SELECT count(*) FROM sample").fetchone()[0])
    connection.close()
    ballast.unlink()


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
