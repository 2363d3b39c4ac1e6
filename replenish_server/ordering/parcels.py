"""Which orders travel together: a parcel takes companions before its first word to the retailer, and lets
one go again while nothing has been completed.

Whoever leaves a parcel bumps its fence and attempt, so that the session that still names the leaver is closed
and never completed (docs/adr/0015).
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam
from sqlmodel import Session, col, or_, select

from replenish_server.database import Prepared, add_row, fetch
from replenish_server.households.rules import home_rules
from replenish_server.ids import new_id
from replenish_server.ordering.fulfilment import fulfilment_of
from replenish_server.ordering.rules import COMPLETE
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import Parcel, PurchaseOrder, RetailerCall

_MOST_COMPANIONS = 20  # looked at for one parcel


def new_parcel(
    session: Session, household_id: str, retailer_id: str, now: datetime, parted_from: Parcel | None = None
) -> str:
    """Open a conversation; returns its id. One whose order was parted from another goes on alone, and paid as
    that was: an instrument that was declined is not tried again."""
    same_shop = parted_from is not None and parted_from.retailer_id == retailer_id
    parcel = add_row(
        session,
        Parcel,
        id=new_id("par"),
        household_id=household_id,
        retailer_id=retailer_id,
        alone=parted_from is not None,
        instrument=parted_from.instrument if parted_from is not None and same_shop else 0,
        created_at=now,
    )
    return parcel.id


def parcel_of(session: Session, order: PurchaseOrder) -> Parcel:
    """The conversation in which the order is."""
    return session.get_one(Parcel, order.parcel_id)


def order_and_parcel(session: Session, order_id: str) -> tuple[PurchaseOrder, Parcel] | None:
    """An order, and the conversation in which it is; None where there is none."""
    order = fetch(session, PurchaseOrder, order_id)
    parcel = None if order is None else fetch(session, Parcel, order.parcel_id)
    return None if order is None or parcel is None else (order, parcel)


def orders_in(session: Session, parcel: Parcel) -> list[PurchaseOrder]:
    """The orders of a parcel, oldest first."""
    query = select(PurchaseOrder).where(PurchaseOrder.parcel_id == parcel.id)
    return list(session.exec(query.order_by(col(PurchaseOrder.created_at), col(PurchaseOrder.id))))


def may_have_left(session: Session, parcel: Parcel) -> bool:
    """Whether the completing request was stored for sending and its answer is not known."""
    call = _completing_call(session, parcel)
    return call is not None and call.status is None


def was_completed(session: Session, parcel: Parcel) -> bool:
    """Whether a completing request of the present session was stored, answered or not."""
    return _completing_call(session, parcel) is not None


def completed_of(session: Session, parcel_ids: Collection[str]) -> frozenset[str]:
    """Those of the parcels of which `was_completed` is true."""
    query = (
        select(Parcel.id)
        .join(RetailerCall, col(RetailerCall.parcel_id) == col(Parcel.id))
        .where(col(Parcel.id).in_(parcel_ids))
        .where(RetailerCall.attempt == Parcel.attempt, RetailerCall.step == COMPLETE)
    )
    return frozenset(session.exec(query))


def _completing_call(session: Session, parcel: Parcel) -> RetailerCall | None:
    query = select(RetailerCall).where(
        RetailerCall.parcel_id == parcel.id,
        RetailerCall.attempt == parcel.attempt,
        RetailerCall.step == COMPLETE,
    )
    return session.exec(query).first()


def part(session: Session, order: PurchaseOrder, now: datetime) -> None:
    """Give an order a parcel of its own; those that stay begin a new session without it.

    An order that travels alone stays where it is. Never call it for what may have left.
    """
    parcel = parcel_of(session, order)
    if len(orders_in(session, parcel)) == 1:
        return
    parcel.attempt += 1
    parcel.fence += 1
    parcel.lease_until, parcel.next_try_at = None, now
    order.parcel_id = new_parcel(session, order.household_id, order.retailer_id, now, parcel)
    session.add(parcel)
    session.add(order)
    session.flush()


_OTHERS: Prepared[Parcel] = Prepared(
    select(Parcel)
    .where(col(Parcel.household_id) == bindparam("household_id"))
    .where(col(Parcel.retailer_id) == bindparam("retailer_id"))
    .where(col(Parcel.id) != bindparam("id"), col(Parcel.alone).is_(False))
    .where(or_(col(Parcel.lease_until).is_(None), col(Parcel.lease_until) < bindparam("now")))
    .where(
        col(Parcel.id).in_(
            select(PurchaseOrder.parcel_id).where(
                col(PurchaseOrder.household_id) == bindparam("household_id"),
                PurchaseOrder.state == State.PLACING,
            )
        )
    )
    .order_by(col(Parcel.created_at))
    .limit(_MOST_COMPANIONS)
)


def gather_companions(
    session: Session, parcel: Parcel, mine: list[PurchaseOrder], now: datetime
) -> list[PurchaseOrder]:
    """Take in every order of the household that wants to leave to the same retailer now.

    Only conversations that have not begun are joined, and an article stands in a parcel once.

    Args:
        session: a writing unit of work.
        parcel: which takes them in.
        mine: the orders in it.
        now: the moment.

    Returns:
        The companions that were taken in.
    """
    if not _may_share(session, parcel, mine):
        return []
    near = {"household_id": parcel.household_id, "retailer_id": parcel.retailer_id, "id": parcel.id}
    others = _OTHERS.all(session, **near, now=now)
    if not others or home_rules(session, parcel.household_id).basket_days == 0:
        return []  # nobody is there, or the household keeps its orders apart
    taken: list[PurchaseOrder] = []
    for other in others:
        theirs = orders_in(session, other)
        if not _may_share(session, other, theirs) or _clash(session, [*mine, *taken], theirs):
            continue
        for order in theirs:
            order.parcel_id = parcel.id
            session.add(order)
        taken += theirs
        session.flush()
        session.delete(other)
    return taken


def _may_share(session: Session, parcel: Parcel, orders: list[PurchaseOrder]) -> bool:
    """Whether nothing was said to the retailer yet, and all of its orders want to leave."""
    if parcel.alone or parcel.checkout_id is not None or not orders:
        return False
    if any(order.state != State.PLACING for order in orders):
        return False
    if parcel.fence == 0:  # nobody has ever claimed it
        return True
    said = select(RetailerCall.key).where(
        RetailerCall.parcel_id == parcel.id, RetailerCall.attempt == parcel.attempt
    )
    return session.exec(said).first() is None


def _clash(session: Session, here: list[PurchaseOrder], there: list[PurchaseOrder]) -> bool:
    items = [order.item_id for order in (*here, *there)]
    if len({fulfilment_of(session, order) for order in (*here, *there)}) > 1:
        return True
    return len(set(items)) < len(items) or len({order.currency for order in (*here, *there)}) > 1
