"""A supply at a glance: what the home page and the supply's own page say of it, from the same rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from replenish_server.fleet import twin
from replenish_server.fleet.mandates import slot_mandates
from replenish_server.fleet.tables import Device, Slot, Twin
from replenish_server.fleet.units import BY_BASE, Unit
from replenish_server.households.mandate import Mode
from replenish_server.households.tables import Household, SlotMandate
from replenish_server.ordering.states import UNDERWAY
from replenish_server.replenishment.amounts import amount
from replenish_server.replenishment.decision import Decision
from replenish_server.replenishment.facts import LOOKED_AT
from replenish_server.replenishment.forecast_texts import forecast_sentences
from replenish_server.replenishment.policy import FRESH_FOR
from replenish_server.replenishment.readings import levels_of
from replenish_server.replenishment.record import from_json
from replenish_server.replenishment.sentences import sentence
from replenish_server.replenishment.stock import kept_stocks
from replenish_server.replenishment.tables import DecisionRecord
from replenish_server.replenishment.timing import Timing
from replenish_server.replenishment.verdicts import rule_name, verdict_text
from replenish_server.telemetry.ahead import AHEAD_AT_MOST
from replenish_server.web import views

_PAGE_UNITS: dict[str, views.Unit] = {"mg": "g", "ml": "ml", "page": "pages", "pack": "presses"}


@dataclass(frozen=True)
class _Known:
    """What was found for all slots at once, of one of them."""

    mode: Mode
    level: tuple[int | None, datetime | None]
    spare_packs: int
    record: DecisionRecord | None
    open_order: views.OrderView | None


def slots_at_a_glance(
    session: Session,
    household: Household,
    slots: Sequence[Slot],
    open_orders: Mapping[str, views.OrderView],
    lang: views.Lang,
    now: datetime,
) -> list[views.SlotView]:
    """Slots of one household, with their open orders by slot id; without what `HouseholdPages.slot` adds.

    Rows of all of them are loaded together; only a device that counts is asked by itself.
    """
    ids = [slot.id for slot in slots]
    devices = {slot.device_id for slot in slots}
    session.exec(select(Device).where(col(Device.id).in_(devices))).all()
    session.exec(select(Twin).where(col(Twin.device_id).in_(devices))).all()
    mandates, records = slot_mandates(session, slots), _last_decisions(session, ids, now)
    sensors = [slot for slot in slots if slot.capacity is not None]
    stocks = kept_stocks(session, [slot.id for slot in sensors])
    levels = levels_of(session, sensors, now - LOOKED_AT)
    found = []
    for slot in slots:
        spare = stocks[slot.id].spare_packs if slot.id in stocks else 0
        level = levels.get(slot.id, (None, None))
        known = _Known(mandates[slot.id].mode, level, spare, records.get(slot.id), open_orders.get(slot.id))
        found.append(_glance(session, slot, household.time_zone, known, lang, now))
    return found


def _last_decisions(session: Session, slot_ids: Sequence[str], now: datetime) -> dict[str, DecisionRecord]:
    """The newest decision of each slot that has one; none of a clock that was ahead."""
    one = aliased(DecisionRecord)
    newest = (
        select(one.id)
        .where(one.slot_id == Slot.id, col(one.last_at) <= now + AHEAD_AT_MOST)
        .order_by(col(one.last_at).desc())
        .limit(1)
        .correlate(Slot)
        .scalar_subquery()
    )
    query = (
        select(DecisionRecord).join(Slot, col(DecisionRecord.id) == newest).where(col(Slot.id).in_(slot_ids))
    )
    return {record.slot_id: record for record in session.exec(query)}


def _glance(
    session: Session, slot: Slot, time_zone: str, known: _Known, lang: views.Lang, now: datetime
) -> views.SlotView:
    unit, order = BY_BASE[slot.unit], known.open_order
    device = session.get_one(Device, slot.device_id)
    own = session.get_one(SlotMandate, slot.id)
    level, as_of = known.level
    return views.SlotView(
        slot_id=slot.id,
        name=slot.name,
        device_name=device.name,
        device_kind="button" if device.kind == "button" else "level",
        unit=_PAGE_UNITS[unit.base],
        capacity=shown(slot.capacity, unit),
        level=shown(level, unit),
        level_as_of=as_of,
        level_state=level_state(slot, level, as_of, now),
        threshold=shown(slot.threshold, unit),
        mode=known.mode.value,
        timing=Timing(own.timing).value,
        timings=None,
        price_cap_minor=own.price_cap_minor,
        currency=own.currency,
        product_name=slot.product_name,
        pack_text="" if slot.capacity is None else amount(slot.pack_amount, slot.unit, lang == "ko"),
        on_order_packs=order.packs if order is not None and order.state in UNDERWAY else 0,
        spare_packs=known.spare_packs,
        inferred=None,
        run_out=run_out_view(known.record, unit),
        decision=decision_view(known.record, lang),
        open_order=order,
        twin=twin_view(session.get(Twin, slot.device_id), slot),
        last_seen=device.last_seen_at,
        chart=None,
        tz=time_zone,
        alarm=device.alarm,
        alarm_at=device.alarm_at,
    )


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
        basis=forecast_sentences(decision, lang),
    )


def twin_view(row: Twin | None, slot: Slot) -> views.TwinView:
    """The threshold as it was wished for and as the device has it."""
    if row is None or slot.capacity is None:
        return views.TwinView("none", None, None, None)
    state = twin.slot_agreement(row, slot.key)
    return views.TwinView(state.agreement.value, state.desired, state.reported, state.since)
