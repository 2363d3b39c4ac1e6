"""What a household takes out of an order at a cXML supplier: an OrderRequest that updates or deletes it.

Stored with the change, and sent by the messenger as often as it takes, under one payloadID.
"""

from datetime import datetime

from sqlmodel import Session, col, select

from replenish_server.ids import new_id
from replenish_server.retailers.book.quotes import OrderDraft
from replenish_server.retailers.book.states import BookState
from replenish_server.retailers.book.tables import BookOrder
from replenish_server.retailers.cxml.account import account_of, payload_id
from replenish_server.retailers.feed.tables import RetailerMessage
from replenish_server.retailers.tables import Retailer

KIND = "cxml."
HEADERS = {"content-type": "text/xml; charset=UTF-8", "accept": "text/xml"}


def tell_supplier(session: Session, retailer: Retailer, order: BookOrder, now: datetime) -> str:
    """Store the document that makes the supplier's order what the book says; returns the message's id."""
    from replenish_server.retailers.cxml.documents import (
        order_request,  # with lxml, where a supplier reads it
    )

    account = account_of(retailer)
    message_id = new_id("msg")
    earlier = session.exec(
        select(RetailerMessage.id)
        .where(RetailerMessage.order_id == order.id, col(RetailerMessage.kind).startswith(KIND))
        .order_by(col(RetailerMessage.created_at).desc())
    ).first()
    change = "delete" if order.state == BookState.CANCELED else "update"
    remaining = [line for line in order.lines if not line.get("canceled")]
    subtotal = sum(line["total_minor"] for line in (remaining or order.lines))
    draft = OrderDraft(
        lines=order.lines,
        buyer_name=order.buyer_name,
        buyer_email=order.buyer_email,
        ship_to=order.ship_to,
        location_id=None,
        currency=order.currency,
        subtotal_minor=subtotal,
        shipping_minor=order.shipping_minor,
        total_minor=subtotal + order.shipping_minor,
    )
    last = payload_id(account, earlier or order.key)
    body = order_request(account, draft, order.key, payload_id(account, message_id), now, (change, last))
    session.add(
        RetailerMessage(
            id=message_id,
            retailer_id=order.retailer_id,
            order_id=order.id,
            kind=f"{KIND}{change}",
            body=body,
            created_at=now,
            next_try_at=now,
        )
    )
    return message_id
