"""What the interpreter's settings are there for happens."""

import subprocess
import sys

BURST = """
from pathlib import Path
from replenish_server.interpreter import begin_to_load, collect_garbage

def kib():
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines()
                if line.startswith("RssAnon:"))

begin_to_load()
before = kib()
burst = [bytes(4000) for _ in range(10_000)]  # beyond what Python keeps in its own arenas
kept = burst[::500]
peak = kib()
del burst
after = kib()
for second in range(1, 6):
    collect_garbage(second)
print(before, peak, after, kib(), len(kept))
"""


def test_what_a_burst_took_is_given_back() -> None:
    """All but what is in use, a few blocks at the very end among it: the C library by itself keeps it all."""
    ran = subprocess.run([sys.executable, "-c", BURST], capture_output=True, text=True, check=True)
    before, peak, after, given_back, kept = map(int, ran.stdout.split())
    assert (peak - before > 30_000, after - before > 20_000, kept) == (True, True, 20), ran.stdout
    assert given_back - before < (peak - before) / 4, ran.stdout
