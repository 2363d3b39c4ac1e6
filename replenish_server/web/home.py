"""The home page on the database: everything at a glance.

Rows of all slots and orders are loaded together; besides, each sensor is asked for its newest readings. Every
open tab loads this page again every few seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import aliased
from sqlmodel import Session, SQLModel, col, select

from replenish_server.fleet.tables import Device, Slot, Twin
from replenish_server.fleet.units import BY_BASE
from replenish_server.households.calendar import day_of
from replenish_server.households.ledger import spending_of
from replenish_server.households.mandate import Mode, in_force
from replenish_server.households.rules import HomeRules, home_rules, slot_rules
from replenish_server.households.tables import Household, SlotMandate
from replenish_server.ordering.states import OPEN, UNDERWAY, State
from replenish_server.ordering.tables import Parcel, PurchaseOrder
from replenish_server.replenishment.facts import LOOKED_AT
from replenish_server.replenishment.readings import level_of
from replenish_server.replenishment.risk import Timing
from replenish_server.replenishment.stock import kept_stocks
from replenish_server.replenishment.tables import DecisionRecord
from replenish_server.retailers.tables import Retailer
from replenish_server.web import views
from replenish_server.web.mandates import budget_view
from replenish_server.web.order_life import stop_view
from replenish_server.web.order_views import order_at_a_glance
from replenish_server.web.slot_views import (
    PAGE_UNITS,
    decision_view,
    level_state,
    run_out_view,
    shown,
    twin_view,
)

_RECENT_ORDERS = 12
_ASKING = (State.PROPOSED, State.NEEDS_APPROVAL, State.NEEDS_ATTENTION, State.COOLING_OFF)


@dataclass
class _Loaded:
    """Rows of one home; `kept` holds on to those that are found by their keys afterwards."""

    household: Household
    rules: HomeRules
    slots: Sequence[Slot]
    recent: Sequence[PurchaseOrder]
    waiting: dict[str, PurchaseOrder]
    decisions: dict[str, DecisionRecord]
    spare_packs: dict[str, int]
    kept: list[Sequence[SQLModel]] = field(default_factory=list)


def home_view(session: Session, household: Household, lang: views.Lang, now: datetime) -> views.HomeView:
    """A household at a glance."""
    loaded = _load(session, household)
    asking = [order for order in loaded.waiting.values() if order.state in _ASKING]
    until = loaded.rules.rules.paused_until
    paused = until is not None and day_of(now, household.time_zone) < until
    return views.HomeView(
        household_name=household.name,
        slots=[_slot(session, loaded, slot, lang, now) for slot in loaded.slots],
        orders=[order_at_a_glance(session, order, lang) for order in loaded.recent],
        attention=[
            order_at_a_glance(session, order, lang)
            for order in sorted(asking, key=lambda order: order.created_at, reverse=True)
        ],
        tz=household.time_zone,
        stop=stop_view(session, household.id),
        month=budget_view(spending_of(session, household.id, now)),
        paused_until=until if paused else None,
    )


def _load(session: Session, household: Household) -> _Loaded:
    slots = session.exec(
        select(Slot)
        .where(Slot.household_id == household.id, col(Slot.retired_at).is_(None))
        .order_by(col(Slot.created_at), col(Slot.id))
    ).all()
    ours = PurchaseOrder.household_id == household.id
    newest = col(PurchaseOrder.created_at).desc()
    recent = session.exec(select(PurchaseOrder).where(ours).order_by(newest).limit(_RECENT_ORDERS)).all()
    waiting = session.exec(select(PurchaseOrder).where(ours, col(PurchaseOrder.state).in_(OPEN))).all()
    ids = [slot.id for slot in slots]
    with_sensor = [slot.id for slot in slots if slot.capacity is not None]
    loaded = _Loaded(
        household,
        home_rules(session, household.id),
        slots,
        recent,
        {order.slot_id: order for order in waiting},
        _last_decisions(session, ids),
        {slot_id: ledger.spare_packs for slot_id, ledger in kept_stocks(session, with_sensor).items()},
    )
    orders = [*recent, *waiting]
    for query in (
        select(Device).where(Device.household_id == household.id),
        select(Twin).where(col(Twin.device_id).in_([slot.device_id for slot in slots])),
        select(SlotMandate).where(col(SlotMandate.slot_id).in_(ids)),
        select(Slot).where(col(Slot.id).in_({order.slot_id for order in orders})),
        select(Retailer).where(col(Retailer.id).in_({order.retailer_id for order in orders})),
        select(DecisionRecord).where(col(DecisionRecord.id).in_({order.decision_id for order in orders})),
        select(Parcel).where(col(Parcel.id).in_({order.parcel_id for order in orders})),
    ):
        loaded.kept.append(session.exec(query).all())
    return loaded


def _last_decisions(session: Session, slot_ids: Sequence[str]) -> dict[str, DecisionRecord]:
    """The newest decision of each slot that has one."""
    one = aliased(DecisionRecord)
    newest = (
        select(one.id)
        .where(one.slot_id == Slot.id)
        .order_by(col(one.last_at).desc())
        .limit(1)
        .correlate(Slot)
        .scalar_subquery()
    )
    query = (
        select(DecisionRecord).join(Slot, col(DecisionRecord.id) == newest).where(col(Slot.id).in_(slot_ids))
    )
    return {record.slot_id: record for record in session.exec(query)}


def _slot(session: Session, loaded: _Loaded, slot: Slot, lang: views.Lang, now: datetime) -> views.SlotView:
    unit = BY_BASE[slot.unit]
    device = session.get_one(Device, slot.device_id)
    own = session.get_one(SlotMandate, slot.id)
    order = loaded.waiting.get(slot.id)
    record = loaded.decisions.get(slot.id)
    level, as_of = (None, None) if slot.capacity is None else level_of(session, slot, now - LOOKED_AT)
    return views.SlotView(
        slot_id=slot.id,
        name=slot.name,
        device_name=device.name,
        device_kind="button" if device.kind == "button" else "level",
        unit=PAGE_UNITS[unit.base],
        capacity=shown(slot.capacity, unit),
        level=shown(level, unit),
        level_as_of=as_of,
        level_state=level_state(slot, level, as_of, now),
        threshold=shown(slot.threshold, unit),
        mode=_mode(session, loaded, own).value,
        timing=Timing(own.timing).value,
        timings=None,
        price_cap_minor=own.price_cap_minor,
        currency=own.currency,
        product_name=slot.product_name,
        pack_text="",
        on_order_packs=order.packs if order is not None and order.state in UNDERWAY else 0,
        spare_packs=loaded.spare_packs.get(slot.id, 0),
        inferred=None,
        run_out=run_out_view(record, unit),
        decision=decision_view(record, lang),
        open_order=None if order is None else order_at_a_glance(session, order, lang),
        twin=twin_view(session.get(Twin, slot.device_id), slot),
        last_seen=device.last_seen_at,
        chart=None,
        tz=loaded.household.time_zone,
    )


def _mode(session: Session, loaded: _Loaded, own: SlotMandate) -> Mode:
    home = loaded.household
    rules = slot_rules(session, own.slot_id)
    return in_force(loaded.rules.rules, rules, home.currency, own.currency, home.time_zone).mode
