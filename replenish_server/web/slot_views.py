"""Parts of a slot's view that its own page and the home page share."""

from datetime import datetime, timedelta

from replenish_server.fleet import twin
from replenish_server.fleet.tables import Slot, Twin
from replenish_server.fleet.units import Unit
from replenish_server.replenishment.basis import basis
from replenish_server.replenishment.decision import Decision
from replenish_server.replenishment.policy import FRESH_FOR
from replenish_server.replenishment.record import from_json
from replenish_server.replenishment.sentences import sentence
from replenish_server.replenishment.tables import DecisionRecord
from replenish_server.replenishment.verdicts import rule_name, verdict_text
from replenish_server.web import views

PAGE_UNITS: dict[str, views.Unit] = {"mg": "g", "ml": "ml", "page": "pages", "pack": "presses"}


def shown(value: int | None, unit: Unit) -> int | None:
    """Base units as the page counts them."""
    return None if value is None else value // unit.factor


def level_state(slot: Slot, level: int | None, as_of: datetime | None, now: datetime) -> views.LevelState:
    """Whether the level can be believed."""
    if slot.capacity is None:
        return "none"
    if level is None or as_of is None:
        return "unknown"
    return "good" if now - as_of <= FRESH_FOR else "stale"


def run_out_view(record: DecisionRecord | None, unit: Unit) -> views.RunOut | None:
    """The run-out days of the decision, as dates: the page never shows other numbers than were decided on."""
    decision = None if record is None else from_json(record.data)
    if record is None or decision is None or decision.run_out_days is None or decision.rate_per_day is None:
        return None
    early, median, late = (record.last_at + timedelta(days=days) for days in decision.run_out_days)
    return views.RunOut(early, median, late, decision.rate_per_day / unit.factor)


def decision_view(record: DecisionRecord | None, lang: views.Lang) -> views.DecisionView | None:
    """Why something was ordered, or was not."""
    if record is None:
        return None
    decision: Decision = from_json(record.data)
    return views.DecisionView(
        kind=decision.kind.value,
        at=record.last_at,
        sentence=sentence(decision, lang),
        rules=[
            (rule_name(v.rule, lang), v.ok, verdict_text(v, decision.unit, lang)) for v in decision.verdicts
        ],
        basis=basis(decision, lang),
    )


def twin_view(row: Twin | None, slot: Slot) -> views.TwinView:
    """The threshold as it was wished for and as the device has it."""
    if row is None or slot.capacity is None:
        return views.TwinView("none", None, None, None)
    state = twin.slot_agreement(row, slot.key)
    return views.TwinView(state.agreement.value, state.desired, state.reported, state.since)
