"""Orders that a person finishes: handed off with a link or on the list, reported as bought, then as arrived.

A refill that the sensor sees stands for all of these reports (`replenishment.evaluate`).
"""

from datetime import datetime

from sqlmodel import Session

from replenish_server.fleet.tables import Slot
from replenish_server.households.ledger import Entry, spend
from replenish_server.ordering.order_notices import notify_of_order
from replenish_server.ordering.orders import NotAllowed, move
from replenish_server.ordering.states import Event, State, may
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.retailers.port import HandOff, Tier


def hand_over(session: Session, order: PurchaseOrder, outcome: HandOff, now: datetime) -> None:
    """Leave the purchase to a person: keep link, tier and reason, and wait.

    Raises:
        Forbidden: see `ordering.states.after`.
    """
    move(session, order, Event.HAND_OVER, now, f"handed over: {outcome.tier.value}")
    order.tier, order.tier_reason = outcome.tier, outcome.reason
    order.tier_detail = outcome.detail[:300] or None
    order.continue_url = outcome.url
    session.add(order)
    notify_of_order(session, order, "order_to_buy", now)


def waits_for_purchase(order: PurchaseOrder) -> bool:
    """Whether a person is to buy this, and has not said that they did."""
    return order.tier is not None and may(State(order.state), Event.FIND)


def waits_for_arrival(order: PurchaseOrder) -> bool:
    """Whether a person bought this, and only they can say that it came."""
    return order.tier is not None and order.state == State.PLACED


def record_bought(
    session: Session, order_id: str, by: str, now: datetime, paid_minor: int | None = None
) -> None:
    """A person says that they bought it. What stood on a list is in the house then; a cart's parcel is not.

    Args:
        session: a writing unit of work.
        order_id: which order.
        by: the person's name, "" where nobody has to say.
        now: the moment.
        paid_minor: what it cost in all, where they said so.

    Raises:
        NotAllowed: there is no such order, or it does not wait for a purchase.
    """
    order = session.get(PurchaseOrder, order_id)
    if order is None or not waits_for_purchase(order):
        raise NotAllowed("the order does not wait for somebody to buy it")
    if paid_minor is not None:
        order.total_minor = paid_minor
        spend(session, Entry(order.household_id, order.slot_id, order.id, paid_minor, order.currency), now)
    move(session, order, Event.FIND, now, "bought by a person", by)
    if order.tier == Tier.LIST:
        arrive(session, order, now, "", by)


def record_arrived(session: Session, order_id: str, by: str, now: datetime) -> None:
    """A person says that what they bought has come.

    Raises:
        NotAllowed: there is no such order, or it waits for nothing.
    """
    order = session.get(PurchaseOrder, order_id)
    if order is None or not waits_for_arrival(order):
        raise NotAllowed("the order does not wait for a parcel that only a person can see")
    arrive(session, order, now, "received by a person", by)


def arrive(session: Session, order: PurchaseOrder, now: datetime, note: str, by: str) -> None:
    """A person has the goods: that closes the order of a slot without a sensor, which nobody sees fitted."""
    move(session, order, Event.DELIVER, now, note, by)
    slot = session.get_one(Slot, order.slot_id)
    if slot.capacity is None:
        move(session, order, Event.FIT, now, "no sensor: delivered is done")
    slot.due_at = now
    session.add(slot)
