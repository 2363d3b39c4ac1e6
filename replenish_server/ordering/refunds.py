"""What retailers of the book pay back: told to the household, and taken off what the month has cost.

Level-triggered: whatever was refunded lately and not told yet is told, so that a crash loses nothing.
"""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from replenish_server.households.ledger import settle
from replenish_server.households.notices import Notice, notify
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.retailers.book.tables import BookOrder

_LATELY = timedelta(days=60)


def late_refunds(session: Session, now: datetime) -> list[tuple[str, int]]:
    """Orders of the book that changed in the last 60 days, with what was paid back of each, if anything."""
    query = select(BookOrder.id, BookOrder.refunded_minor).where(
        BookOrder.refunded_minor > 0, col(BookOrder.changed_at) > now - _LATELY
    )
    return list(session.exec(query).all())


def note_refund(session: Session, retailer_order_id: str, now: datetime) -> bool:
    """Tell a refund and book what the order costs now; returns whether there was news.

    Where several orders share one order at the retailer, the first is told, and the ledger keeps what each
    had paid: nobody said which of them the money is for.
    """
    booked = session.get_one(BookOrder, retailer_order_id)
    orders = session.exec(
        select(PurchaseOrder)
        .where(
            PurchaseOrder.retailer_order_id == retailer_order_id,
            PurchaseOrder.retailer_id == booked.retailer_id,
        )
        .order_by(col(PurchaseOrder.created_at))
    ).all()
    if not orders:
        return False
    order = orders[0]
    news = notify(
        session,
        Notice(
            household_id=order.household_id,
            key=f"{order.id}:order_refunded:{booked.refunded_minor}",
            kind="order_refunded",
            data={
                "order_id": order.id,
                "product": order.product_name,
                "refunded_minor": booked.refunded_minor,
                "currency": booked.currency,
            },
            at=now,
        ),
    )
    if news and len(orders) == 1 and order.placed_at is not None and order.state != "canceled":
        settle(session, order.id, booked.total_minor - booked.refunded_minor, now)
    return news
