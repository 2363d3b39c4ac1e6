"""The goals of the fleet's ingest, and the rows that say whether a run reached them; never lowered."""

from collections.abc import Sequence
from statistics import median
from typing import Any

# CPU per message of a tuned SQLite flow and of Home Assistant, both measured beside a straight reader on one
# machine; they are too large to be installed by a benchmark.
NODE_RED_US = 154
HOME_ASSISTANT_US = 738
REASONS = {
    "cpu_per_message": "a straight reader looks up nobody, answers no device and forgets what it has seen",
    "press_to_post_p50": "27 statements, a signature, a sync of the disk and four processes",
    "press_to_post_p99": "as the median; and a writer may be at work that was there before",
    "press_to_post_p99_at_400": "as the median; and a writer may be at work that was there before",
    "memory_idle": "SQLAlchemy, Pydantic and our tables are most of it",
    "memory_1000_devices": "mostly what it is when idle",
    "memory_per_further_device": "0.9 KiB are what ingest remembers; the rest is pages of SQLite and Python",
    "start_to_subscribed": "importing the libraries takes most of it",
    "flat_over_devices": "of so many devices none is in a cache, and each has a page and an answer",
}
_OTHERWISE = "missed in this run; see docs/telemetry.md"


def row(
    metric: str,
    values: Sequence[float],
    unit: str,
    goal: float,
    better: str = "lower",
    baseline: Sequence[float] | None = None,
    ratio_goal: float | None = None,
) -> dict[str, Any]:
    """One row: the median of the repetitions against its goal.

    Args:
        metric: its name.
        values: one of each repetition; none if it could not be measured.
        unit: of the values.
        goal: at most, or at least where `better` is "higher".
        baseline: the peer's values of the same run.
        ratio_goal: likewise a limit of value over baseline.
    """
    sign = "<=" if better == "lower" else ">="
    found: dict[str, Any] = {"metric": metric, "value": None, "unit": unit, "goal": f"{sign} {goal:g}"}
    found |= {"better": better, "ok": False, "baseline": None, "ratio": None}
    if values:
        value = median(values)
        found |= {"value": _round(value), "min": _round(min(values)), "max": _round(max(values))}
        found["ok"] = _within(value, goal, better)
        if baseline:
            found["baseline"] = _round(median(baseline))
            found["ratio"] = round(median(v / b for v, b in zip(values, baseline, strict=True)), 3)
    if ratio_goal is not None:
        found["goal"] += f", ratio {sign} {ratio_goal:g}"
        found["ok"] = found["ok"] and _within(found["ratio"], ratio_goal, better)
    if not found["ok"]:
        found["reason"] = REASONS.get(metric, _OTHERWISE)
    return found


def _within(value: float, goal: float, better: str) -> bool:
    return value <= goal if better == "lower" else value >= goal


def _round(value: float) -> float:
    return round(value, 2) if value < 1000 else round(value)
