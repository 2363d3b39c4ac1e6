"""The receipt: what is bought, for how much, under which rule; written in the transaction that lets it leave.

Source: OLG Munich 29 U 1091/18 (product, quantity, total price and the duty to pay stand before the order is
final), Directive 2011/83/EU articles 6, 8 and 9.
"""

import hashlib
import json
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from replenish_server.fleet.mandates import slot_mandate
from replenish_server.fleet.tables import Slot
from replenish_server.households.tables import Household
from replenish_server.ids import new_id
from replenish_server.ordering.substitutes import missing_products
from replenish_server.ordering.tables import OrderEvent, Parcel, PurchaseOrder, Receipt
from replenish_server.retailers.instruments import instruments_of
from replenish_server.retailers.port import PickUp, Quote
from replenish_server.retailers.tables import Retailer

WITHDRAWAL_DAYS = 14
"""Directive 2011/83/EU article 9: counted from the delivery."""


def issue_receipt(
    session: Session, order: PurchaseOrder, parcel: Parcel, quote: Quote, now: datetime
) -> Receipt:
    """Write an order's receipt for the offer that is about to be accepted.

    A repetition of the same session keeps the first one.
    """
    query = select(Receipt).where(
        Receipt.order_id == order.id, Receipt.parcel_id == parcel.id, Receipt.attempt == parcel.attempt
    )
    there = session.exec(query).first()
    if there is not None:
        return there
    data = _facts(session, order, quote, now)
    receipt = Receipt(
        id=new_id("rcp"),
        order_id=order.id,
        parcel_id=parcel.id,
        attempt=parcel.attempt,
        at=now,
        data=data,
        sha256=digest(data),
    )
    session.add(receipt)
    session.flush()
    return receipt


def receipt_of(session: Session, order_id: str) -> Receipt | None:
    """The order's newest receipt, which is the one that counts; None before it has left."""
    newest = (col(Receipt.at).desc(), col(Receipt.attempt).desc())
    query = select(Receipt).where(Receipt.order_id == order_id).order_by(*newest).limit(1)
    return session.exec(query).first()


def digest(data: Any) -> str:
    """SHA-256 of canonical JSON: sorted names, no spaces, UTF-8."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _facts(session: Session, order: PurchaseOrder, quote: Quote, now: datetime) -> dict[str, Any]:
    household = session.get_one(Household, order.household_id)
    retailer = session.get_one(Retailer, order.retailer_id)
    line = next((line for line in quote.lines if line.item_id == order.item_id), None)
    way = quote.fulfilment
    address = {
        "street": household.street,
        "postal_code": household.postal_code,
        "locality": household.locality,
    }
    return {
        "order_id": order.id,
        "product": order.product_name,
        "item_id": order.item_id,
        "instead_of": [
            {"product": row.product_name, "item_id": row.item_id, "reason": row.problem}
            for row in missing_products(session, order.id)
        ],
        "packs": order.packs,
        "pack_amount": order.pack_amount,
        "unit_minor": None if line is None else line.unit_minor,
        "total_minor": order.quoted_minor,
        "currency": quote.currency,
        "parcel": {
            "checkout_id": quote.checkout_id,
            "total_minor": quote.total_minor,
            "shipping_minor": quote.shipping_minor,
            "tax_minor": quote.tax_minor,
            "discount_minor": quote.discount_minor,
        },
        "retailer": {"id": retailer.id, "name": retailer.name, "url": retailer.url},
        "payment": _instrument(session, retailer, quote.instrument),
        "buyer": {"name": household.buyer_name, "email": household.buyer_email},
        "delivery": {"pickup": way.location_id} if isinstance(way, PickUp) else address,
        "rule": _rule(session, order),
        "decided_by": _decider(session, order),
        "withdrawal_days": WITHDRAWAL_DAYS,
        "at": now.isoformat(),
    }


def _instrument(session: Session, retailer: Retailer, place: int) -> str:
    """What the household calls that with which it pays; "" where the retailer sends a bill."""
    known = instruments_of(session, retailer)
    return known[min(place, len(known) - 1)].name


def _rule(session: Session, order: PurchaseOrder) -> dict[str, Any]:
    """The mandate as it stands, with its hash; a person's approval replaces its price cap."""
    mandate = slot_mandate(session, session.get_one(Slot, order.slot_id))
    return {
        "mode": mandate.mode.value,
        "price_cap_minor": mandate.price_cap_minor,
        "approved_minor": order.approved_minor,
        "sha256": mandate.digest(),
    }


def _decider(session: Session, order: PurchaseOrder) -> str:
    """Who let it leave: a person's name or "person", else the mandate by itself."""
    query = select(OrderEvent).where(OrderEvent.order_id == order.id).order_by(col(OrderEvent.id).desc())
    for event in session.exec(query):
        if event.by:
            return event.by
    return "person" if order.approved_minor is not None or order.trigger in ("press", "person") else "mandate"
