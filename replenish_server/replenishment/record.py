"""PURE: a decision to JSON and back, so that the page renders exactly what was decided."""

from dataclasses import fields
from typing import Any

from replenish_server.households.mandate import Verdict
from replenish_server.replenishment.decision import Decision, Kind, Trigger
from replenish_server.replenishment.timing import Timing


def to_json(decision: Decision) -> dict[str, Any]:
    """The decision as plain JSON values."""
    data = vars(decision) | {"verdicts": [verdict.plain() for verdict in decision.verdicts]}
    data["kind"], data["trigger"] = decision.kind.value, decision.trigger.value
    data["timing"] = None if decision.timing is None else decision.timing.value
    return data


def from_json(data: dict[str, Any]) -> Decision:
    """What `to_json` wrote, in this release or an earlier one: fields that are no more are left out."""
    known = {field.name for field in fields(Decision)}
    values = {name: value for name, value in data.items() if name in known}
    values["kind"], values["trigger"] = Kind(data["kind"]), Trigger(data["trigger"])
    values["verdicts"] = tuple(Verdict(v["rule"], v["ok"], v["numbers"]) for v in data["verdicts"])
    values["timing"] = None if data.get("timing") is None else Timing(data["timing"])
    for name in ("run_out_days", "rate_band"):
        values[name] = None if data.get(name) is None else tuple(data[name])
    return Decision(**values)
