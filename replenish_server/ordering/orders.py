"""Opening an order, moving it, and what a person may do with it. No network here."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from replenish_server.database import Prepared, add_row, append
from replenish_server.fleet.tables import Slot
from replenish_server.households.ledger import release, settle
from replenish_server.ids import DecisionId, OrderId, new_id
from replenish_server.ordering import rules
from replenish_server.ordering.deadlines import Waiting, next_deadline
from replenish_server.ordering.order_notices import notify_of_order, stop_asking
from replenish_server.ordering.parcels import (
    completed_of,
    may_have_left,
    new_parcel,
    orders_in,
    parcel_of,
    part,
)
from replenish_server.ordering.rules import attempt_after_approval
from replenish_server.ordering.states import ENDED, OPEN, Event, State, after, may
from replenish_server.ordering.tables import OrderEvent, PurchaseOrder
from replenish_server.retailers.feed.messages import call_off
from replenish_server.retailers.port import Problem

SKIPPED_FOR = timedelta(days=7)


@dataclass(frozen=True)
class NewOrder:
    """What a decision to buy amounts to.

    Args:
        slot_id: for which slot.
        household_id: of whom.
        retailer_id: where.
        decision_id: why.
        trigger: "level", "press" or "person".
        item_id: the retailer's id of the pack.
        product_name: as people call it.
        packs: how many.
        pack_amount: base units in one pack.
        currency: ISO 4217 of the mandate.
        approved: whether it may leave without a person.
        start: where it begins if `approved` does not say it all: proposed, or cooling off.
        leaves_at: when a cooling-off ends.
        hold_until: how long it may then wait for others to travel with.
        by: who wanted it, "" when no person did or nobody said who.
    """

    slot_id: str
    household_id: str
    retailer_id: str
    decision_id: DecisionId
    trigger: str
    item_id: str
    product_name: str
    packs: int
    pack_amount: int
    currency: str
    approved: bool
    start: State | None = None
    leaves_at: datetime | None = None
    hold_until: datetime | None = None
    by: str = ""


NOT_WAITED_FOR, BUTTON_PRESSED = "not waited for", "a press of the button"
"""Notes of a person who ended a cooling-off: in the page, or by a press."""


class NotAllowed(Exception):
    """A person asked for something that the order's state does not allow; the text says why."""


# Built once: a press waits for each of them, and to build one takes as long as to ask it.
_OPEN_OF_SLOT: Prepared[PurchaseOrder] = Prepared(
    select(PurchaseOrder).where(
        col(PurchaseOrder.slot_id) == bindparam("slot_id"), col(PurchaseOrder.state).in_(OPEN)
    )
)
_OPEN_OF_BUTTON: Prepared[PurchaseOrder] = Prepared(
    select(PurchaseOrder)
    .join(Slot, col(Slot.id) == col(PurchaseOrder.slot_id))
    .where(
        col(PurchaseOrder.household_id) == bindparam("household_id"),
        col(PurchaseOrder.state).in_(OPEN),
        (col(Slot.id) == bindparam("slot_id"))
        | (
            (col(Slot.retailer_id) == bindparam("retailer_id"))
            & (col(Slot.item_id) == bindparam("item_id"))  # the order may be for another product of the list
            & (col(Slot.name) == bindparam("name"))
            & col(Slot.capacity).is_(None)
        ),
    )
    .order_by(col(Slot.id) != bindparam("slot_id"), col(PurchaseOrder.created_at))
)
"""Its own order first, then the oldest of another one's."""


def open_order(session: Session, slot_id: str) -> PurchaseOrder | None:
    """The slot's open order; the index allows one at most."""
    return _OPEN_OF_SLOT.first(session, slot_id=slot_id)


def wanted_already(session: Session, slot: Slot) -> PurchaseOrder | None:
    """The open order that answers a press: the slot's own, or that of another button for the same supply.

    Two people at two buttons of the same name and product want one pack; under another name it is another
    place's supply. A slot with a sensor knows for itself what it needs.
    """
    if slot.capacity is not None:
        return open_order(session, slot.id)
    where = {"household_id": slot.household_id, "retailer_id": slot.retailer_id, "slot_id": slot.id}
    return _OPEN_OF_BUTTON.first(session, **where, item_id=slot.item_id, name=slot.name)


def create_order(session: Session, new: NewOrder, now: datetime) -> OrderId:
    """Write the order down; the dispatcher takes it from there.

    Raises:
        sqlalchemy.exc.IntegrityError: the slot has an open order (law 3).
    """
    state = new.start or (State.PLACING if new.approved else State.NEEDS_APPROVAL)
    order_id, ahead = OrderId(new_id("ord")), next_deadline(Waiting(state, now, leaves_at=new.leaves_at))
    add_row(
        session,
        PurchaseOrder,
        id=order_id,
        parcel_id=new_parcel(session, new.household_id, new.retailer_id, now),
        slot_id=new.slot_id,
        household_id=new.household_id,
        retailer_id=new.retailer_id,
        decision_id=new.decision_id,
        trigger=new.trigger,
        item_id=new.item_id,
        product_name=new.product_name,
        packs=new.packs,
        pack_amount=new.pack_amount,
        currency=new.currency,
        state=state.value,
        leaves_at=new.leaves_at,
        hold_until=new.hold_until,
        state_since=now,
        deadline_at=None if ahead is None else ahead[0],
        created_at=now,
    )
    append(session, OrderEvent, order_id=order_id, at=now, state=state, by=new.by)
    return order_id


def move(
    session: Session, order: PurchaseOrder, event: Event, now: datetime, note: str = "", by: str = ""
) -> None:
    """Let an event happen to an order, and keep it in its history with who did it ("" for nobody).

    Raises:
        Forbidden: see `ordering.states.after`.
    """
    state = after(State(order.state), event, order.placed_at is not None)
    if state != order.state:
        stop_asking(session, order, now)
    order.state, order.state_since, order.reminders, order.leaves_at = state, now, 0, None
    if state is not State.NEEDS_ATTENTION:
        order.problem = order.problem_detail = order.continue_url = None
    if state is State.PLACED:
        order.placed_at = order.placed_at or now
    elif state is State.SHIPPED:
        order.shipped_at = now
    elif state is State.DELIVERED:
        order.delivered_at = now
    elif state in ENDED:
        order.ended_at = now
    if event is Event.CANCEL and order.retailer_order_id is not None:
        call_off(session, order.retailer_id, order.retailer_order_id, order.item_id, now)
    plan(order)
    _book(session, order, now)
    session.add(order)
    session.add(OrderEvent(order_id=order.id, at=now, state=state, note=note[:300], by=by))


def _book(session: Session, order: PurchaseOrder, now: datetime) -> None:
    """The household's ledger follows the state: spent when placed, free when nothing came of it."""
    spent = order.total_minor if order.total_minor is not None else order.quoted_minor
    if order.state == State.PLACED and spent is not None:
        settle(session, order.id, spent, now)
    elif order.state in ENDED and order.state != State.CLOSED:
        release(session, order.id, now)


def waiting_of(order: PurchaseOrder) -> Waiting:
    """What the order's deadlines hang on."""
    return Waiting(
        State(order.state),
        order.state_since,
        order.reminders,
        order.leaves_at,
        order.problem == Problem.UNKNOWN_OUTCOME or order.placed_at is not None,
    )


def plan(order: PurchaseOrder) -> None:
    """Keep the moment of the order's next deadline."""
    ahead = next_deadline(waiting_of(order))
    order.deadline_at = None if ahead is None else ahead[0]


def can_approve(order: PurchaseOrder) -> bool:
    """Whether a person can say yes: the state allows it, and the price they would agree to is known."""
    at_retailer = order.placed_at is not None
    return may(State(order.state), Event.APPROVE, at_retailer) and order.quoted_minor is not None


def can_cancel(session: Session, order: PurchaseOrder) -> bool:
    """Whether the order can be stopped here; one that may have left is stopped at the retailer."""
    return order.id in cancelable(session, [order])


def cancelable(session: Session, orders: Collection[PurchaseOrder]) -> frozenset[str]:
    """The ids of those orders that can be stopped here."""
    placing = {order.parcel_id for order in orders if order.state == State.PLACING}
    completed = completed_of(session, placing) if placing else frozenset()
    return frozenset(
        order.id for order in orders if rules.can_cancel(State(order.state), order.parcel_id in completed)
    )


def leave_now(session: Session, order_id: str, now: datetime, by: str = "", note: str = "") -> None:
    """A person ends the cooling-off: the order leaves at once, under the mandate's own limits.

    Raises:
        NotAllowed: there is no such order, or it is not cooling off.
    """
    order = session.get(PurchaseOrder, order_id)
    if order is None or order.state != State.COOLING_OFF:
        raise NotAllowed("the order does not wait for its cooling-off to end")
    move(session, order, Event.APPROVE, now, note or NOT_WAITED_FOR, by)


def hold_at_most(session: Session, order: PurchaseOrder, until: datetime) -> None:
    """What is left went faster than expected: an order waits for others no longer than this.

    The time in which it can be canceled stays as the household was told.
    """
    if order.state != State.COOLING_OFF or order.hold_until is None or order.leaves_at is None:
        return
    latest = max(order.leaves_at, until)
    if latest < order.hold_until:
        order.hold_until = latest
        if order.deadline_at is not None:
            order.deadline_at = min(order.deadline_at, latest)
        session.add(order)


def skip(session: Session, order_id: str, now: datetime, by: str = "") -> None:
    """A person does not want it this time: canceled, and for a week the level alone orders nothing.

    Raises:
        NotAllowed: there is no such order, or it may already be at the retailer.
    """
    cancel(session, order_id, now, by)
    order = session.get_one(PurchaseOrder, order_id)
    order.skipped_until = now + SKIPPED_FOR
    session.add(order)


_SKIPPED: Prepared[datetime] = Prepared(
    select(PurchaseOrder.skipped_until).where(
        col(PurchaseOrder.slot_id) == bindparam("slot_id"), col(PurchaseOrder.skipped_until).is_not(None)
    )
)


def skipped_until(session: Session, slot_id: str) -> datetime | None:
    """Until when the slot's level orders nothing because a person skipped an order; None when nobody did."""
    return max(_SKIPPED.all(session, slot_id=slot_id), default=None)


def take_up(session: Session, order_id: str, now: datetime, by: str = "") -> None:
    """A person wants what was proposed: its price is asked for, and shown before anything is bought.

    Raises:
        NotAllowed: there is no such order, or it is not a proposal.
    """
    order = session.get(PurchaseOrder, order_id)
    if order is None or order.state != State.PROPOSED:
        raise NotAllowed("the order is not a proposal any more")
    move(session, order, Event.TAKE_UP, now, "wanted by a person", by)


def approve(session: Session, order_id: str, ceiling_minor: int, now: datetime, by: str = "") -> None:
    """A person agrees to pay at most what they were shown.

    Args:
        session: a writing unit of work.
        order_id: which order.
        ceiling_minor: the total that the person saw, in minor units of the order's currency.
        now: the moment.
        by: the person's name, "" when nobody had to say.

    Raises:
        NotAllowed: there is no such order, it waits for nobody, its price is not known yet, or the price
            has risen above what the person saw.
    """
    order = session.get(PurchaseOrder, order_id)
    if order is None:
        raise NotAllowed("there is no such order")
    if not can_approve(order):
        raise NotAllowed("the order does not wait for an approval, or its price is not known yet")
    if order.quoted_minor is None or order.quoted_minor > ceiling_minor:
        raise NotAllowed("the price is now above what was shown")
    order.approved_minor = ceiling_minor
    parcel = parcel_of(session, order)
    parcel.failures, parcel.next_try_at = 0, now
    session.add(parcel)
    if order.state != State.NEEDS_ATTENTION:
        move(session, order, Event.APPROVE, now, "approved by a person", by)
        return
    # A new session, unless it may have left; the dispatcher closes the old one before it opens it.
    left = may_have_left(session, parcel)
    parcel.attempt = attempt_after_approval(parcel.attempt, State(order.state), left)
    parcel.instrument = parcel.instrument if left else 0  # the person may have mended what was declined
    for one in orders_in(session, parcel):
        if one.state == State.NEEDS_ATTENTION:  # who shares an unknown outcome is looked up together
            move(session, one, Event.APPROVE, now, "approved by a person", by)


def cancel(session: Session, order_id: str, now: datetime, by: str = "") -> None:
    """A person stops an order.

    Raises:
        NotAllowed: there is no such order, or it may already be at the retailer.
    """
    order = session.get(PurchaseOrder, order_id)
    if order is None:
        raise NotAllowed("there is no such order")
    if not can_cancel(session, order):
        raise NotAllowed("the order is at the retailer; cancel it there")
    if order.state == State.PLACING:
        part(session, order, now)
    move(session, order, Event.CANCEL, now, "canceled by a person", by)


def stumble(
    session: Session,
    order: PurchaseOrder,
    problem: Problem,
    detail: str,
    continue_url: str | None,
    now: datetime,
) -> None:
    """Put an order before a person, with what went wrong."""
    move(session, order, Event.STUMBLE, now, problem.value)
    order.problem, order.problem_detail, order.continue_url = problem, detail, continue_url
    if problem is not Problem.UNKNOWN_OUTCOME:
        release(session, order.id, now)
    plan(order)
    session.add(order)
    notify_of_order(session, order, "order_attention", now)
