"""`make bench-ingest`: run every part, interleaved; print the table and write build/bench/ingest.json."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.ingest import curve, footprint, postgresql, press, stream, trouble

FILE = Path("build/bench/ingest.json")
PARTS: dict[str, Callable[[int, float], list[dict[str, Any]]]] = {
    "stream": stream.measure,
    "slow-disk": trouble.measure_slow_disk,
    "press": press.measure,
    "memory": footprint.measure_memory,
    "storage": footprint.measure_storage,
    "burst": trouble.measure_burst,
    "surge": trouble.measure_surge,
    "full-disk": trouble.measure_full_disk,
    "curve": curve.measure,
    "postgresql": postgresql.measure,
}


def main() -> None:
    """Measure, print, write; rows of parts that were not asked for stay as they were."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], help="which parts; all of them if none is named"
    )
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the messages, for a quick look")
    wish = parser.parse_args()
    console = Console(highlight=False, width=140)
    rows: list[dict[str, Any]] = []
    for part in wish.parts or PARTS:
        rows += PARTS[part](wish.repetitions, wish.scale)
        console.print(f"measured: {part}")
    kept = json.loads(FILE.read_text()) if FILE.exists() and wish.parts else []
    measured = {row["metric"] for row in rows}
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps([*rows, *(r for r in kept if r["metric"] not in measured)], indent=1))
    keys = ("metric", "value", "min", "max", "unit", "goal", "baseline", "ratio", "ok")
    table = Table(title="bench ingest")
    for key in keys:
        table.add_column(key, no_wrap=True)
    for row in rows:
        table.add_row(*(str(row.get(key, "")) for key in keys))
    console.print(table)
    for row in rows:
        if "reason" in row:
            console.print(f"{row['metric']}: {row['reason']}", soft_wrap=True)


if __name__ == "__main__":
    main()
