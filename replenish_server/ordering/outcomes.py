"""What an answer of the retailer means for each order of a parcel; always inside the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, select

from replenish_server.ordering.completion_check import Withheld
from replenish_server.ordering.fulfilment import pickup_place
from replenish_server.ordering.handoff import hand_over
from replenish_server.ordering.limits import keep_quote, keep_verdicts
from replenish_server.ordering.order_notices import notify_of_order
from replenish_server.ordering.orders import move, stumble
from replenish_server.ordering.parcels import part, was_completed
from replenish_server.ordering.rules import next_instrument
from replenish_server.ordering.sentences import FETCHED_INSTEAD, PAID_OTHERWISE, SENT_INSTEAD
from replenish_server.ordering.shares import split_total
from replenish_server.ordering.states import Event
from replenish_server.ordering.substitutes import substitute
from replenish_server.ordering.tables import OrderEvent, Parcel, PurchaseOrder
from replenish_server.retailers.instruments import instruments_of
from replenish_server.retailers.port import Expired, HandOff, Placed, Problem, Quote, Trouble, Unknown
from replenish_server.retailers.tables import Retailer

Outcome = Quote | Placed | Trouble | HandOff | Unknown | Expired


def remember_quote(
    session: Session, parcel: Parcel, orders: Sequence[PurchaseOrder], quote: Quote, now: datetime
) -> None:
    """Keep the session's id, each order's share of the offer, what its goods cost and how they come, with why
    when that is not what was wanted."""
    parcel.checkout_id = quote.checkout_id
    session.add(parcel)
    for order, share in zip(orders, _shares(quote.total_minor, orders, quote), strict=True):
        order.quoted_minor, order.currency = share, quote.currency
        keep_quote(session, order, quote, now)
        place = pickup_place(session, order, quote.fulfilment)
        if quote.fallback_reason is not None:
            _tell_other_way(session, order, fetched=place is not None, why=quote.fallback_reason, now=now)
        order.pickup_location = place
        session.add(order)


def _tell_other_way(
    session: Session, order: PurchaseOrder, *, fetched: bool, why: str, now: datetime
) -> None:
    """Keep once in the history that the goods come in the other way than was wanted."""
    note = f"{FETCHED_INSTEAD if fetched else SENT_INSTEAD}{why}"[:300]
    told = select(OrderEvent.id).where(OrderEvent.order_id == order.id, OrderEvent.note == note)
    if session.exec(told).first() is None:
        session.add(OrderEvent(order_id=order.id, at=now, state=order.state, note=note))


def settle_outcome(
    session: Session, parcel: Parcel, orders: Sequence[PurchaseOrder], outcome: Outcome, now: datetime
) -> None:
    """Move every order of a parcel to where the answer puts it.

    Raises:
        ValueError: the outcome is not known, so nothing may be settled.
    """
    match outcome:
        case Quote():
            remember_quote(session, parcel, orders, outcome, now)
            for order in orders:
                session.add(OrderEvent(order_id=order.id, at=now, state=order.state, note="quoted"))
        case Placed():
            _place(session, orders, outcome, now)
        case Trouble():
            _stumble(session, parcel, orders, outcome, now)
        case HandOff():
            for order in orders:
                hand_over(session, order, outcome, now)
        case Expired():
            parcel.attempt += 1
            parcel.checkout_id = None
            session.add(parcel)
        case Unknown():
            raise ValueError("an unknown outcome settles nothing")


def withhold(session: Session, orders: Sequence[PurchaseOrder], refusal: Withheld, now: datetime) -> None:
    """One order may not leave. Among others it goes on alone, at the price that it has alone, and they go on
    without it; alone it waits for a person."""
    for order in orders:
        if order.id != refusal.order_id:
            continue
        trouble = refusal.trouble
        keep_verdicts(session, order, refusal.verdicts, refusal.mandate)
        if len(orders) > 1:
            part(session, order, now)
        else:
            stumble(session, order, trouble.problem, trouble.detail, trouble.continue_url, now)


def _place(session: Session, orders: Sequence[PurchaseOrder], placed: Placed, now: datetime) -> None:
    weights = [order.quoted_minor or 0 for order in orders]
    shares = split_total(placed.total_minor, [order.packs for order in orders], weights)
    for order, share in zip(orders, shares, strict=True):
        order.retailer_order_id, order.permalink = placed.retailer_order_id, placed.permalink
        order.total_minor, order.currency = share, placed.currency
        move(session, order, Event.PLACE, now, placed.retailer_order_id)


def _stumble(
    session: Session, parcel: Parcel, orders: Sequence[PurchaseOrder], trouble: Trouble, now: datetime
) -> None:
    """Before anything was completed an order whose article is named goes on alone, and the others without it;
    where nobody says which one is meant, each goes on alone. The one that it was stumbles there, or goes on
    with another product of its slot's list. What may have left stays together: it is one order there, or
    none."""
    declined = was_completed(session, parcel)
    if trouble.may_pay_otherwise and _pay_otherwise(session, parcel, orders, now):
        return
    faulty = [order for order in orders if order.item_id == trouble.item_id]
    if not declined and len(faulty) == 1 and len(orders) > 1:
        part(session, faulty[0], now)
        return
    if trouble.problem is not Problem.UNKNOWN_OUTCOME:
        alone = len(orders) > 1
        for order in orders[1:]:
            part(session, order, now)
        parcel.alone = parcel.alone or alone
        session.add(parcel)
        if alone and not declined:
            return
        if not declined and substitute(session, orders[0], trouble, now):
            return
    for order in orders:
        stumble(session, order, trouble.problem, trouble.detail, trouble.continue_url, now)


def _pay_otherwise(session: Session, parcel: Parcel, orders: Sequence[PurchaseOrder], now: datetime) -> bool:
    """The household's next instrument, in a new attempt: the declined session is closed before it begins, and
    is the order should a person have finished it. Returns False where there is none, or it was tried."""
    known = instruments_of(session, session.get_one(Retailer, parcel.retailer_id))
    following = next_instrument(parcel.instrument, len(known))
    if following is None:
        return False
    declined, chosen = known[parcel.instrument].name, known[following].name
    parcel.attempt += 1
    parcel.instrument = following
    session.add(parcel)
    for order in orders:
        session.add(OrderEvent(order_id=order.id, at=now, state=order.state, note=PAID_OTHERWISE + chosen))
        notify_of_order(session, order, "order_paid_otherwise", now, declined=declined, chosen=chosen)
    return True


def _shares(total_minor: int, orders: Sequence[PurchaseOrder], quote: Quote) -> list[int]:
    price = {line.item_id: line.total_minor for line in quote.lines}
    known = all(order.item_id in price for order in orders)
    weights = [price[order.item_id] if known else 0 for order in orders]
    return split_total(total_minor, [order.packs for order in orders], weights)
