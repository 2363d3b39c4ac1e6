"""An order as the pages show it, read from the rows of the rooms below."""

from collections.abc import Collection
from dataclasses import replace

from sqlmodel import Session, col, select

from replenish_server.fleet.mandates import slot_mandates
from replenish_server.fleet.tables import Slot
from replenish_server.households.mandate import Mandate
from replenish_server.households.tables import Household
from replenish_server.ordering import orders as order_acts
from replenish_server.ordering.limits import verdicts_of
from replenish_server.ordering.parcels import parcel_of
from replenish_server.ordering.sentences import note_text, problem_sentence
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import OrderEvent, Parcel, PurchaseOrder
from replenish_server.replenishment.amounts import amount
from replenish_server.replenishment.record import from_json
from replenish_server.replenishment.sentences import sentence
from replenish_server.replenishment.tables import DecisionRecord
from replenish_server.replenishment.verdicts import rule_name, verdict_text
from replenish_server.retailers.port import Problem
from replenish_server.retailers.tables import Retailer
from replenish_server.web import views
from replenish_server.web.shopping import hand_off_view

_TRIGGERS: dict[str, views.Trigger] = {"press": "press", "person": "person", "basket": "basket"}


def order_view(session: Session, order: PurchaseOrder, lang: views.Lang) -> views.OrderView:
    """One order with its history."""
    events = session.exec(
        select(OrderEvent).where(OrderEvent.order_id == order.id).order_by(col(OrderEvent.id))
    ).all()
    return replace(
        orders_at_a_glance(session, [order], lang)[order.id],
        timeline=[
            (
                event.at,
                State(event.state).value,
                note_text(event.note, lang, event.by, order.retailer_order_id),
            )
            for event in events
        ],
    )


def orders_at_a_glance(
    session: Session, orders: Collection[PurchaseOrder], lang: views.Lang
) -> dict[str, views.OrderView]:
    """Orders by their ids as lists show them, without their history, in as many statements as one takes."""
    load_order_rows(session, orders)
    slots = session.exec(select(Slot).where(col(Slot.id).in_({order.slot_id for order in orders}))).all()
    mandates = slot_mandates(session, slots)
    stoppable = order_acts.cancelable(session, orders)
    return {
        order.id: _order(session, order, lang, mandates[order.slot_id], order.id in stoppable)
        for order in orders
    }


def load_order_rows(session: Session, orders: Collection[PurchaseOrder]) -> None:
    """Bring in what is asked for by its key of each order: the session holds it."""
    session.exec(select(Retailer).where(col(Retailer.id).in_({order.retailer_id for order in orders}))).all()
    decisions = {order.decision_id for order in orders}
    session.exec(select(DecisionRecord).where(col(DecisionRecord.id).in_(decisions))).all()
    session.exec(select(Parcel).where(col(Parcel.id).in_({order.parcel_id for order in orders}))).all()


def _order(
    session: Session, order: PurchaseOrder, lang: views.Lang, mandate: Mandate, can_cancel: bool
) -> views.OrderView:
    """From rows that the session has."""
    slot = session.get_one(Slot, order.slot_id)
    record = session.get_one(DecisionRecord, order.decision_id)
    problem = None if order.problem is None else problem_sentence(order.problem, order.problem_detail, lang)
    return views.OrderView(
        order_id=order.id,
        slot_id=slot.id,
        slot_name=slot.name,
        product_name=order.product_name,
        packs=order.packs,
        state=State(order.state).value,
        trigger=_TRIGGERS.get(order.trigger, "level"),
        created_at=order.created_at,
        total_minor=order.total_minor if order.total_minor is not None else order.quoted_minor,
        currency=order.currency,
        retailer_name=session.get_one(Retailer, order.retailer_id).name,
        permalink=order.permalink or order.continue_url,
        reason=sentence(from_json(record.data), lang) if record.data else "",
        problem=problem,
        timeline=(),
        can_approve=order_acts.can_approve(order),
        can_cancel=can_cancel,
        failures=parcel_of(session, order).failures,
        hand_off=hand_off_view(order, lang),
        leaves_at=order.leaves_at,
        doubtful=order.state == State.NEEDS_ATTENTION and order.problem == Problem.UNKNOWN_OUTCOME,
        verdicts=[
            (rule_name(v.rule, lang), v.ok, verdict_text(v, slot.unit, lang)) for v in verdicts_of(order)
        ],
        tz=session.get_one(Household, order.household_id).time_zone,
        pack_text="" if slot.capacity is None else amount(order.pack_amount, slot.unit, lang == "ko"),
        cap_minor=mandate.price_cap_minor,
    )
