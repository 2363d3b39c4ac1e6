"""`make bench-inventory`: how well readings become refills, use and a level, trouble by trouble.

Simulated containers (`tests.support.containers`); no recording of a real one with its truth was found.
"""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from replenish_server.inventory import read_levels
from tests.support.containers import CAPACITY, simulate
from tests.support.reading_scores import SCENARIOS, Score, score

FOLDER = Path("build/bench")
SEEDS = range(12)
_LEAST_RECALL = 0.98
_MOST_FALSE_PER_100_DAYS = 1.0
_MOST_USE_ERROR = 0.06
_COST_ROUNDS = 9


def main() -> int:
    """Score every scenario, print them, keep them in build/bench/inventory.json; 1 when a goal is missed."""
    table = Table(
        "trouble",
        "refills found",
        "false / 100 days",
        "doses found",
        "use error %",
        "worst home %",
        "level error % p95",
        "worst",
        "order matters",
        "ok",
        title="bench inventory",
    )
    kept = []
    met = True
    for scenario in SCENARIOS:
        result = score(scenario, SEEDS)
        ok = _met(result)
        met = met and ok
        kept.append({"scenario": scenario.name, "ok": ok, **asdict(result)})
        table.add_row(scenario.name, *_cells(result), "yes" if ok else "NO")
    console = Console(highlight=False, width=150)
    console.print(table)
    cost_ms = _cost_ms()
    console.print(f"90 days of hourly readings are read in {cost_ms:.1f} ms of processor time")
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "inventory.json").write_text(json.dumps({"scenarios": kept, "cost_ms": cost_ms}, indent=1))
    return 0 if met else 1


def _met(result: Score) -> bool:
    use = result.use_error
    return (
        result.found_refills >= _LEAST_RECALL * result.refills
        and result.false_per_100_days <= _MOST_FALSE_PER_100_DAYS
        and (use is None or abs(use) <= _MOST_USE_ERROR)
        and result.order_changed == 0
    )


def _cells(result: Score) -> list[str]:
    phantom = f"{100 * result.phantom_share_per_100_days:.1f} of a pack"
    return [
        f"{result.found_refills}/{result.refills}",
        f"{result.false_per_100_days:.2f}",
        f"{result.found_doses}/{result.doses}",
        phantom if result.use_error is None else f"{100 * result.use_error:+.1f}",
        "" if result.worst_use_error is None else f"{100 * result.worst_use_error:+.1f}",
        f"{100 * result.level_error_p95:.1f}",
        f"{100 * result.worst_level_error:.1f}",
        str(result.order_changed),
    ]


def _cost_ms() -> float:
    """The median over some rounds of one household's 90 days."""
    samples = simulate(1, days=90).samples
    rounds = []
    for _ in range(_COST_ROUNDS):
        started = time.process_time()
        read_levels(samples, CAPACITY)
        rounds.append(1000 * (time.process_time() - started))
    return sorted(rounds)[_COST_ROUNDS // 2]


if __name__ == "__main__":
    sys.exit(main())
