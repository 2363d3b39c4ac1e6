"""`make bench`: every benchmark, a table for people and build/bench/<name>.json for programs."""

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks import store_stage

FOLDER = Path("build/bench")
BENCHMARKS = {"store": store_stage.measure}


def main() -> int:
    """Run the named benchmarks, or all."""
    names = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"unknown benchmark {unknown[0]!r}; there are: {', '.join(BENCHMARKS)}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    console = Console(highlight=False)
    for name in names:
        rows = BENCHMARKS[name]()
        (FOLDER / f"{name}.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
        table = Table("metric", "value", "unit", "goal", "baseline", "ratio", "ok", title=f"bench {name}")
        for row in rows:
            keys = ("metric", "value", "unit", "goal", "baseline", "ratio", "ok")
            table.add_row(*(str(row[key]) for key in keys))
        console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
