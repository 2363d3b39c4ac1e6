"""The page of the trial on the database: what shadow mode has kept, judged by what the household did without.

Rows of all supplies and trial orders are loaded together, and so are the readings of all that measure.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from replenish_server.fleet.mandates import slot_mandates
from replenish_server.fleet.tables import Slot
from replenish_server.households.calendar import month_of
from replenish_server.households.mandate import Mode
from replenish_server.households.tables import Household, SlotMandate
from replenish_server.inventory import LevelHistory
from replenish_server.replenishment.facts import HISTORY
from replenish_server.replenishment.readings import read_histories
from replenish_server.replenishment.record import from_json
from replenish_server.replenishment.sentences import sentence
from replenish_server.replenishment.shadow import as_trial, shadow_orders
from replenish_server.replenishment.tables import DecisionRecord, ShadowOrder
from replenish_server.replenishment.trial import (
    Outcome,
    balance,
    judge_trial,
    missed_run_outs,
    outcome_sentence,
)
from replenish_server.web import mandate_views as views
from replenish_server.web.views import Lang

_BAD = (Outcome.TOO_LATE, Outcome.TOO_EARLY)


def trial_view(session: Session, household: Household, lang: Lang, now: datetime) -> views.TrialView:
    """A household's supplies on trial, and every order that was not made."""
    rows = shadow_orders(session, household.id)
    on_trial = _on_trial(session, household.id)
    sums = balance([judge_trial(as_trial(row), now) for row in rows])
    session.exec(select(Slot).where(col(Slot.id).in_({row.slot_id for row in rows}))).all()
    decisions = {row.decision_id for row in rows}
    session.exec(select(DecisionRecord).where(col(DecisionRecord.id).in_(decisions))).all()
    return views.TrialView(
        slots=[
            (slot.id, slot.name, session.get_one(SlotMandate, slot.id).changed_at, capped)
            for slot, capped in on_trial
        ],
        orders=[_order(session, row, now, lang) for row in rows],
        months=_months(rows, household.time_zone),
        prevented=sums.prevented,
        spared_days=sums.spared_days,
        too_late=sums.too_late,
        too_early=sums.too_early,
        unforeseen=_unforeseen(session, [slot for slot, _ in on_trial], rows, now),
        tz=household.time_zone,
    )


def _on_trial(session: Session, household_id: str) -> list[tuple[Slot, bool]]:
    """Each supply on trial, and whether one order of it has a limit."""
    query = select(Slot).where(Slot.household_id == household_id, col(Slot.retired_at).is_(None))
    slots = session.exec(query.order_by(col(Slot.created_at), col(Slot.id))).all()
    mandates = slot_mandates(session, slots)
    return [
        (slot, mandates[slot.id].price_cap_minor is not None)
        for slot in slots
        if mandates[slot.id].mode is Mode.SHADOW
    ]


def _unforeseen(session: Session, slots: Sequence[Slot], rows: Sequence[ShadowOrder], now: datetime) -> int:
    """How often they ran empty in their trials, as far back as pages look, without an order that knew."""
    measuring = [slot for slot in slots if slot.capacity is not None]
    own = {slot.id: [row for row in rows if row.slot_id == slot.id] for slot in measuring}
    began = {
        slot.id: min([session.get_one(SlotMandate, slot.id).changed_at, *(row.at for row in own[slot.id])])
        for slot in measuring
    }
    histories = read_histories(
        session, measuring, {key: max(moment, now - HISTORY) for key, moment in began.items()}
    )
    return sum(_missed(slot, histories[slot.id], own[slot.id], began[slot.id]) for slot in measuring)


def _missed(slot: Slot, history: LevelHistory, rows: Sequence[ShadowOrder], began: datetime) -> int:
    points = [(at, level) for at, level in history.points if at >= began]
    refills = [refill.at for refill in history.refills if refill.at >= began]
    return len(missed_run_outs(points, refills, slot.capacity or 1, [as_trial(row) for row in rows]))


def _order(session: Session, row: ShadowOrder, now: datetime, lang: Lang) -> views.TrialOrderView:
    judged = judge_trial(as_trial(row), now)
    record = session.get_one(DecisionRecord, row.decision_id)
    return views.TrialOrderView(
        slot_id=row.slot_id,
        slot_name=session.get_one(Slot, row.slot_id).name,
        product_name=row.product_name,
        packs=row.packs,
        price_minor=row.price_minor,
        price_at=row.price_at,
        currency=row.currency,
        at=row.at,
        arrives_at=row.arrives_at,
        reason=sentence(from_json(record.data), lang),
        outcome=outcome_sentence(judged, lang),
        good=judged.outcome not in _BAD,
    )


def _months(rows: Sequence[ShadowOrder], time_zone: str) -> list[views.TrialMonthView]:
    """What each month would have cost, newest first, by currency."""
    months: dict[tuple[str, str], list[ShadowOrder]] = {}
    for row in rows:
        months.setdefault((month_of(row.at, time_zone), row.currency), []).append(row)
    return [
        views.TrialMonthView(
            month,
            currency,
            sum(row.price_minor or 0 for row in of),
            len(of),
            sum(row.price_minor is None for row in of),
        )
        for (month, currency), of in sorted(months.items(), reverse=True)
    ]
