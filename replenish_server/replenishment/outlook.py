"""PURE: what is known of a slot, and what its forecast means for the stock at which an order should leave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil

from replenish_server.forecast.run_out import RunOut
from replenish_server.households.judge import Spending
from replenish_server.households.mandate import Mandate
from replenish_server.inventory import StockPosition
from replenish_server.replenishment.lead_time import LeadTime
from replenish_server.replenishment.quantity import Offer
from replenish_server.replenishment.timing import ACCEPTED_RISK, Timing, TimingOutcome

FULL_SHARE = (9, 10)  # the computed point stays below this share of the container: a full one never orders


@dataclass(frozen=True)
class SlotFacts:
    """Everything the policy looks at, for one slot.

    Args:
        unit: base unit of the slot.
        capacity: base units when full; None for a button.
        threshold: what the person set, base units; None for a button.
        pack_amount: base units in a pack.
        position: stock position.
        level_as_of: newest good reading, or None.
        trailing: unbroken run of good readings at the end, oldest first.
        run_out: forecast for what is loaded; None while the level is unknown, and for a button.
        lead_time: of the slot's retailer.
        mandate: the slot's mandate.
        open_order: state of the open order, or None.
        timing: when the household wants orders to leave.
        offers: acceptable packs in order of preference, at least one.
        storage_limit: base units that the household can keep in all, or None.
        shelf_life_days: how long a pack keeps, or None.
        known_share: how much of the last week is known, 0 to 1; None for a slot without a sensor.
        points: (when, level) of the last two days' usable readings, oldest first.
        counted: whether the level is what a unit held less what was counted, instead of measured.
        shops: names of retailers by id.
        spending: the months that an order would count in, the home's and the slot's.
    """

    unit: str
    capacity: int | None
    threshold: int | None
    pack_amount: int
    position: StockPosition
    level_as_of: datetime | None
    trailing: Sequence[tuple[datetime, int]]
    run_out: RunOut | None
    lead_time: LeadTime
    mandate: Mandate
    open_order: str | None
    timing: Timing = Timing.BALANCED
    offers: Sequence[Offer] = ()
    storage_limit: int | None = None
    shelf_life_days: float | None = None
    known_share: float | None = None
    points: Sequence[tuple[datetime, int]] = ()
    counted: bool = False
    shops: Mapping[str, str] = field(default_factory=dict)
    spending: tuple[Spending, ...] = ()


@dataclass(frozen=True)
class Outlook:
    """What the forecast means for a slot's stock.

    Args:
        run_out: for what is on hand: loaded and spare.
        reorder_point: stock position at which an order leaves, base units.
        risk: chance that what is on hand is used up before a parcel ordered at the next look comes.
        outcome: of the timing.
    """

    run_out: RunOut
    reorder_point: int
    risk: float
    outcome: TimingOutcome


def look_ahead(facts: SlotFacts, timing: Timing | None = None) -> Outlook | None:
    """The reorder point and what it costs, for the household's timing or another one.

    The point lies where the risk is what the household accepts, but never below its threshold, and below the
    full container.

    Returns:
        None while the level is unknown, and for a slot without a sensor.
    """
    on_hand, base = facts.position.on_hand, facts.run_out
    if base is None or on_hand is None or facts.capacity is None or facts.threshold is None:
        return None
    from replenish_server.replenishment.risk import risk_before_parcel, timing_outcome  # with numpy

    accepted = ACCEPTED_RISK[timing or facts.timing]
    cycle_days = facts.pack_amount / max(base.rate_per_day, 1e-9)
    outcome = timing_outcome(base.days, facts.lead_time, accepted, cycle_days)
    most = facts.capacity * FULL_SHARE[0] // FULL_SHARE[1]
    point = max(facts.threshold, min(ceil(outcome.order_at_share * base.amount), most))
    risk = risk_before_parcel(base.days, facts.lead_time, on_hand / base.amount)
    return Outlook(base.of(on_hand), point, risk, outcome)
