"""Taking a parcel for a conversation: under a lease and a new fence, with all that may come along."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col, or_, select

from replenish_server.database import change
from replenish_server.households.tables import Household
from replenish_server.ordering.completion_check import held_until
from replenish_server.ordering.fulfilment import fulfilment_of
from replenish_server.ordering.parcels import gather_companions, orders_in
from replenish_server.ordering.states import State
from replenish_server.ordering.stops import EVERYTHING, RESTORED, stopped_scopes
from replenish_server.ordering.tables import Parcel, PurchaseOrder
from replenish_server.retailers.port import JournalClosed, Line, Need, StoredCall
from replenish_server.retailers.tables import Retailer


class Lease(NamedTuple):
    """Until when no other worker may take a parcel, and which process holds it, None where there is one."""

    until: datetime
    holder: int | None = None


@dataclass(frozen=True)
class Claim:
    """A parcel that this worker holds, and its orders as they were when it was taken.

    `held_until` is when pause and quiet hours let go of it; None when they do not hold it. `begun` is the
    step of the conversation's first call and that call, where it was stored with the claim.
    """

    parcel: Parcel
    orders: tuple[PurchaseOrder, ...]
    need: Need
    retailer: Retailer
    held_until: datetime | None = None
    begun: tuple[str, StoredCall] | None = None

    @property
    def only_quote(self) -> bool:
        """Whether a person has to see the price before anything leaves."""
        return any(order.state == State.NEEDS_APPROVAL for order in self.orders)


def claim_parcel(
    session: Session, now: datetime, lease: Lease, besides: Collection[str] = ()
) -> Claim | None:
    """Take the oldest parcel that wants a quote or wants to leave, under a new fence; None when none does.

    Args:
        session: a writing unit of work.
        now: the moment.
        lease: under which it is taken.
        besides: retailers whose parcels are left alone.
    """
    wants = or_(
        col(PurchaseOrder.state) == State.PLACING,
        (col(PurchaseOrder.state) == State.NEEDS_APPROVAL)
        & col(PurchaseOrder.quoted_minor).is_(None)
        & col(PurchaseOrder.tier).is_(None),
    )
    stopped = stopped_scopes(session)
    if stopped & {EVERYTHING, RESTORED}:
        return None
    query = (
        select(Parcel)
        .where(col(Parcel.household_id).not_in(stopped), col(Parcel.retailer_id).not_in(besides))
        .where(col(Parcel.id).in_(select(PurchaseOrder.parcel_id).where(wants)))
        .where(or_(col(Parcel.lease_until).is_(None), col(Parcel.lease_until) < now))
        .where(or_(col(Parcel.next_try_at).is_(None), col(Parcel.next_try_at) <= now))
        .order_by(col(Parcel.created_at))
        .limit(1)
    )
    parcel = session.exec(query).first()
    if parcel is None:
        return None
    return _take(session, parcel, orders_in(session, parcel), now, lease)


def claim_order(
    session: Session, order: PurchaseOrder, parcel: Parcel, now: datetime, lease: Lease
) -> Claim | None:
    """Take the parcel of an order in the very transaction that opened it; None where it may not leave now."""
    if order.state != State.PLACING or parcel.fence > 0:
        return None
    if stopped_scopes(session) & {EVERYTHING, RESTORED, order.household_id}:
        return None
    return _take(session, parcel, [order], now, lease)


def _take(
    session: Session, parcel: Parcel, orders: list[PurchaseOrder], now: datetime, lease: Lease
) -> Claim:
    """Take a parcel that is free, with those that may come along."""
    taken = gather_companions(session, parcel, orders, now)
    together = sorted([*orders, *taken], key=lambda order: (order.created_at, order.id))
    until = held_until(session, parcel, together, now)
    change(session, parcel, fence=parcel.fence + 1, lease_until=lease.until, holder=lease.holder)
    speaking = tuple(order for order in together if order.parcel_id == parcel.id and _speaks(order))
    household = session.get_one(Household, parcel.household_id)
    retailer = session.get_one(Retailer, parcel.retailer_id)
    return Claim(parcel, speaking, _need(session, parcel, speaking, household), retailer, until)


def held(session: Session, claim: Claim) -> tuple[Parcel, list[PurchaseOrder]]:
    """The parcel and its orders, if they are still ours and still as we took them.

    Raises:
        JournalClosed: another worker has the parcel, or an order has moved on.
    """
    parcel = session.get(Parcel, claim.parcel.id)
    if parcel is None or parcel.fence != claim.parcel.fence:
        raise JournalClosed(f"parcel {claim.parcel.id} has another fence")
    orders = [order for order in orders_in(session, parcel) if _speaks(order)]
    if [(order.id, order.state) for order in orders] != [(order.id, order.state) for order in claim.orders]:
        raise JournalClosed(f"the orders of parcel {parcel.id} have moved on")
    return parcel, orders


def _speaks(order: PurchaseOrder) -> bool:
    """Whether the conversation is about this order; one that ended in the parcel is not spoken of."""
    return order.state in (State.PLACING, State.NEEDS_APPROVAL)


def _need(session: Session, parcel: Parcel, orders: tuple[PurchaseOrder, ...], household: Household) -> Need:
    wanted, fallback = fulfilment_of(session, orders[0])  # those that travel together go the same way
    return Need(
        lines=tuple(Line(order.item_id, order.packs) for order in orders),
        buyer_name=household.buyer_name,
        buyer_email=household.buyer_email,
        fulfilment=wanted,
        fallback=fallback,
        instrument=parcel.instrument,
    )
