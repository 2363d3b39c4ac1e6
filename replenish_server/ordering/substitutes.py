"""A shortage at the shop: the next product of the slot's list takes the place of the one that cannot be had.

Nothing here talks to a retailer, and nothing is called for what may have left. The dispatcher closes the
session of the missing product first; the other begins in a parcel of its own, quoted and judged anew.
"""

from datetime import datetime

from sqlmodel import Session, select

from replenish_server.fleet.mandates import slot_mandate
from replenish_server.fleet.tables import Slot
from replenish_server.households.judge import same_size_class
from replenish_server.households.ledger import release
from replenish_server.households.mandate import AcceptedProduct, Mandate, Mode, Substitution
from replenish_server.households.notices import Notice, notify
from replenish_server.ordering.orders import move
from replenish_server.ordering.parcels import new_parcel, parcel_of
from replenish_server.ordering.sentences import NOT_SOLD, SOLD_OUT
from replenish_server.ordering.states import Event, State
from replenish_server.ordering.tables import MissingProduct, OrderEvent, PurchaseOrder
from replenish_server.retailers.port import Problem, Trouble

SHORTAGES = frozenset({Problem.OUT_OF_STOCK, Problem.ITEM_UNAVAILABLE})
"""What another product of the list may help against."""

_MOST_PACKS = 10


def would_substitute(session: Session, order: PurchaseOrder, trouble: Trouble) -> bool:
    """Whether another product of the slot's list would take the order's place."""
    if trouble.problem not in SHORTAGES:
        return False
    return _next_product(session, order, _mandate(session, order)) is not None


def substitute(session: Session, order: PurchaseOrder, trouble: Trouble, now: datetime) -> bool:
    """Let the next product of the slot's list take the order's place; returns False where there is none.

    It goes on by itself only where the mandate lets products of the list leave by themselves; a person who
    agreed to a price agreed to that of the missing product, and is asked again.

    Args:
        session: a writing unit of work.
        order: about to leave or quoted for a person; never what may have left.
        trouble: what the retailer said.
        now: the moment.
    """
    mandate = _mandate(session, order)
    product = _next_product(session, order, mandate) if trouble.problem in SHORTAGES else None
    if product is None:
        return False
    asks = (
        order.state == State.NEEDS_APPROVAL
        or order.approved_minor is not None
        or mandate.mode is not Mode.AUTO
        or mandate.substitution is Substitution.ASK
    )
    missing = _keep_missing(session, order, trouble, now)
    _take_the_place(session, order, product, now)
    note = (SOLD_OUT if trouble.problem is Problem.OUT_OF_STOCK else NOT_SOLD) + missing.product_name
    if asks:
        move(session, order, Event.SUBSTITUTE, now, note)
    else:
        session.add(OrderEvent(order_id=order.id, at=now, state=order.state, note=note[:300]))
    data = {"order_id": order.id, "missing": missing.product_name, "product": order.product_name}
    kind = "order_substitute_asked" if asks else "order_substituted"
    key = f"{order.id}:{kind}:{order.retailer_id}:{order.item_id}"
    notify(session, Notice(order.household_id, key, kind, data, now))
    return True


def missing_products(session: Session, order_id: str) -> list[MissingProduct]:
    """What could not be had for an order, in the order in which it was tried."""
    query = select(MissingProduct).where(MissingProduct.order_id == order_id)
    return sorted(session.exec(query), key=lambda row: row.place)


def _mandate(session: Session, order: PurchaseOrder) -> Mandate:
    return slot_mandate(session, session.get_one(Slot, order.slot_id))


def _next_product(session: Session, order: PurchaseOrder, mandate: Mandate) -> AcceptedProduct | None:
    """The first product of the list that was not tried yet, is of the preferred one's size class, and is sold
    where the household allows."""
    if mandate.substitution is Substitution.NEVER:
        return None
    tried = {(row.retailer_id, row.item_id) for row in missing_products(session, order.id)}
    tried.add((order.retailer_id, order.item_id))
    preferred = mandate.products[0].pack_amount
    for product in mandate.products:
        allowed = mandate.retailers is None or product.retailer_id in mandate.retailers
        fits = same_size_class(product.pack_amount, preferred)
        if allowed and fits and (product.retailer_id, product.item_id) not in tried:
            return product
    return None


def _keep_missing(session: Session, order: PurchaseOrder, trouble: Trouble, now: datetime) -> MissingProduct:
    row = MissingProduct(
        order_id=order.id,
        place=len(missing_products(session, order.id)) + 1,
        retailer_id=order.retailer_id,
        item_id=order.item_id,
        product_name=order.product_name,
        problem=trouble.problem.value,
        detail=trouble.detail[:300],
        at=now,
    )
    session.add(row)
    session.flush()
    return row


def _take_the_place(session: Session, order: PurchaseOrder, product: AcceptedProduct, now: datetime) -> None:
    """The same need in packs of the other product; what was said of the missing one's price is forgotten."""
    slot = session.get_one(Slot, order.slot_id)
    amount = order.packs * order.pack_amount
    limited = slot.storage_limit is not None or slot.shelf_life_days is not None
    packs = amount // product.pack_amount if limited else -(-amount // product.pack_amount)
    order.packs = min(_MOST_PACKS, max(1, packs))
    order.item_id, order.product_name = product.item_id, product.name
    order.pack_amount, order.retailer_id = product.pack_amount, product.retailer_id
    order.quoted_minor = order.goods_minor = order.approved_minor = None
    order.verdicts = order.mandate_digest = order.pickup_location = None
    before = parcel_of(session, order)
    order.parcel_id = new_parcel(session, order.household_id, product.retailer_id, now, before)
    release(session, order.id, now)
    session.add(order)
    session.flush()
