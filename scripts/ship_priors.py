"""Fits the models that a fresh installation starts with, on simulated households only, and writes a file.

No household's data is in them: device_sim invents what they learn from. The same arguments give the same
file.

Usage: python scripts/ship_priors.py [--levels 4000] [--purchases 4000] [--rounds 24] [--out FILE]
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from device_sim.histories import simulate_levels  # noqa: E402 - the checkout's own, installed or not
from device_sim.purchase_histories import simulate_purchases  # noqa: E402
from replenish_server.forecast.level_model import LevelBatch, LevelOutcomes, fit_levels  # noqa: E402
from replenish_server.forecast.network import Recipe  # noqa: E402
from replenish_server.forecast.purchase_model import (  # noqa: E402
    PurchaseBatch,
    PurchaseOutcomes,
    fit_purchases,
)

OUT = ROOT / "replenish_server" / "forecast" / "shipped.json"
SEED = 3
DIGITS = 4  # significant; what is lost is far below what training can tell apart
NOTE = "Fitted by scripts/ship_priors.py on simulated households only; no household's data is in it."


def main() -> None:
    """Fit, and write one file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--levels", type=int, default=4000, help="simulated slots with a sensor")
    parser.add_argument("--purchases", type=int, default=4000, help="simulated slots without one")
    parser.add_argument("--rounds", type=int, default=24, help="passes over the rows")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    text = ship(options.levels, options.purchases, options.rounds)
    options.out.write_text(text, encoding="utf-8")
    print(f"{options.out}: {len(text) / 1000:.0f} kB")


def ship(levels: int, purchases: int, rounds: int) -> str:
    """The file's text.

    Args:
        levels: simulated slots with a sensor.
        purchases: simulated slots without one.
        rounds: passes over the rows.
    """
    recipe = Recipe(hidden=(24, 24), rounds=rounds, folds=3, repeats=1)
    plain = {
        "note": NOTE,
        "levels": fit_levels(level_past(levels), recipe, SEED).to_plain(),
        "purchases": fit_purchases(purchase_past(purchases), recipe, SEED).to_plain(),
    }
    # Sizes are in base units of the slot, which differ between fleets; what ships must not depend on them.
    plain["levels"]["prior"]["elasticity"] = 0.0
    return json.dumps(_rounded(plain), separators=(",", ":"), ensure_ascii=False) + "\n"


def level_past(slots: int) -> LevelOutcomes:
    """Simulated levels; all containers have size one, so that shares hold for any container."""
    told = simulate_levels(slots, SEED)
    batch = LevelBatch(
        told.levels, _half_named(told.category, told.slot), np.ones(len(told.days), np.float32), told.weekday
    )
    return LevelOutcomes(batch, told.days, told.household, told.slot)


def purchase_past(slots: int) -> PurchaseOutcomes:
    """Simulated purchases."""
    told = simulate_purchases(slots, SEED)
    batch = PurchaseBatch(
        told.ages,
        told.amounts,
        _half_named(told.category, told.slot),
        told.weekday,
        told.watched_days,
        told.around,
    )
    return PurchaseOutcomes(batch, told.days, told.household, told.slot)


def _half_named(category: Any, slot: Any) -> Any:
    """Every other slot is of a kind of its own: what was never seen must be learnt, too."""
    even = np.array([int(name[-1]) % 2 == 0 for name in slot])
    return np.where(even, np.char.add("only ", slot), category)


def _rounded(value: Any) -> Any:
    """Numbers with few digits, whole ones without a point."""
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    if isinstance(value, float):
        short = float(f"{value:.{DIGITS}g}")
        return int(short) if short == int(short) else short
    return value


if __name__ == "__main__":
    main()
