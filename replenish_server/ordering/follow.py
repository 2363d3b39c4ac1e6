"""Following placed orders: polls, hastened by webhooks, and what the retailer's view means for ours.

A webhook is only a hint to ask (docs/adr/0009): nothing in its body is believed.
"""

import logging
from datetime import datetime, timedelta

from sqlmodel import Session, col, or_, select, update

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.failures import log_failure
from replenish_server.fleet.tables import Slot
from replenish_server.ordering.dispatch import Shops
from replenish_server.ordering.order_notices import notify_of_order
from replenish_server.ordering.orders import move
from replenish_server.ordering.parcels import orders_in
from replenish_server.ordering.refunds import late_refunds, note_refund
from replenish_server.ordering.states import UNDERWAY, Event, State, may
from replenish_server.ordering.tables import Parcel, PurchaseOrder
from replenish_server.retailers.port import OrderSnapshot, Problem, Progress, TryLater
from replenish_server.retailers.tables import Retailer

log = logging.getLogger(__name__)

_POLL_EVERY = timedelta(minutes=30)
_POLL_AT_MOST_EVERY_S = 1.0  # real seconds, whatever the clock's speed: a shop is not a drum

_EVENT_OF = {
    Progress.UNACKNOWLEDGED: Event.MISMATCH,
    Progress.SHIPPED: Event.SHIP,
    Progress.READY: Event.READY,
    Progress.DELIVERED: Event.DELIVER,
    Progress.CANCELED: Event.RETAILER_CANCEL,
}

_FOLLOWED = or_(
    col(PurchaseOrder.state).in_(UNDERWAY),
    (col(PurchaseOrder.state) == State.NEEDS_ATTENTION)
    & (col(PurchaseOrder.problem) == Problem.UNACKNOWLEDGED),
)


class Follower:
    """Keeps placed orders in step with the retailer.

    Args:
        database: where orders are.
        shops: finds the adapter.
        clock: the server's clock.
    """

    def __init__(self, database: Database, shops: Shops, clock: Clock) -> None:
        self._database = database
        self._shops = shops
        self._clock = clock
        self._noted: set[tuple[str, int]] = set()  # spares a look; the notice itself is told once by its key

    def run(self) -> int:
        """Ask about every retailer's order that is due; returns how many were asked about."""
        now = self._clock.now()
        with self._database.read() as session:
            under_way = select(PurchaseOrder.parcel_id, PurchaseOrder.retailer_order_id).where(
                _FOLLOWED,
                col(PurchaseOrder.retailer_order_id).is_not(None),  # not a person's own purchase
            )
            theirs = dict(session.exec(under_way).all())
            due = or_(col(Parcel.next_poll_at).is_(None), col(Parcel.next_poll_at) <= now)
            parcels = session.exec(select(Parcel).where(col(Parcel.id).in_(theirs)).where(due)).all()
            work = [
                (parcel.id, theirs[parcel.id] or "", session.get_one(Retailer, parcel.retailer_id))
                for parcel in parcels
            ]
        for parcel_id, retailer_order_id, retailer in work:
            try:
                snapshot = self._shops(retailer).read_order(retailer_order_id)
            except TryLater as error:
                log.warning("action=follow_later parcel_id=%s why=%s", parcel_id, str(error)[:200])
                snapshot = None
            except Exception as error:  # noqa: BLE001 - one order's surprise must not hold up the others
                log_failure(log, error, "action=follow_failed parcel_id=%s", parcel_id)
                snapshot = None
            self._apply(parcel_id, snapshot)
        return len(work) + self._note_refunds(now)

    def _note_refunds(self, now: datetime) -> int:
        with self._database.read() as session:
            fresh = [refund for refund in late_refunds(session, now) if refund not in self._noted]
        for retailer_order_id, refunded_minor in fresh:
            with self._database.write() as session:
                note_refund(session, retailer_order_id, now)
            self._noted.add((retailer_order_id, refunded_minor))
        return len(fresh)

    def hint(self, retailer_order_id: str) -> bool:
        """A webhook spoke of this order: ask soon. Returns whether an order of ours under way is meant."""
        ours = select(PurchaseOrder.parcel_id).where(
            PurchaseOrder.retailer_order_id == retailer_order_id, _FOLLOWED
        )
        with self._database.write() as session:
            result = session.execute(
                update(Parcel).where(col(Parcel.id).in_(ours)).values(next_poll_at=self._clock.now())
            )
            return bool(getattr(result, "rowcount", 0))

    def _apply(self, parcel_id: str, snapshot: OrderSnapshot | None) -> None:
        now = self._clock.now()
        with self._database.write() as session:
            parcel = session.get_one(Parcel, parcel_id)
            if snapshot is not None:
                for order in orders_in(session, parcel):
                    if order.retailer_order_id == snapshot.retailer_order_id:
                        apply_snapshot(session, order, snapshot, now)
            pause = max(_POLL_EVERY, timedelta(seconds=_POLL_AT_MOST_EVERY_S * self._clock.speed))
            parcel.next_poll_at = now + pause
            session.add(parcel)


def apply_snapshot(session: Session, order: PurchaseOrder, snapshot: OrderSnapshot, now: datetime) -> None:
    """Move an order to where the retailer says it is; never back, and every state on the way is kept."""
    event = _EVENT_OF.get(snapshot.progress)
    if order.problem == Problem.UNACKNOWLEDGED and event is not Event.MISMATCH:
        move(session, order, Event.FIND, now, snapshot.note)  # it was seen after all
    if event is None or not may(State(order.state), event):
        return
    if event is Event.MISMATCH:
        move(session, order, event, now, Problem.UNACKNOWLEDGED.value)
        order.problem = Problem.UNACKNOWLEDGED
        session.add(order)
        notify_of_order(session, order, "order_unacknowledged", now)
        return
    if event is Event.DELIVER and order.state == State.PLACED:
        move(session, order, Event.SHIP, now, snapshot.note)
    move(session, order, event, now, snapshot.note)
    log.info("action=order_followed order_id=%s state=%s", order.id, order.state)
    if event is Event.READY:
        notify_of_order(session, order, "order_ready", now, place=order.pickup_location or "")
    slot = session.get_one(Slot, order.slot_id)
    if order.state == State.DELIVERED and slot.capacity is None:
        # No sensor will ever see the pack being fitted: delivery is all that can be known (docs/adr/0013).
        move(session, order, Event.FIT, now, "no sensor: delivered is done")
    slot.due_at = now
    session.add(slot)
