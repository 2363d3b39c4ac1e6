"""The mandate's hold on an order: what its quote is judged by, and what becomes of it when a rule says no."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col, select

from replenish_server.fleet.mandates import slot_mandate, slot_mandates
from replenish_server.fleet.tables import Slot
from replenish_server.households.judge import Paid, Quoted, held_until, holding_rule, judge_offer
from replenish_server.households.ledger import Entry, reserve
from replenish_server.households.mandate import Mandate, Verdict
from replenish_server.ordering.orders import BUTTON_PRESSED, NOT_WAITED_FOR, cancelable
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import OrderEvent, Parcel, PurchaseOrder
from replenish_server.retailers.port import Problem, Quote
from replenish_server.retailers.prices import QUOTE, remember_price
from replenish_server.retailers.tables import Retailer

_PROBLEM_OF_RULE = {
    "price_cap": Problem.PRICE_OVER_CAP,
    "over_last_paid": Problem.PRICE_JUMPED,
    "budget": Problem.OVER_BUDGET,
    "product": Problem.OTHER_PRODUCT,
    "size_class": Problem.OTHER_PRODUCT,
}
_ASKED_FOR = ("press", "person")
_NOT_PAID = (State.CANCELED, State.FAILED, State.EXPIRED)


@dataclass(frozen=True)
class Limits:
    """What an order is judged by.

    Args:
        mandate: in force for its slot.
        last_paid: what the slot's last order cost, or None.
        retailer_name: as people call it.
        asked_for: whether a person pressed, wished or did not want to wait for it.
    """

    mandate: Mandate
    last_paid: Paid | None
    retailer_name: str
    asked_for: bool


class Hold(NamedTuple):
    """The rule that holds an order back, "pause" or "quiet_hours", and until when."""

    rule: str
    until: datetime


def limits_of(session: Session, order: PurchaseOrder) -> Limits:
    """What this order is judged by, now."""
    slot = session.get_one(Slot, order.slot_id)
    retailer = session.get_one(Retailer, order.retailer_id)
    mandate, asked = slot_mandate(session, slot), _asked_for(session, order)
    return Limits(mandate, last_paid(session, order), retailer.name, asked)


def _asked_for(session: Session, order: PurchaseOrder) -> bool:
    if order.trigger in _ASKED_FOR:
        return True
    hastened = select(OrderEvent.id).where(
        OrderEvent.order_id == order.id, col(OrderEvent.note).in_((NOT_WAITED_FOR, BUTTON_PRESSED))
    )
    return session.exec(hastened).first() is not None


def last_paid(session: Session, order: PurchaseOrder) -> Paid | None:
    """What the goods of the slot's last order before this one cost."""
    query = (
        select(PurchaseOrder)
        .where(
            PurchaseOrder.slot_id == order.slot_id,
            PurchaseOrder.id != order.id,
            col(PurchaseOrder.placed_at).is_not(None),
            col(PurchaseOrder.goods_minor).is_not(None),
            col(PurchaseOrder.state).not_in(_NOT_PAID),
        )
        .order_by(col(PurchaseOrder.placed_at).desc())
        .limit(1)
    )
    last = session.exec(query).first()
    if last is None or last.goods_minor is None:
        return None
    return Paid(last.goods_minor, last.packs * last.pack_amount, last.currency)


def may_leave_at(session: Session, order: PurchaseOrder, now: datetime) -> datetime | None:
    """When pause and quiet hours let go of an order that nobody asked for; None when nothing holds it."""
    if order.approved_minor is not None or _asked_for(session, order):
        return None
    return held_until(slot_mandate(session, session.get_one(Slot, order.slot_id)), now)


def holds_of(session: Session, orders: Collection[PurchaseOrder], now: datetime) -> dict[str, Hold]:
    """What holds those of some orders, by their ids, that are on their way out; in as many statements as for
    one. Those that nothing holds are left out."""
    stoppable = cancelable(session, orders)
    waiting = [
        order
        for order in orders
        if order.state == State.PLACING and order.id in stoppable and order.approved_minor is None
    ]
    if not waiting:
        return {}
    hastened = select(OrderEvent.order_id).where(
        col(OrderEvent.order_id).in_([order.id for order in waiting]),
        col(OrderEvent.note).in_((NOT_WAITED_FOR, BUTTON_PRESSED)),
    )
    asked = set(session.exec(hastened)) | {order.id for order in waiting if order.trigger in _ASKED_FOR}
    slots = session.exec(select(Slot).where(col(Slot.id).in_({order.slot_id for order in waiting}))).all()
    mandates = slot_mandates(session, slots)
    found = {}
    for order in waiting:
        mandate = mandates[order.slot_id]
        if order.id not in asked and (until := held_until(mandate, now)) is not None:
            found[order.id] = Hold(holding_rule(mandate, now), until)
    return found


def judge(
    order: PurchaseOrder, limits: Limits, quote: Quote, share_minor: int, now: datetime
) -> tuple[Verdict, ...]:
    """Every rule on an order's share of a quote, but the budget, which `book` judges as it books.

    Args:
        order: what wants to leave.
        limits: what it is judged by.
        quote: for its parcel, in which an article stands once.
        share_minor: what this order would cost.
        now: the moment.
    """
    quoted = Quoted(
        retailer_id=order.retailer_id,
        retailer_name=limits.retailer_name,
        item_id=order.item_id,
        packs=order.packs,
        pack_amount=order.pack_amount,
        total_minor=share_minor,
        currency=quote.currency,
        lines=[(line.item_id, line.packs, line.total_minor) for line in quote.lines],
        last_paid=limits.last_paid,
        approved_minor=order.approved_minor,
        pressed=limits.asked_for,
    )
    return judge_offer(limits.mandate, quoted, now)


def problem_of(verdict: Verdict) -> Problem:
    """What a person is told that a rule has stopped."""
    return _PROBLEM_OF_RULE.get(verdict.rule, Problem.OUTSIDE_MANDATE)


def keep_quote(session: Session, order: PurchaseOrder, quote: Quote, now: datetime) -> None:
    """Remember what the goods cost, on the order and for the next estimate."""
    for line in quote.lines:
        if line.item_id == order.item_id:
            order.goods_minor = line.total_minor
            remember_price(
                session, order.retailer_id, line.item_id, line.unit_minor, quote.currency, QUOTE, now
            )
    session.add(order)


def keep_verdicts(
    session: Session, order: PurchaseOrder, verdicts: Sequence[Verdict], mandate: Mandate
) -> None:
    """Keep what every rule said of the quote, and of which mandate."""
    order.verdicts = [verdict.plain() for verdict in verdicts]
    order.mandate_digest = mandate.digest()
    session.add(order)


def verdicts_of(order: PurchaseOrder) -> tuple[Verdict, ...]:
    """What the rules said of the order's last quote."""
    return tuple(Verdict(v["rule"], v["ok"], v["numbers"]) for v in order.verdicts or ())


def book(session: Session, order: PurchaseOrder, total_minor: int, currency: str, now: datetime) -> Verdict:
    """Reserve the order's total in the ledger, in the transaction that lets it leave; its verdict joins the
    others on the order."""
    entry = Entry(order.household_id, order.slot_id, order.id, total_minor, currency)
    verdict = reserve(session, entry, now)
    others = [v for v in order.verdicts or [] if v["rule"] != verdict.rule]
    order.verdicts = [*others, verdict.plain()]
    session.add(order)
    return verdict


def wake_orders(session: Session, household_id: str, now: datetime) -> None:
    """The household's rules have changed: slots are judged by the new ones, and what waits for its hour is
    looked at, at once."""
    slots = select(Slot).where(Slot.household_id == household_id, col(Slot.retired_at).is_(None))
    for slot in session.exec(slots):
        slot.due_at = now
        session.add(slot)
    query = select(Parcel).where(
        Parcel.household_id == household_id,
        Parcel.failures == 0,
        col(Parcel.next_try_at) > now,
        col(Parcel.id).in_(select(PurchaseOrder.parcel_id).where(PurchaseOrder.state == State.PLACING)),
    )
    for parcel in session.exec(query):
        parcel.next_try_at = now
        session.add(parcel)
