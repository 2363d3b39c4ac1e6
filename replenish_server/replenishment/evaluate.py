"""The use case: look at a due slot, decide, and write decision and order in one transaction."""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from replenish_server.database import Prepared, append, change
from replenish_server.fleet.tables import Device, Slot
from replenish_server.fleet.twin import want_watch
from replenish_server.fleet.units import BY_BASE
from replenish_server.households.judge import held_until
from replenish_server.households.mandate import Mandate, Verdict
from replenish_server.households.membership import actor_of
from replenish_server.households.notices import Notice, notify
from replenish_server.households.people import Act, Actor, Role
from replenish_server.households.people_tables import Person
from replenish_server.households.rules import home_rules
from replenish_server.households.tables import Household
from replenish_server.ids import DecisionId, DeviceId, new_id
from replenish_server.ordering.deadlines import CoolingOff, cool_off, slack_of
from replenish_server.ordering.order_notices import notify_of_order
from replenish_server.ordering.orders import (
    BUTTON_PRESSED,
    NewOrder,
    create_order,
    hold_at_most,
    leave_now,
    move,
    open_order,
    skipped_until,
    wanted_already,
)
from replenish_server.ordering.states import Event, State
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.companions import ask_companions, join_basket
from replenish_server.replenishment.decision import Decision, Kind, Trigger
from replenish_server.replenishment.decision_notices import notify_of_decision
from replenish_server.replenishment.facts import SlotInsight, gather
from replenish_server.replenishment.forecasts import SlotForecast
from replenish_server.replenishment.grids import keep_grid
from replenish_server.replenishment.policy import decide_on_level, decide_on_press
from replenish_server.replenishment.readings import is_counted
from replenish_server.replenishment.record import to_json
from replenish_server.replenishment.shadow import follow_shadow, keep_shadow
from replenish_server.replenishment.stock import keep_refills
from replenish_server.replenishment.tables import DecisionRecord, PressAnswer
from replenish_server.telemetry.tables import DeviceEvent

log = logging.getLogger(__name__)

_LOOK_AGAIN = timedelta(hours=12)  # a silent sensor is noticed, and said, even when nothing arrives
_AUTOMATIC = (Trigger.LEVEL, Trigger.BASKET)
_KEEP_APART = {Kind.HOLD: timedelta(days=1), Kind.NOTIFY: timedelta(days=7)}
"""After so long a repetition is written anew, and a household that only wants to be told is told again."""


def evaluate_slot(session: Session, slot_id: str, now: datetime, forecast: SlotForecast | None) -> str | None:
    """Answer the slot's new presses, then judge its level; both see each other's order.

    Args:
        session: a writing unit of work.
        slot_id: which slot.
        now: the moment of the decision.
        forecast: the slot's; None for one without a sensor, or whose forecast failed.

    Returns:
        The order that a press has opened, None when none did.
    """
    slot = session.get_one(Slot, slot_id)
    if slot.retired_at is not None:  # its device left this home: kept for its orders, never ordered for again
        change(session, slot, due_at=None)
        return None
    run_out = opened = None
    if forecast is not None:
        run_out = forecast.run_out
        keep_grid(session, slot, forecast.grid, forecast.seen_at)
    order = wanted_already(session, slot)
    insight = gather(session, slot, order, now, run_out)
    if order is not None and _fitted(order, insight):
        move(session, order, Event.FIT, now, "a refill was seen")
        order = None
        insight = gather(session, slot, None, now, run_out)
    if slot.capacity is not None:
        keep_refills(session, slot, insight.refills, insight.refills_since)
    if follow_shadow(session, slot, insight.history, now):
        insight = gather(session, slot, order, now, run_out)
    presser = _presser(session, slot)
    for number, press in enumerate(presses := _new_presses(session, slot), 1):
        age = max(timedelta(0), now - press.occurred_at)
        decision = decide_on_press(insight.facts, press.late, age, now, presser)
        decision_id, order_id = carry_out(session, slot, decision, now)
        if order is not None and order.state == State.COOLING_OFF and _hastens(press, presser):
            name = "" if presser is None else presser.name
            leave_now(session, order.id, now, name, BUTTON_PRESSED)
        opened = opened or order_id
        joined = order_id is None and order is not None
        append(
            session,
            PressAnswer,
            device_id=press.device_id,
            boot=press.boot,
            seq=press.seq,
            slot_id=slot.id,
            decision_id=decision_id,
            order_id=order_id or (order.id if order is not None else None),
            joined=joined,
            at=now,
        )
        moved = order_id is not None or decision.kind is Kind.SHADOW
        if moved and (number < len(presses) or slot.capacity is not None):
            order = open_order(session, slot_id)
            insight = gather(session, slot, order, now, run_out)
    if slot.capacity is not None:
        decision = decide_on_level(insight.facts, now)
        _watch_the_wait(session, order, decision, now)
        decision = join_basket(session, slot, insight.facts, decision, now) or decision
        decision = _unless_skipped(session, slot, decision, now)
        carry_out(session, slot, decision, now)
        _watch(session, slot, decision, now)
    due_at = None if slot.capacity is None else _look_again(insight.facts.mandate, now)
    change(session, slot, due_at=due_at)
    return opened


def judge_press(session: Session, slot: Slot, late: bool, now: datetime) -> tuple[Decision, DecisionId]:
    """What a press would lead to, kept as a decision; no order comes of it."""
    insight = gather(session, slot, wanted_already(session, slot), now, None)
    decision = decide_on_press(insight.facts, late, timedelta(0), now, _presser(session, slot))
    return decision, _keep(session, slot.id, decision, now)


def _look_again(mandate: Mandate, now: datetime) -> datetime:
    """When the slot is looked at next, if nothing arrives: at the latest when pause or quiet hours let go."""
    return min(held_until(mandate, now) or now + _LOOK_AGAIN, now + _LOOK_AGAIN)


def _watch(session: Session, slot: Slot, decision: Decision, now: datetime) -> None:
    """Three low readings are needed at the reorder point, so the device must know where that is."""
    if decision.reorder_point is not None and not is_counted(slot):  # a counter does not know what is left
        level = -(-decision.reorder_point // BY_BASE[slot.unit].factor)
        want_watch(session, DeviceId(slot.device_id), slot.key, level, now)


def _fitted(order: PurchaseOrder, insight: SlotInsight) -> bool:
    """Whether a refill since shipping explains where the delivered pack went; what a person was to buy
    may be fitted before anybody says that it was bought."""
    left_at = order.shipped_at or order.placed_at  # what is fetched at a store is never shipped
    since = left_at if order.state == State.DELIVERED else None
    if order.tier is not None and order.state in (State.NEEDS_APPROVAL, State.PLACED, State.DELIVERED):
        since = order.created_at
    return since is not None and any(refill.at >= since for refill in insight.history.refills)


def _hastens(press: DeviceEvent, presser: Actor | None) -> bool:
    """Whether a press ends an order's cooling-off: a fresh one, of somebody who may spend."""
    return not press.late and (presser is None or presser.may(Act.SPEND))


def _presser(session: Session, slot: Slot) -> Actor | None:
    """Whose the slot's device is, None for everybody's; somebody who was removed may only ask."""
    device = session.get_one(Device, slot.device_id)
    if device.person_id is None:
        return None
    person = session.get_one(Person, device.person_id)
    actor = actor_of(person)
    return actor if person.removed_at is None else replace(actor, role=Role.GUEST)


_NEW_PRESSES: Prepared[DeviceEvent] = Prepared(
    select(DeviceEvent)
    .outerjoin(
        PressAnswer,
        (col(PressAnswer.device_id) == col(DeviceEvent.device_id))
        & (col(PressAnswer.boot) == col(DeviceEvent.boot))
        & (col(PressAnswer.seq) == col(DeviceEvent.seq)),
    )
    .where(
        col(DeviceEvent.device_id) == bindparam("device_id"),
        col(DeviceEvent.slot_key) == bindparam("slot_key"),
        DeviceEvent.type == "press",
        col(PressAnswer.slot_id).is_(None),
    )
    .order_by(col(DeviceEvent.occurred_at), col(DeviceEvent.seq))
)


def _new_presses(session: Session, slot: Slot) -> list[DeviceEvent]:
    """Presses of this slot without an answer, in the order in which they happened."""
    return _NEW_PRESSES.all(session, device_id=slot.device_id, slot_key=slot.key)


def carry_out(
    session: Session, slot: Slot, decision: Decision, now: datetime
) -> tuple[DecisionId, str | None]:
    """Keep the decision, and open the order that it calls for."""
    decision_id = _keep(session, slot.id, decision, now)
    notify_of_decision(session, slot, decision, decision_id, now)
    if decision.kind is Kind.SHADOW:
        keep_shadow(session, slot, decision, decision_id, now)
    if decision.kind not in (Kind.ORDER, Kind.ASK):
        return decision_id, None
    cooling = _cool_off(session, slot, decision, now)
    order_id = create_order(
        session,
        NewOrder(
            slot_id=slot.id,
            household_id=slot.household_id,
            retailer_id=decision.retailer_id or slot.retailer_id,
            decision_id=decision_id,
            trigger=decision.trigger.value,
            item_id=decision.item_id or slot.item_id,
            product_name=decision.product_name or slot.product_name,
            packs=decision.packs,
            pack_amount=decision.pack_amount,
            currency=decision.currency or "EUR",
            approved=decision.kind is Kind.ORDER,
            start=None if cooling is None else State.COOLING_OFF,
            leaves_at=None if cooling is None else cooling.leaves_at,
            hold_until=None if cooling is None else cooling.hold_until,
            by=decision.by or "",
        ),
        now,
    )
    if cooling is not None:
        kind = "order_cooling_short" if cooling.shortened else "order_cooling"
        notify_of_order(
            session, session.get_one(PurchaseOrder, order_id), kind, now, leaves_at=cooling.leaves_at
        )
    refusal = decision.refused_by()
    if refusal is not None and refusal.rule == "presser_may_spend":
        data = {"name": decision.by, "product": slot.product_name, "slot": slot.name, "order_id": order_id}
        notify(session, Notice(slot.household_id, f"asked:{order_id}", "asked_adult", data, now))
    ask_companions(session, slot, decision, now)
    log.info(
        "action=order_opened slot_id=%s order_id=%s kind=%s trigger=%s packs=%d",
        slot.id,
        order_id,
        decision.kind.value,
        decision.trigger.value,
        decision.packs,
    )
    return decision_id, order_id


def _unless_skipped(session: Session, slot: Slot, decision: Decision, now: datetime) -> Decision:
    """What the level calls for, but nothing while a person's "skip this time" lasts."""
    until = skipped_until(session, slot.id)
    if decision.kind is Kind.HOLD or until is None or until <= now:
        return decision
    skipped = Verdict("not_skipped", ok=False, numbers={"until": f"{until:%Y-%m-%d}"})
    return replace(decision, kind=Kind.HOLD, packs=0, verdicts=(skipped, *decision.verdicts))


def _cool_off(session: Session, slot: Slot, decision: Decision, now: datetime) -> CoolingOff | None:
    """How long an order waits that nobody touched; None for one that a person wants or has to approve."""
    wished = timedelta(minutes=session.get_one(Household, slot.household_id).cooling_off_minutes)
    if decision.kind is not Kind.ORDER or decision.trigger not in _AUTOMATIC or not wished:
        return None
    early_days = None if decision.run_out_days is None else decision.run_out_days[0]
    window = timedelta(days=home_rules(session, slot.household_id).basket_days)
    return cool_off(now, wished, early_days, decision.lead_time_days, window)


def _watch_the_wait(session: Session, order: PurchaseOrder | None, decision: Decision, now: datetime) -> None:
    """An order that waits for others to travel with may have to leave sooner than was thought."""
    early_days = None if decision.run_out_days is None else decision.run_out_days[0]
    slack = slack_of(early_days, decision.lead_time_days)
    if order is not None and slack is not None:
        hold_at_most(session, order, now + slack)


_LAST: Prepared[DecisionRecord] = Prepared(
    select(DecisionRecord)
    .where(
        col(DecisionRecord.slot_id) == bindparam("slot_id"),
        col(DecisionRecord.trigger) == bindparam("trigger"),
        # one of a clock that was ahead would be the last until that date
        col(DecisionRecord.last_at) <= bindparam("now"),
    )
    .order_by(col(DecisionRecord.last_at).desc())
    .limit(1)
)


def _keep(session: Session, slot_id: str, decision: Decision, now: datetime) -> DecisionId:
    """Write the decision down; one that buys nothing, by the same rule as last time, updates that one."""
    refusal = decision.refused_by()
    rule = refusal.rule if refusal is not None else None
    if decision.kind in _KEEP_APART:
        last = _LAST.first(session, slot_id=slot_id, trigger=decision.trigger.value, now=now)
        apart = _KEEP_APART[decision.kind]
        same = last is not None and last.kind == decision.kind and last.rule == rule and now - last.at < apart
        if last is not None and same and decision.press_age_minutes is None:
            last.data, last.last_at, last.repeats = to_json(decision), now, last.repeats + 1
            session.add(last)
            return DecisionId(last.id)
    decision_id = DecisionId(new_id("dec"))
    append(
        session,
        DecisionRecord,
        id=decision_id,
        slot_id=slot_id,
        kind=decision.kind.value,
        trigger=decision.trigger.value,
        rule=rule,
        data=to_json(decision),
        at=now,
        last_at=now,
    )
    return decision_id
