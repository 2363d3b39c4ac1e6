"""Withdrawing from an order's contract: as easily reached as the order, and acknowledged with date and time.

Source: Directive 2011/83/EU articles 9 and 11a (as of Directive (EU) 2023/2673): a function "withdraw from
contract here", a statement, a second step that confirms it, and an acknowledgement on a durable medium.
"""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from replenish_server.households.tables import Household
from replenish_server.ordering.news import tell
from replenish_server.ordering.orders import NotAllowed, move
from replenish_server.ordering.receipts import WITHDRAWAL_DAYS, digest
from replenish_server.ordering.states import Event, State, may
from replenish_server.ordering.tables import PurchaseOrder, Withdrawal
from replenish_server.retailers.feed.messages import call_off


def withdrawable_until(session: Session, order: PurchaseOrder) -> datetime | None:
    """The end of the last day on which the household may withdraw; None while the goods have not come."""
    if order.delivered_at is None:
        return None
    zone = ZoneInfo(session.get_one(Household, order.household_id).time_zone)
    last = order.delivered_at.astimezone(zone).date() + timedelta(days=WITHDRAWAL_DAYS)
    return datetime.combine(last + timedelta(days=1), time(), tzinfo=zone)


def can_withdraw(session: Session, order: PurchaseOrder, now: datetime) -> bool:
    """Whether there is a contract, and its time to withdraw is not over."""
    if order.placed_at is None or session.get(Withdrawal, order.id) is not None:
        return False
    if order.state != State.CLOSED and not may(State(order.state), Event.WITHDRAW, at_retailer=True):
        return False
    until = withdrawable_until(session, order)
    return until is None or now < until


def withdraw(
    session: Session, order_id: str, name: str, email: str, reason: str, now: datetime, by: str = ""
) -> Withdrawal:
    """Keep the statement. An open order ends with it; one that is closed stays closed.

    Args:
        session: a writing unit of work.
        order_id: from which order's contract.
        name: of the consumer, as they gave it.
        email: where the acknowledgement may be sent.
        reason: what they added; nobody has to.
        now: the moment, which the acknowledgement names.
        by: who is signed in, "" when nobody had to be.

    Raises:
        NotAllowed: there is no such order, no contract, or the time is over.
    """
    order = session.get(PurchaseOrder, order_id)
    if order is None or not can_withdraw(session, order, now):
        raise NotAllowed("there is no contract to withdraw from, or the time to withdraw is over")
    statement = Withdrawal(order_id=order_id, at=now, name=name, email=email, reason=reason, by=by)
    session.add(statement)
    session.flush()
    if order.state != State.CLOSED:
        move(session, order, Event.WITHDRAW, now, "withdrawn by a person", by)
    elif order.retailer_order_id is not None:
        call_off(session, order.retailer_id, order.retailer_order_id, order.item_id, now)
    tell(session, order, "order_withdrawn", now, declared_at=now)
    return statement


def acknowledgement(order: PurchaseOrder, statement: Withdrawal) -> str:
    """A short code under which the acknowledgement can be recognised: of what was declared, and when."""
    said = (order.id, order.retailer_order_id, statement.name, statement.email, statement.reason)
    return digest([*said, statement.at.isoformat()])[:16]
