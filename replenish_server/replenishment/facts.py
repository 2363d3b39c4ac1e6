"""Gathering what the policy looks at from the tables of the rooms below. It decides nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import mean, stdev

from sqlmodel import Session, col, select

from replenish_server.fleet.tables import Slot
from replenish_server.fleet.units import BY_BASE
from replenish_server.forecast import estimate_consumption
from replenish_server.households.mandate import Mandate, Mode
from replenish_server.households.tables import SlotMandate
from replenish_server.inventory import LevelHistory, LevelSample, read_levels, stock_position
from replenish_server.ordering.states import UNDERWAY, State
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.policy import LeadTime, SlotFacts
from replenish_server.telemetry.tables import Reading

HISTORY = timedelta(days=90)
_LEAD_PRIOR = LeadTime(days=2.0, days_sd=1.0, deliveries=0)  # before the first delivery: a usual parcel
_LEAD_PRIOR_WEIGHT = 2
_LEAD_MEMORY = 20
_NO_HISTORY = LevelHistory(None, None, (), (), (), ())


@dataclass(frozen=True)
class SlotInsight:
    """The facts, and the history behind them for those who draw it."""

    facts: SlotFacts
    history: LevelHistory


def level_samples(session: Session, slot: Slot, since: datetime) -> list[LevelSample]:
    """The slot's level readings since a moment, in base units."""
    factor = BY_BASE[slot.unit].factor
    query = (
        select(Reading)
        .where(Reading.device_id == slot.device_id, Reading.slot_key == slot.key)
        .where(col(Reading.type).in_(("level", "refill")), col(Reading.occurred_at) >= since)
    )
    return [
        LevelSample(
            at=reading.occurred_at,
            boot=reading.boot,
            seq=reading.seq,
            level=None if reading.number is None else reading.number * factor,
            good=reading.quality == "ok" and not reading.late,
            retained=reading.late,
        )
        for reading in session.exec(query)
    ]


def gather(session: Session, slot: Slot, order: PurchaseOrder | None, now: datetime) -> SlotInsight:
    """Everything that the policy needs about one slot.

    Args:
        session: a unit of work.
        slot: the slot.
        order: its open order, or None.
        now: the moment of the decision.
    """
    history, use = _NO_HISTORY, None
    if slot.capacity is not None:
        history = read_levels(level_samples(session, slot, now - HISTORY), slot.capacity)
        use = estimate_consumption(history.daily_use, slot.capacity, slot.category)
    mandate = session.get_one(SlotMandate, slot.id)
    coming = order.packs if order is not None and order.state in (*UNDERWAY, State.PLACING) else 0
    spare = order.packs if order is not None and order.state == State.DELIVERED else 0
    facts = SlotFacts(
        unit=slot.unit,
        capacity=slot.capacity,
        threshold=slot.threshold,
        pack_amount=slot.pack_amount,
        position=stock_position(history.level, slot.pack_amount, spare, coming),
        level_as_of=history.as_of,
        trailing=history.trailing,
        consumption=use,
        lead_time=lead_time(session, slot.retailer_id),
        mandate=Mandate(Mode(mandate.mode), mandate.price_cap_minor, mandate.currency),
        open_order=None if order is None else order.state,
    )
    return SlotInsight(facts, history)


def lead_time(session: Session, retailer_id: str) -> LeadTime:
    """Days from order to delivery at a retailer, shrunk toward a usual parcel."""
    query = (
        select(PurchaseOrder.placed_at, PurchaseOrder.delivered_at)
        .where(PurchaseOrder.retailer_id == retailer_id, col(PurchaseOrder.delivered_at).is_not(None))
        .order_by(col(PurchaseOrder.delivered_at).desc())
        .limit(_LEAD_MEMORY)
    )
    seen = [
        (delivered - placed).total_seconds() / 86_400
        for placed, delivered in session.exec(query)
        if placed is not None and delivered is not None
    ]
    if not seen:
        return _LEAD_PRIOR
    weight = _LEAD_PRIOR_WEIGHT
    days = (sum(seen) + weight * _LEAD_PRIOR.days) / (len(seen) + weight)
    spread = stdev(seen) if len(seen) > 1 else abs(mean(seen) - _LEAD_PRIOR.days) / 2
    days_sd = (len(seen) * spread + weight * _LEAD_PRIOR.days_sd) / (len(seen) + weight)
    return LeadTime(days, days_sd, len(seen))
