"""Shadow mode: the orders that were not made, kept beside what the household did without them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from replenish_server.database import Prepared
from replenish_server.fleet.tables import Slot
from replenish_server.inventory import LevelHistory
from replenish_server.replenishment.decision import Decision
from replenish_server.replenishment.tables import ShadowOrder
from replenish_server.replenishment.trial import EMPTY_SHARE, TrialOrder

_OPEN: Prepared[ShadowOrder] = Prepared(
    select(ShadowOrder).where(
        col(ShadowOrder.slot_id) == bindparam("slot_id"), col(ShadowOrder.closed_at).is_(None)
    )
)


def open_shadow(session: Session, slot_id: str) -> ShadowOrder | None:
    """The slot's trial order that no refill has ended yet."""
    return _OPEN.first(session, slot_id=slot_id)


def keep_shadow(session: Session, slot: Slot, decision: Decision, decision_id: str, now: datetime) -> None:
    """Write down what a decision in shadow would have ordered; until a refill is seen there is no other."""
    lead_days = decision.lead_time_days or 0.0
    session.add(
        ShadowOrder(
            decision_id=decision_id,
            slot_id=slot.id,
            household_id=slot.household_id,
            product_name=decision.product_name or slot.product_name,
            packs=decision.packs,
            price_minor=decision.estimate_minor,
            price_at=None if decision.estimate_at is None else datetime.fromisoformat(decision.estimate_at),
            currency=decision.currency or "EUR",
            at=now,
            arrives_at=now + timedelta(days=lead_days),
        )
    )
    session.flush()


def follow_shadow(session: Session, slot: Slot, history: LevelHistory, now: datetime) -> bool:
    """See what the household did without the slot's trial order: run empty, filled from elsewhere.

    Without a sensor it ends when its parcel would have come. Returns whether one has ended now.
    """
    row = open_shadow(session, slot.id)
    if row is None:
        return False
    if slot.capacity is None:
        row.closed_at = now if now >= row.arrives_at else None
    else:
        refill = next((refill.at for refill in history.refills if refill.at > row.at), None)
        if row.emptied_at is None:
            row.emptied_at = _emptied(history.points, slot.capacity, row.at, refill or now)
        if refill is not None:
            row.refilled_at, row.closed_at = refill, now
    session.add(row)
    session.flush()
    return row.closed_at is not None


def shadow_orders(session: Session, household_id: str) -> list[ShadowOrder]:
    """Every trial order of a household, newest first."""
    query = select(ShadowOrder).where(ShadowOrder.household_id == household_id)
    return list(session.exec(query.order_by(col(ShadowOrder.at).desc())))


def as_trial(row: ShadowOrder) -> TrialOrder:
    """What its outcome is judged by."""
    return TrialOrder(row.at, row.arrives_at, row.emptied_at, row.refilled_at)


def _emptied(
    points: Sequence[tuple[datetime, int]], capacity: int, since: datetime, until: datetime
) -> datetime | None:
    return next((at for at, level in points if since < at < until and level <= EMPTY_SHARE * capacity), None)
