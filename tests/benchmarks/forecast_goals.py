"""What the forecast has to reach, and the rows that say whether it did. Goals are never lowered."""

from typing import Any

_CUT = (
    "outcomes are cut at 84 days and an interval that ends there counts as hit, so this reads high for any "
    "calibrated forecast; the tail, and the curve that draws beyond the cut at random, are the fair reading"
)
REASONS = {
    "B_mae_7": "noise and lifted containers hide about a day of use; LightGBM on the same rows is at 2.55",
    "B_mae_14": "the networks follow a change of habit only after some days of readings",
    "B_mae_28": "use drifts within four weeks by more than any past shows",
    "B_coverage_80": "calibrated on held-back training households; development households vary less",
    "B_coverage_90": "calibrated on held-back training households; development households vary less",
    "B_cost_20": "calibrated forecasts cost nearly the same: the rare ten-day parcel sets most of it",
    "A_cost_20": "dates alone say little of the day: most of the cost is cover held against that",
    "A_coverage_80": _CUT,
    "A_coverage_90": _CUT,
}
_OTHERWISE = "missed in this run; see docs/forecast.md, section Limits"


def rows(raw: dict[str, Any]) -> list[dict[str, Any]]:
    """One row for each goal.

    Args:
        raw: what `forecast_worker` wrote.
    """
    b, a, unseen, speed = raw["B"], raw["A"], raw["unseen"], raw["speed"]
    found = [
        _gain("B_crps_gain", b["ours"]["against_ewma"], 12.5),
        _most("B_crps", b["ours"]["CRPS"], "days", 5.25, b["ewma"]["CRPS"]),
        *(
            _most(f"B_mae_{h}", b["ours"][f"MAE@{h}"], "days", goal, b["ewma"][f"MAE@{h}"])
            for h, goal in ((7, 2.4), (14, 3.6), (28, 6.6))
        ),
        _gain("A_crps_gain", a["ours"]["against_ewma"], 2.5),
        *_coverages("B", b),
        *_coverages("A", a),
        _gain("unseen_kinds_crps_gain", unseen["against_ewma"], 10.0),
        _gain("shipped_levels_crps_gain", b["shipped"]["against_ewma"], 5.0),
        _most("B_cost_20", b["ours"]["cost"]["cost@20"], "per item-year", 78, b["ewma"]["cost"]["cost@20"]),
        _most("A_cost_20", a["ours"]["cost"]["cost@20"], "per item-year", 315, a["ewma"]["cost"]["cost@20"]),
        _row(
            "slots_per_second",
            speed["slots_per_s"],
            "1/s",
            ">= 100000",
            speed["slots_per_s"] >= 1e5,
            "higher",
        )
        | {"min": round(speed["min"]), "max": round(speed["max"])},
        _most("one_slot", speed["one_slot_ms"], "ms", 1, None)
        | {"min": round(speed["one_slot_min"], 3), "max": round(speed["one_slot_max"], 3)},
        _most("state_per_slot", raw["state"]["bytes"], "bytes", 1024, None),
    ]
    for row in found:
        if not row["ok"]:
            row["reason"] = REASONS.get(row["metric"], _OTHERWISE)
    return found


def _row(
    metric: str, value: float, unit: str, goal: str, ok: bool, better: str, baseline: float | None = None
) -> dict[str, Any]:
    """One row of the benchmark's JSON; `ratio` is value over baseline."""
    return {
        "metric": metric,
        "value": round(float(value), 3),
        "unit": unit,
        "goal": goal,
        "better": better,
        "ok": bool(ok),
        "baseline": None if baseline is None else round(float(baseline), 3),
        "ratio": None if baseline is None else round(float(value / baseline), 4),
    }


def _most(metric: str, value: float, unit: str, goal: float, baseline: float | None) -> dict[str, Any]:
    return _row(metric, value, unit, f"<= {goal:g}", value <= goal, "lower", baseline)


def _gain(metric: str, against: list[float], goal: float) -> dict[str, Any]:
    """Percent below EWMA on the same rows; min and max are a 95 % interval over households."""
    value, low, high = (-100 * part for part in against)
    row = _row(metric, value, "% below EWMA", f">= {goal:g}", value >= goal, "higher")
    return row | {"ratio": round(1 - value / 100, 4), "min": round(high, 2), "max": round(low, 2)}


def _coverages(task: str, told: dict[str, Any]) -> list[dict[str, Any]]:
    """Intervals overall, and the lower tail, warm and cold, in percent."""
    ours, ewma = told["ours"], told["ewma"]
    found = []
    for level, within in ((80, 2), (90, 3)):
        value, other = 100 * ours[f"cov{level}"], 100 * ewma[f"cov{level}"]
        goal = f"{level - within} to {level + within}"
        ok = abs(value - level) <= within
        found.append(_row(f"{task}_coverage_{level}", value, "%", goal, ok, f"nearer {level}", other))
    for part in ("warm", "cold"):
        value, other = 100 * ours[part]["lo05"], 100 * ewma[part]["lo05"]
        found.append(_row(f"{task}_below_5_{part}", value, "%", "4 to 6", 4 <= value <= 6, "nearer 5", other))
    return found
