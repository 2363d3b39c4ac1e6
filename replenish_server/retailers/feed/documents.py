"""An order of the book as its retailer reads it: the same document in answers and in messages."""

from datetime import datetime
from typing import Any

from replenish_server.retailers.book.states import Act, BookState, may
from replenish_server.retailers.book.tables import BookOrder


def order_document(order: BookOrder) -> dict[str, Any]:
    """The whole order, never a difference. Amounts in minor units, times RFC 3339 in UTC."""
    return {
        "id": order.id,
        "status": order.state,
        "placed_at": rfc3339(order.placed_at),
        "changed_at": rfc3339(order.changed_at),
        "acknowledge_by": rfc3339(order.acknowledge_by),
        "currency": order.currency,
        "lines": [
            {
                **{name: line[name] for name in ("item_id", "name", "packs", "unit_minor", "total_minor")},
                "canceled": bool(line.get("canceled")),
                "withdrawal_requested_at": line.get("withdrawal_requested_at"),
            }
            for line in order.lines
        ],
        "subtotal_minor": order.subtotal_minor,
        "shipping_minor": order.shipping_minor,
        "total_minor": order.total_minor,
        "refunded_minor": order.refunded_minor,
        "buyer": {"name": order.buyer_name, "email": order.buyer_email},
        "ship_to": order.ship_to,
        "pickup_location_id": order.location_id,
        "shipment": _shipment(order),
        "note": order.note,
        "possible": possible_acts(order),
    }


def possible_acts(order: BookOrder) -> list[str]:
    """What the retailer can do next."""
    acts = [act.value for act in Act if act is not Act.WITHDRAW and may(BookState(order.state), act)]
    return [*acts, "refund"] if order.refunded_minor < order.total_minor else acts


def rfc3339(moment: datetime) -> str:
    """As in "2026-05-04T12:00:00Z"."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _shipment(order: BookOrder) -> dict[str, Any] | None:
    if order.carrier is None and order.tracking_number is None:
        return None
    return {
        "carrier": order.carrier,
        "tracking_number": order.tracking_number,
        "tracking_url": order.tracking_url,
        "expected_at": None if order.expected_at is None else rfc3339(order.expected_at),
    }
