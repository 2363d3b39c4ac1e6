"""What a household is told of a decision that buys nothing: something is wanted, or the money is spent."""

from datetime import datetime

from sqlmodel import Session

from replenish_server.fleet.tables import Slot
from replenish_server.households.mandate import Verdict
from replenish_server.households.notices import Notice, notify
from replenish_server.replenishment.decision import Decision, Kind


def notify_of_decision(
    session: Session, slot: Slot, decision: Decision, decision_id: str, now: datetime
) -> None:
    """Leave the notices that a decision calls for, each once: a repeated decision keeps its id."""
    if decision.kind is Kind.NOTIFY:
        data: dict[str, int | str | None] = {
            "slot_id": slot.id,
            "slot": slot.name,
            "packs": decision.packs,
            "product": decision.product_name or slot.product_name,
        }
        notify(session, Notice(slot.household_id, f"wanted:{decision_id}", "wanted", data, now))
    refusal = decision.refused_by()
    if decision.kind is Kind.HOLD and refusal is not None and refusal.rule == "budget":
        notify(session, _over_budget(slot, refusal, now))


def _over_budget(slot: Slot, verdict: Verdict, now: datetime) -> Notice:
    numbers = verdict.numbers
    data = {
        "slot_id": slot.id,
        "slot": slot.name,
        "month": _text(numbers["month"]),
        "budget_minor": _minor(numbers["budget_minor"]),
        "left_minor": _minor(numbers["left_minor"]),
        "currency": _text(numbers["budget_currency"]),
    }
    return Notice(slot.household_id, f"over_budget:{slot.id}:{numbers['month']}", "over_budget", data, now)


def _text(value: int | str | float | None) -> str:
    return str(value)


def _minor(value: int | str | float | None) -> int | None:
    return value if isinstance(value, int) else None
