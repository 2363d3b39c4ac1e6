"""What happens to orders when nobody acts: passes every deadline that is due, each in one transaction.

Level-triggered: what is due is a column, so what came due while nothing ran is passed at the next look.
"""

import logging
from datetime import UTC, datetime, timedelta

from sqlmodel import Session, col, select

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.fleet.tables import Slot
from replenish_server.ordering.deadlines import ATTENTION_ENDS, Deadline, next_deadline
from replenish_server.ordering.order_notices import notify_of_order
from replenish_server.ordering.orders import move, plan, waiting_of
from replenish_server.ordering.states import OPEN, Event, State
from replenish_server.ordering.tables import Parcel, PurchaseOrder

log = logging.getLogger(__name__)

_BATCH = 500
_AHEAD_AT_MOST = timedelta(minutes=10)  # what clocks of several processes and NTP's small steps are apart
_LONGEST_PAUSE = timedelta(days=1)  # between two tries of a conversation, or two looks at an order

_ENDINGS = {
    State.PROPOSED: ("order_expired", "nobody answered in time"),
    State.NEEDS_APPROVAL: ("order_expired", "nobody answered in time"),
    State.NEEDS_ATTENTION: ("order_given_up", "nobody answered in time"),
    State.DELIVERED: (None, "the time to ask is over"),
}


class Timekeeper:
    """Passes deadlines.

    Args:
        database: where orders are.
        clock: the server's clock.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._looked_at = datetime.min.replace(tzinfo=UTC)

    def plan_all(self) -> None:
        """At start, and after the clock was put back: every open order knows its next deadline by it."""
        self._looked_at = now = self._clock.now()
        with self._database.write() as session:
            for order in session.exec(select(PurchaseOrder).where(col(PurchaseOrder.state).in_(OPEN))):
                if _bring_back(session, order, now) or order.deadline_at is None:
                    plan(order)
                    session.add(order)

    def run(self) -> int:
        """Pass every deadline that is due; returns how many there were."""
        now = self._clock.now()
        if now + _AHEAD_AT_MOST < self._looked_at:
            self.plan_all()
        self._looked_at = now
        with self._database.read() as session:
            due = (col(PurchaseOrder.deadline_at) <= now) & col(PurchaseOrder.state).in_(OPEN)
            query = select(PurchaseOrder.id).where(due).order_by(col(PurchaseOrder.deadline_at)).limit(_BATCH)
            ids = list(session.exec(query))
        passed = 0
        for order_id in ids:
            with self._database.write() as session:
                passed += pass_deadline(session, session.get_one(PurchaseOrder, order_id), now)
        return passed


def _bring_back(session: Session, order: PurchaseOrder, now: datetime) -> bool:
    """Move what a clock that was ahead wrote into the future back by as much; whether that was needed.

    Left alone, such an order would wait for that clock's date to come, and its slot with it.
    """
    parcel = session.get_one(Parcel, order.parcel_id)
    farthest = now + _LONGEST_PAUSE
    if parcel.next_try_at is not None and parcel.next_try_at > farthest:
        parcel.next_try_at = now  # who has a reason to hold it longer does so again
    if parcel.next_poll_at is not None and parcel.next_poll_at > farthest:
        parcel.next_poll_at = now
    if parcel.lease_until is not None and parcel.lease_until > farthest:
        parcel.lease_until = None  # the fence keeps whoever had it from doing more
    session.add(parcel)
    ahead = order.state_since - now
    if ahead <= _AHEAD_AT_MOST:
        return False
    log.warning("action=clock_was_ahead order_id=%s hours=%.1f", order.id, ahead.total_seconds() / 3600)
    order.state_since = now
    order.leaves_at = None if order.leaves_at is None else order.leaves_at - ahead
    order.hold_until = None if order.hold_until is None else order.hold_until - ahead
    return True


def pass_deadline(session: Session, order: PurchaseOrder, now: datetime) -> bool:
    """Do what the order's next deadline brings, if it is due; returns whether it was."""
    ahead = next_deadline(waiting_of(order))
    if ahead is None or ahead[0] > now or (order.deadline_at is not None and order.deadline_at > now):
        return False
    what = ahead[1]
    log.info("action=deadline_passed order_id=%s state=%s what=%s", order.id, order.state, what.value)
    if what is Deadline.LEAVE:
        _leave(session, order, now)
    elif what is Deadline.END:
        _end(session, order, now)
    else:
        _remind(session, order, what, now)
    return True


def _leave(session: Session, order: PurchaseOrder, now: datetime) -> None:
    """The cooling-off is over. Where the stock allows it, wait for others that leave soon: one parcel."""
    others = select(PurchaseOrder.leaves_at).where(
        PurchaseOrder.household_id == order.household_id,
        PurchaseOrder.retailer_id == order.retailer_id,
        PurchaseOrder.state == State.COOLING_OFF,
        PurchaseOrder.item_id != order.item_id,
        col(PurchaseOrder.leaves_at) > now,
        col(PurchaseOrder.leaves_at) <= (order.hold_until or now),
    )
    soon = [moment for moment in session.exec(others) if moment is not None]
    if soon:
        order.deadline_at = max(soon)
        session.add(order)
    else:
        move(session, order, Event.TIME_OUT, now, "nobody canceled it")


def _end(session: Session, order: PurchaseOrder, now: datetime) -> None:
    kind, note = _ENDINGS[State(order.state)]
    if kind is not None:
        notify_of_order(session, order, kind, now)
    move(session, order, Event.TIME_OUT, now, note)
    slot = session.get_one(Slot, order.slot_id)
    slot.due_at = now
    session.add(slot)


def _remind(session: Session, order: PurchaseOrder, what: Deadline, now: datetime) -> None:
    if what is Deadline.ASK_ARRIVED:
        waits = order.state == State.READY_FOR_PICKUP
        kind = "order_pickup_waits" if waits else "order_overdue"
        notify_of_order(
            session, order, kind, now, since_at=order.state_since, place=order.pickup_location or ""
        )
    elif what is Deadline.ASK_FITTED:
        notify_of_order(session, order, "order_unfitted", now)
    elif waiting_of(order).outcome_unknown:
        notify_of_order(session, order, "order_unknown_reminder", now)
    else:
        notify_of_order(session, order, "order_reminder", now, ends_at=order.state_since + ATTENTION_ENDS)
    order.reminders += 1
    plan(order)
    session.add(order)
