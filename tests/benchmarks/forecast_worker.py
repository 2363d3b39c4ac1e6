"""Runs in the harness's own environment: fits and scores EWMA and ours on real households.

Usage: python forecast_worker.py HARNESS_FOLDER OUT.json   (PYTHONPATH names this repository)

The harness's modules are imported by path; only its development split is looked at.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np

from replenish_server.forecast.backtest import Forecaster, _levels, _purchases
from replenish_server.replenishment.priors import shipped_models

SPLIT = ("dev",)
KIND_GROUPS = 4  # product kinds are left out a quarter at a time
BATCH, BATCHES = 10_000, 10
REPETITIONS = 5
ONE_SLOT_CALLS = 400
COLD_DAYS, COLD_PURCHASES = 14, 3
BIN_STEPS = 50_000  # a level of 1 in a two-byte bin; 1.3 still fits
HORIZON = 84.0


class Shipped:
    """Loads instead of fitting; all the harness's kinds are unknown to it."""

    def fit(self, _train: Any) -> "Shipped":
        """Nothing to learn."""
        return self

    def predict(self, batch: Any) -> Any:
        """Shape (n, 23)."""
        models = shipped_models()
        unknown = np.full(batch.n, "?")
        if hasattr(batch, "lev"):
            return models.levels.forecast(replace(_levels(batch), category=unknown)).days
        return models.purchases.forecast(replace(_purchases(batch), category=unknown))


def main() -> None:
    """Measure both tasks, unseen kinds, speed and state."""
    folder, out = sys.argv[1:3]
    sys.path.insert(0, folder)
    import methods_a
    import methods_b

    raw: dict[str, Any] = {}
    ewma_a, ewma_b = methods_a.registry()["ewma_interval"], methods_b.registry()["ewma05"]
    raw["B"], ours = _task("B", {"ewma": ewma_b, "ours": Forecaster, "shipped": Shipped})
    raw["unseen"] = _unseen(ewma_b)
    raw["speed"], raw["state"] = _speed(ours), _state(ours)
    raw["A"], _ = _task("A", {"ewma": ewma_a, "ours": Forecaster, "shipped": Shipped})
    with open(out, "w", encoding="utf-8") as file:  # noqa: PTH123 - a path handed over as text
        json.dump(raw, file, default=float, indent=1)


def _task(task: str, methods: dict[str, Callable[[], Any]]) -> tuple[dict[str, Any], Any]:
    """Scores of every method on the same rows, and our fitted forecaster."""
    import metrics
    import run_backtest
    import tasks

    train = (tasks.train_A if task == "A" else tasks.train_B)(("train",))
    rows, cycles = (tasks.task_A if task == "A" else tasks.task_B)(SPLIT)
    warm = rows.n_ev >= COLD_PURCHASES if task == "A" else rows.hist >= COLD_DAYS
    judged = warm if task == "A" else np.ones(rows.n, bool)  # as the harness counts its headline
    lengths = cycles.y if task == "A" else np.array(list(dict(zip(cycles.cyc, cycles.cyc_D)).values()))  # noqa: B905
    mean_cycle = float(np.mean(lengths[lengths <= HORIZON] if task == "B" else lengths))
    result: dict[str, Any] = {
        "rows": rows.n,
        "cold_rows": int((~warm).sum()),
        "households": len(set(rows.hh)),
    }
    crps, ours = {}, None
    for name, make in methods.items():
        said = make().fit(train)
        ours = said if name == "ours" else ours
        answer = _answer(said, run_backtest.blind)
        quantiles = answer(rows)
        crps[name] = metrics.crps_rows(quantiles, rows.y)[judged]
        parts = np.array_split(np.arange(cycles.n), max(1, cycles.n // 20_000))
        told = np.concatenate([answer(tasks.take(cycles, part)) for part in parts])
        policy = (
            metrics.policy_purchase(told, cycles.y) if task == "A" else metrics.policy_reviews(told, cycles)
        )
        level = _transform(quantiles, rows.y)
        result[name] = {
            **metrics.accuracy(quantiles, rows.y, judged),
            "warm": metrics.accuracy(quantiles, rows.y, warm),
            "cold": metrics.accuracy(quantiles, rows.y, ~warm),
            "curve": [float((level[judged] <= q).mean()) for q in tasks.Q],
            "curve_cold": [float((level[~warm] <= q).mean()) for q in tasks.Q],
            "cost": metrics.summarise_policy(policy, mean_cycle),
            "frontier": [[so, cover * 365 / mean_cycle] for so, cover, _ in policy],
            "against_ewma": metrics.paired(crps["ewma"], crps[name], rows.hh[judged]),
        }
    if task == "B":
        fixed = metrics.policy_threshold(cycles)
        result["threshold"] = {
            "at": list(metrics.THR),
            "cost": metrics.summarise_policy(fixed, mean_cycle),
            "frontier": [[so, cover * 365 / mean_cycle] for so, cover, _ in fixed],
        }
    return result, ours


def _answer(said: Any, blind: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Ours never sees outcomes; the harness's own methods take the batch as it is."""
    ours = isinstance(said, Forecaster | Shipped)
    return lambda batch: said.predict(blind(batch) if ours else batch)


def _transform(quantiles: Any, days: Any) -> Any:
    """Where in the forecast the truth lay; drawn at random beyond the horizon, where nobody looked."""
    import metrics

    chance = np.random.default_rng(0)
    at = metrics.cdf_at(quantiles, np.minimum(days, HORIZON))
    return np.where(days >= HORIZON, at + (1 - at) * chance.random(len(days)), at)


def _unseen(ewma: Callable[[], Any]) -> dict[str, Any]:
    """Kinds that neither method was fitted on, a quarter of them at a time, on the same rows."""
    import metrics
    import run_backtest
    import tasks

    train, rows = tasks.train_B(("train",)), tasks.task_B(SPLIT)[0]
    kinds = np.unique(train.cat)
    ours, theirs = np.zeros(rows.n), np.zeros(rows.n)
    for group in range(KIND_GROUPS):
        out = kinds[group::KIND_GROUPS]
        known = tasks.take(train, ~np.isin(train.cat, out))
        asked = np.isin(rows.cat, out)
        unseen = tasks.take(rows, asked)
        ours[asked] = metrics.crps_rows(Forecaster().fit(known).predict(run_backtest.blind(unseen)), unseen.y)
        theirs[asked] = metrics.crps_rows(ewma().fit(known).predict(unseen), unseen.y)
    judged = np.isin(rows.cat, kinds)
    return {
        "rows": int(judged.sum()),
        "ours": float(ours[judged].mean()),
        "ewma": float(theirs[judged].mean()),
        "against_ewma": metrics.paired(theirs[judged], ours[judged], rows.hh[judged]),
    }


def _speed(ours: Any) -> dict[str, Any]:
    """Slots a second in batches, and milliseconds for one slot; CPU of one thread."""
    import run_backtest
    import tasks

    rows = tasks.task_B(SPLIT)[0]
    chance = np.random.default_rng(0)
    batches = [tasks.take(rows, chance.integers(0, rows.n, BATCH)) for _ in range(BATCHES)]
    blinded = [run_backtest.blind(batch) for batch in batches]
    rates = []
    for _ in range(REPETITIONS):
        started = time.process_time()
        for batch in blinded:
            ours.predict(batch)
        rates.append(BATCH * BATCHES / (time.process_time() - started))
    single = [run_backtest.blind(tasks.take(rows, np.array([k]))) for k in range(ONE_SLOT_CALLS)]
    took = []
    for batch in single:
        started = time.perf_counter()
        ours.predict(batch)
        took.append(1000 * (time.perf_counter() - started))
    return {
        "slots_per_s": median(rates),
        "min": min(rates),
        "max": max(rates),
        "one_slot_ms": median(took),
        "one_slot_min": min(took),
        "one_slot_max": max(took),
    }


def _state(ours: Any) -> dict[str, Any]:
    """Bytes of a slot's grid in two-byte bins, and what the coarser levels do to the score."""
    import metrics
    import run_backtest
    import tasks

    rows = run_backtest.blind(tasks.task_B(SPLIT)[0])
    truth = tasks.task_B(SPLIT)[0].y
    whole = metrics.crps_rows(ours.predict(rows), truth).mean()
    silent = np.isnan(rows.lev)
    stored = np.where(silent, 65_535, np.round(np.nan_to_num(rows.lev) * BIN_STEPS)).astype(np.uint16)
    rows.lev = np.where(stored == 65_535, np.nan, stored / np.float32(BIN_STEPS)).astype(np.float32)
    return {
        "bytes": stored[0].nbytes,
        "crps": whole,
        "crps_stored": metrics.crps_rows(ours.predict(rows), truth).mean(),
    }


if __name__ == "__main__":
    main()
