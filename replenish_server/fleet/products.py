"""Which product a slot buys, chosen by a person after it was set up."""

from datetime import datetime

from sqlmodel import Session

from replenish_server.fleet.registry import Product
from replenish_server.fleet.tables import Slot


def choose_product(session: Session, slot: Slot, product: Product, now: datetime) -> None:
    """Let a slot buy another product from its next order on; an open order stays as it is.

    Raises:
        ValueError: a pack of nothing, or a name or id that is empty.
    """
    if product.pack_amount <= 0 or not product.item_id or not product.name:
        raise ValueError("a product needs an id, a name and a content")
    slot.retailer_id, slot.item_id = product.retailer_id, product.item_id
    slot.product_name, slot.pack_amount = product.name, product.pack_amount
    slot.due_at = now
    session.add(slot)
