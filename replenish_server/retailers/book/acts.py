"""Entering orders in the book, and what their retailers do with them, in the caller's transaction."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, select

from replenish_server.ids import new_id
from replenish_server.retailers.book.quotes import OrderDraft
from replenish_server.retailers.book.states import Act, BookState, after
from replenish_server.retailers.book.tables import BookEntry, BookOrder

ACKNOWLEDGE_WITHIN = timedelta(hours=24)


class RefundRefused(ValueError):
    """More would be paid back than was paid, or in another currency; the text says how much is left."""


@dataclass(frozen=True)
class Parcel:
    """How goods travel; None for what the retailer does not say."""

    carrier: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    expected_at: datetime | None = None


@dataclass(frozen=True)
class Step:
    """One act with what was said about it.

    Args:
        act: what.
        note: in the retailer's own words, at most 300 characters.
        parcel: for `SHIP`.
        data: more to keep with the entry, e.g. a reason; plain JSON values.
    """

    act: Act
    note: str = ""
    parcel: Parcel | None = None
    data: dict[str, Any] = field(default_factory=dict)


def enter_order(
    session: Session, retailer_id: str, key: str, draft: OrderDraft, within: timedelta, now: datetime
) -> tuple[BookOrder, bool]:
    """The order of this key, and whether it was entered now: the same key again finds the first one."""
    order = session.exec(select(BookOrder).where(BookOrder.key == key)).first()
    if order is not None:
        return order, False
    order = BookOrder(
        id=new_id("ro"),
        retailer_id=retailer_id,
        key=key,
        state=BookState.PLACED,
        currency=draft.currency,
        subtotal_minor=draft.subtotal_minor,
        shipping_minor=draft.shipping_minor,
        total_minor=draft.total_minor,
        lines=draft.lines,
        buyer_name=draft.buyer_name,
        buyer_email=draft.buyer_email,
        ship_to=draft.ship_to,
        location_id=draft.location_id,
        placed_at=now,
        acknowledge_by=now + within,
        changed_at=now,
    )
    session.add(order)
    session.flush()
    _enter(session, order, "placed", {}, now)
    return order, True


def take_step(session: Session, order: BookOrder, step: Step, now: datetime) -> None:
    """Let an act happen to an order.

    Raises:
        OutOfTurn: see `book.states.after`; nothing was changed.
    """
    order.state = after(BookState(order.state), step.act)
    if step.note:
        order.note = step.note[:300]
    data: dict[str, Any] = {**step.data, **({"note": step.note[:300]} if step.note else {})}
    if step.parcel is not None:
        parcel = step.parcel
        order.carrier, order.tracking_number = parcel.carrier, parcel.tracking_number
        order.tracking_url, order.expected_at = parcel.tracking_url, parcel.expected_at
        data["parcel"] = {
            "carrier": parcel.carrier,
            "tracking_number": parcel.tracking_number,
            "tracking_url": parcel.tracking_url,
            "expected_at": None if parcel.expected_at is None else parcel.expected_at.isoformat(),
        }
    _enter(session, order, order.state, data, now)


def take_out(session: Session, order: BookOrder, item_id: str, now: datetime, by: str = "household") -> None:
    """An article is taken out of an order; without its last article the order is canceled.

    Raises:
        OutOfTurn: see `book.states.after`; the goods are on their way or the order has ended.
    """
    withdrawn = after(BookState(order.state), Act.WITHDRAW)
    order.lines = [{**line, "canceled": True} if line["item_id"] == item_id else line for line in order.lines]
    if all(line.get("canceled") for line in order.lines):
        order.state = withdrawn
    _enter(session, order, "withdrawn", {"item_id": item_id, "by": by}, now)


def write_entry(session: Session, order: BookOrder, what: str, data: dict[str, Any], now: datetime) -> None:
    """Keep something that was said about an order and moves it nowhere."""
    _enter(session, order, what, data, now)


def refund(
    session: Session, order: BookOrder, amount_minor: int, currency: str, reason: str, now: datetime
) -> None:
    """Keep that the retailer pays back a part.

    Raises:
        RefundRefused: see there; nothing was changed.
    """
    left = order.total_minor - order.refunded_minor
    if currency != order.currency:
        raise RefundRefused(f"the order was paid in {order.currency}, not {currency}")
    if not 0 < amount_minor <= left:
        raise RefundRefused(f"between 1 and {left} minor units of {order.currency} can still be paid back")
    order.refunded_minor += amount_minor
    _enter(session, order, "refunded", {"amount_minor": amount_minor, "note": reason[:300]}, now)


def is_overdue(order: BookOrder, now: datetime) -> bool:
    """Whether the retailer should have acknowledged by now, and has not."""
    return order.state == BookState.PLACED and now >= order.acknowledge_by


def _enter(session: Session, order: BookOrder, what: str, data: dict[str, Any], now: datetime) -> None:
    entry = BookEntry(order_id=order.id, at=now, what=what, data=data)
    session.add(entry)
    session.flush()
    order.change, order.changed_at = entry.id or 0, now
    session.add(order)
