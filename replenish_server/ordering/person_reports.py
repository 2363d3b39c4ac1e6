"""What only a person can tell of an order: where the goods are, and whether the retailer has it."""

from collections.abc import Callable
from datetime import datetime

from sqlmodel import Session

from replenish_server.fleet.tables import Slot
from replenish_server.ordering.handoff import arrive
from replenish_server.ordering.orders import NotAllowed, move
from replenish_server.ordering.states import UNDERWAY, Event, State
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.retailers.port import Problem


def can_report_where(order: PurchaseOrder) -> bool:
    """Whether a person may say that the pack is in its box, or that it never came."""
    return order.state == State.DELIVERED


def can_report_arrived(order: PurchaseOrder) -> bool:
    """Whether a person may say that the goods have come, where the retailer has not said so."""
    return order.state in UNDERWAY and order.tier is None  # see `handoff` for what a person bought


def can_report_lost(order: PurchaseOrder) -> bool:
    """Whether a person may say that the goods never came."""
    return order.state in (*UNDERWAY, State.DELIVERED)


def can_report_found(order: PurchaseOrder) -> bool:
    """Whether only a person can tell that the retailer has the order."""
    doubtful = order.problem == Problem.UNKNOWN_OUTCOME or order.placed_at is not None
    return order.state == State.NEEDS_ATTENTION and doubtful


def report_in_box(session: Session, order_id: str, now: datetime, by: str = "") -> None:
    """The pack is there, unopened: it counts as a spare one, and the slot is free for the next order.

    Raises:
        NotAllowed: there is no such order, or it was not delivered.
    """
    order = _order(session, order_id, can_report_where)
    move(session, order, Event.FIT, now, "still in its box", by)
    _look_again(session, order, now)


def report_arrived(session: Session, order_id: str, now: datetime, by: str = "") -> None:
    """The goods have come, whatever the retailer says or does not say.

    Raises:
        NotAllowed: there is no such order, or it is not under way.
    """
    arrive(session, _order(session, order_id, can_report_arrived), now, "received by a person", by)


def report_lost(session: Session, order_id: str, now: datetime, by: str = "") -> None:
    """The goods never came: nothing of them counts as stock, and the slot is free.

    Raises:
        NotAllowed: there is no such order, or the retailer has not got it.
    """
    order = _order(session, order_id, can_report_lost)
    move(session, order, Event.LOSE, now, "never arrived", by)
    order.delivered_at = None
    session.add(order)
    _look_again(session, order, now)


def report_found(session: Session, order_id: str, now: datetime, by: str = "") -> None:
    """A person saw the order at the retailer: it is placed, and nothing is ordered in its stead.

    Raises:
        NotAllowed: there is no such order, or nothing about it is in doubt.
    """
    order = _order(session, order_id, can_report_found)
    move(session, order, Event.FIND, now, "seen at the retailer", by)


def _order(session: Session, order_id: str, allowed: Callable[[PurchaseOrder], bool]) -> PurchaseOrder:
    order = session.get(PurchaseOrder, order_id)
    if order is None or not allowed(order):
        raise NotAllowed("the order is not in a state in which this can be said")
    return order


def _look_again(session: Session, order: PurchaseOrder, now: datetime) -> None:
    slot = session.get_one(Slot, order.slot_id)
    slot.due_at = now
    session.add(slot)
