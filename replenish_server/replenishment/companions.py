"""Slots that may travel together: who is looked at when an order opens, and who goes along with it."""

from datetime import datetime

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from replenish_server.database import Prepared
from replenish_server.fleet.tables import Slot
from replenish_server.households.rules import home_rules
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import Parcel, PurchaseOrder
from replenish_server.replenishment.basket import pull_forward
from replenish_server.replenishment.decision import Decision, Kind, Trigger
from replenish_server.replenishment.outlook import SlotFacts

_BY_ITSELF = (Trigger.LEVEL, Trigger.BASKET)


def join_basket(
    session: Session, slot: Slot, facts: SlotFacts, held: Decision, now: datetime
) -> Decision | None:
    """The order of a slot that has enough for now, if another one is about to leave to the same retailer.

    Returns:
        None when it does not travel along.
    """
    leaving = _about_to_leave(session, slot)
    if held.kind is not Kind.HOLD or not leaving:
        return None
    pulled = pull_forward(facts, held, home_rules(session, slot.household_id).basket_days, now)
    if pulled is None or (pulled.retailer_id or slot.retailer_id) not in leaving:
        return None
    return pulled


def ask_companions(session: Session, slot: Slot, decision: Decision, now: datetime) -> None:
    """An order opened by itself: others at the same retailer may travel along; look at them."""
    if decision.trigger is not Trigger.LEVEL or decision.kind is not Kind.ORDER:
        return
    query = select(Slot).where(
        Slot.household_id == slot.household_id, Slot.id != slot.id, col(Slot.capacity).is_not(None)
    )
    for other in session.exec(query):
        other.due_at = now
        session.add(other)


def _about_to_leave(session: Session, slot: Slot) -> set[str]:
    """The retailers to whom another slot's order leaves by itself, and to whom nothing was said yet."""
    return set(_LEAVING.all(session, household_id=slot.household_id, slot_id=slot.id))


_LEAVING: Prepared[str] = Prepared(
    select(PurchaseOrder.retailer_id)
    .join(Parcel, col(Parcel.id) == col(PurchaseOrder.parcel_id))
    .where(
        col(PurchaseOrder.household_id) == bindparam("household_id"),
        col(PurchaseOrder.slot_id) != bindparam("slot_id"),
        col(PurchaseOrder.state).in_((State.COOLING_OFF, State.PLACING)),
        col(PurchaseOrder.trigger).in_([trigger.value for trigger in _BY_ITSELF]),
        col(Parcel.checkout_id).is_(None),
    )
)
