"""What happens to orders when nobody acts: passes every deadline that is due, each in one transaction.

Level-triggered: what is due is a column, so what came due while nothing ran is passed at the next look.
"""

import logging
from datetime import datetime

from sqlmodel import Session, col, select

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.fleet.tables import Slot
from replenish_server.ordering.deadlines import ATTENTION_ENDS, Deadline, next_deadline
from replenish_server.ordering.news import tell
from replenish_server.ordering.orders import move, plan, waiting_of
from replenish_server.ordering.states import OPEN, Event, State
from replenish_server.ordering.tables import PurchaseOrder

log = logging.getLogger(__name__)

_BATCH = 500

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

    def plan_all(self) -> None:
        """At start: every open order knows its next deadline, those from before there were deadlines too."""
        with self._database.write() as session:
            for order in session.exec(select(PurchaseOrder).where(col(PurchaseOrder.state).in_(OPEN))):
                if order.deadline_at is None:
                    plan(order)
                    session.add(order)

    def run(self) -> int:
        """Pass every deadline that is due; returns how many there were."""
        now = self._clock.now()
        with self._database.read() as session:
            due = (col(PurchaseOrder.deadline_at) <= now) & col(PurchaseOrder.state).in_(OPEN)
            query = select(PurchaseOrder.id).where(due).order_by(col(PurchaseOrder.deadline_at)).limit(_BATCH)
            ids = list(session.exec(query))
        passed = 0
        for order_id in ids:
            with self._database.write() as session:
                passed += pass_deadline(session, session.get_one(PurchaseOrder, order_id), now)
        return passed


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
        tell(session, order, kind, now)
    move(session, order, Event.TIME_OUT, now, note)
    slot = session.get_one(Slot, order.slot_id)
    slot.due_at = now
    session.add(slot)


def _remind(session: Session, order: PurchaseOrder, what: Deadline, now: datetime) -> None:
    if what is Deadline.ASK_ARRIVED:
        waits = order.state == State.READY_FOR_PICKUP
        kind = "order_pickup_waits" if waits else "order_overdue"
        tell(session, order, kind, now, since_at=order.state_since, place=order.pickup_location or "")
    elif what is Deadline.ASK_FITTED:
        tell(session, order, "order_unfitted", now)
    elif waiting_of(order).outcome_unknown:
        tell(session, order, "order_unknown_reminder", now)
    else:
        tell(session, order, "order_reminder", now, ends_at=order.state_since + ATTENTION_ENDS)
    order.reminders += 1
    plan(order)
    session.add(order)
