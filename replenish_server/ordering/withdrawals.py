"""Withdrawing from an order's contract: as easily reached as the order, and acknowledged with date and time.

Source: Directive 2011/83/EU articles 9 and 11a (as of Directive (EU) 2023/2673): a function "withdraw from
contract here", a statement, a second step that confirms it, and an acknowledgement on a durable medium.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from replenish_server.households.tables import Household
from replenish_server.ordering.order_notices import notify_of_order
from replenish_server.ordering.orders import NotAllowed, move
from replenish_server.ordering.receipts import WITHDRAWAL_DAYS, digest
from replenish_server.ordering.states import Event, State, may
from replenish_server.ordering.tables import OrderEvent, PurchaseOrder, Withdrawal
from replenish_server.retailers.feed.tables import RetailerMessage
from replenish_server.retailers.feed.withdrawals import Channel, Declaration, send_withdrawal

WITHDRAWN = "withdrawn by a person"
"""The note in the history."""


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
    """Keep the statement, and with it what the retailer is told. An open order ends with it; one that is
    closed stays closed.

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
    said = Declaration(order.item_id, order.packs, name, email, reason, now)
    way = send_withdrawal(session, order.retailer_id, order.retailer_order_id, said)
    statement = Withdrawal(
        order_id=order_id,
        at=now,
        name=name,
        email=email,
        reason=reason,
        by=by,
        channel=way.channel,
        message_id=way.message_id,
    )
    session.add(statement)
    session.flush()
    if order.state != State.CLOSED:
        move(session, order, Event.WITHDRAW, now, WITHDRAWN, by)
    else:
        session.add(OrderEvent(order_id=order.id, at=now, state=order.state, note=WITHDRAWN, by=by))
    by_hand = way.channel is Channel.HAND
    notify_of_order(
        session, order, "order_withdrawn_by_hand" if by_hand else "order_withdrawn", now, declared_at=now
    )
    return statement


@dataclass(frozen=True)
class Sending:
    """How far a statement has come on its way to the retailer.

    Args:
        channel: how it goes.
        state: "sent" or "stands" (in the retailer's feed) at `at`, "waits" until the next try, "failed" when
            nobody takes it; "by_hand" where only a person can send it.
        at: when it was taken; None where it was not.
    """

    channel: Channel
    state: str
    at: datetime | None = None


def sending_of(session: Session, statement: Withdrawal) -> Sending:
    """What became of a statement."""
    channel = Channel(statement.channel)
    message = None if statement.message_id is None else session.get(RetailerMessage, statement.message_id)
    if channel is Channel.HAND:
        return Sending(channel, "by_hand")
    if message is None:
        return Sending(channel, "stands", statement.at)
    if message.sent_at is not None:
        return Sending(channel, "sent", message.sent_at)
    if channel is Channel.FEED:
        return Sending(channel, "stands", statement.at)
    return Sending(channel, "waits" if message.next_try_at is not None else "failed")


def acknowledgement(order: PurchaseOrder, statement: Withdrawal) -> str:
    """A short code under which the acknowledgement can be recognised: of what was declared, and when."""
    said = (order.id, order.retailer_order_id, statement.name, statement.email, statement.reason)
    return digest([*said, statement.at.isoformat()])[:16]
