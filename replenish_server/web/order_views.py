"""An order as the pages show it, read from the rows of the rooms below."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from replenish_server.fleet.tables import Slot
from replenish_server.ordering import orders as order_acts
from replenish_server.ordering.limits import verdicts_of
from replenish_server.ordering.parcels import parcel_of
from replenish_server.ordering.sentences import note_text, problem_sentence
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import OrderEvent, PurchaseOrder
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
    return order_at_a_glance(session, order, lang, events)


def order_at_a_glance(
    session: Session, order: PurchaseOrder, lang: views.Lang, events: Sequence[OrderEvent] = ()
) -> views.OrderView:
    """One order as a list shows it, with no history unless it is given.

    It asks for rows by their keys only, so that a caller that has loaded those of many orders pays for none.
    """
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
        reason=sentence(from_json(record.data), lang),
        problem=problem,
        timeline=[
            (event.at, State(event.state).value, note_text(event.note, lang, event.by)) for event in events
        ],
        can_approve=order_acts.can_approve(order),
        can_cancel=order_acts.can_cancel(session, order),
        failures=parcel_of(session, order).failures,
        hand_off=hand_off_view(order, lang),
        leaves_at=order.leaves_at,
        doubtful=order.state == State.NEEDS_ATTENTION and order.problem == Problem.UNKNOWN_OUTCOME,
        verdicts=[
            (rule_name(v.rule, lang), v.ok, verdict_text(v, slot.unit, lang)) for v in verdicts_of(order)
        ],
    )
