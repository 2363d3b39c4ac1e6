"""`make bench-orders`: needs against a failing retailer, workers killed; prints a table, writes JSON."""

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.orders.bed import KEYS, Outcome, measure
from tests.benchmarks.orders.crowd import overspent_minor

FILE = Path("build/bench/orders.json")


def rows_of(keys: str, found: Outcome) -> list[dict[str, Any]]:
    """The rows of one run, in the form that every benchmark here has."""
    judged = {
        "duplicates": found.duplicates,
        "missing": found.missing,
        "waiting_for_another_reason": found.other,
    }
    rows = [
        _row(f"orders.{keys}.{name}", value, "orders", "== 0", value == 0) for name, value in judged.items()
    ]
    told = {"unknown_to_a_person": found.unknown, "bought": found.bought, "worker_kills": found.kills}
    told |= {"needs": found.needs, "completing_calls": found.calls}
    rows += [_row(f"orders.{keys}.{name}", value, "count", None, ok=True) for name, value in told.items()]
    rows.append(_row(f"orders.{keys}.until_at_rest", round(found.seconds, 1), "s", None, ok=True))
    return rows


def _row(metric: str, value: float, unit: str, goal: str | None, ok: bool) -> dict[str, Any]:
    return {
        "metric": metric,
        "value": value,
        "unit": unit,
        "goal": goal,
        "better": "lower",
        "ok": ok,
        "baseline": None,
        "ratio": None,
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("keys", nargs="*", choices=[*KEYS, []], help="how the retailer treats keys; all")
    parser.add_argument("--needs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--budgets", type=int, default=5, help="how many budgets the crowd tries")
    wish = parser.parse_args()
    console = Console(highlight=False, width=110)
    rows: list[dict[str, Any]] = []
    for keys in wish.keys or KEYS:
        rows += rows_of(keys, measure(wish.needs, keys, wish.seed))
        console.print(f"measured: a retailer that {keys} keys")
    over = max((overspent_minor(wish.seed + n) for n in range(wish.budgets)), default=0)
    rows.append(_row("budget.overspent_by_64_at_once", over, "minor units", "== 0", over == 0))
    kept = json.loads(FILE.read_text()) if FILE.exists() and wish.keys else []
    measured = {row["metric"] for row in rows}
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps([*rows, *(r for r in kept if r["metric"] not in measured)], indent=1) + "\n")
    table = Table(title="bench orders")
    for key in ("metric", "value", "unit", "goal", "ok"):
        table.add_column(key, no_wrap=True)
    for row in rows:
        table.add_row(
            *("" if row[key] is None else str(row[key]) for key in ("metric", "value", "unit", "goal", "ok"))
        )
    console.print(table)


if __name__ == "__main__":
    main()
