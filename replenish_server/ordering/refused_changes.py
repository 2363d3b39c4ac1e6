"""A retailer that does not take a change, a cancellation or a withdrawal: the household is told."""

from datetime import datetime

from sqlmodel import Session, select

from replenish_server.households.notices import Notice, notify
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.retailers.book.tables import BookOrder
from replenish_server.retailers.cxml.changes import KIND
from replenish_server.retailers.feed.tables import RetailerMessage
from replenish_server.retailers.feed.withdrawals import KIND as WITHDRAWAL
from replenish_server.retailers.tables import Retailer


def tell_refused_change(session: Session, message: RetailerMessage, now: datetime) -> None:
    """Tell each household whose order the message is about, once, inside the caller's transaction.

    Args:
        session: a writing unit of work.
        message: to a cXML supplier, refused or given up; or a withdrawal that nobody takes. Others are only
            news: the retailer reads them in its feed too.
        now: the moment.
    """
    if message.kind != WITHDRAWAL and not message.kind.startswith(KIND):
        return
    book = session.get_one(BookOrder, message.order_id)
    shop = session.get_one(Retailer, message.retailer_id).name
    kind = "supplier_refused_" + message.kind.removeprefix(KIND)
    if message.kind == WITHDRAWAL:
        kind = "withdrawal_undelivered"
    status = "-" if message.last_status is None else str(message.last_status)
    query = select(PurchaseOrder).where(
        PurchaseOrder.retailer_id == message.retailer_id, PurchaseOrder.retailer_order_id == message.order_id
    )
    for order in session.exec(query):
        data = {"order_id": order.id, "shop": shop, "number": book.key, "status": status}
        notify(session, Notice(order.household_id, f"{message.id}:refused", kind, data, now))
