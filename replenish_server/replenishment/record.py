"""PURE: a decision to JSON and back, so that the page renders exactly what was decided."""

from dataclasses import asdict
from typing import Any

from replenish_server.households.mandate import Verdict
from replenish_server.replenishment.policy import Decision, Kind, Trigger


def to_json(decision: Decision) -> dict[str, Any]:
    """The decision as plain JSON values."""
    data = asdict(decision)
    data["kind"], data["trigger"] = decision.kind.value, decision.trigger.value
    return data


def from_json(data: dict[str, Any]) -> Decision:
    """What `to_json` wrote."""
    values = dict(data)
    values["kind"], values["trigger"] = Kind(data["kind"]), Trigger(data["trigger"])
    values["verdicts"] = tuple(Verdict(v["rule"], v["ok"], v["numbers"]) for v in data["verdicts"])
    run_out = data.get("run_out_days")
    values["run_out_days"] = None if run_out is None else (run_out[0], run_out[1], run_out[2])
    return Decision(**values)
