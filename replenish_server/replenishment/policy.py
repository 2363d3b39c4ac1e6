"""PURE: the decision for one slot at one moment, with every number and every rule's verdict.

Source: reorder point and order-up-to level of periodic review under a service level (Silver, Pyke,
Thomas, Inventory and Production Management in Supply Chains); the evidence rules are docs/glossary.md's
"good reading" and the laws 5 and 6 of docs/architecture.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil

import numpy as np

from replenish_server.forecast import QUANTILES, Consumption, demand_quantile, run_out_days
from replenish_server.households.mandate import Mandate, Mode, Verdict
from replenish_server.inventory import StockPosition

LOW_READINGS_NEEDED = 3
LOW_READINGS_SPREAD = timedelta(hours=1)
FRESH_FOR = timedelta(hours=26)  # a daily report and two hours of slack
REVIEW_GAP_DAYS = 1.0  # a level sensor reports at least daily: no chance to order in between
SERVICE_LEVEL = 0.95  # run out at most in one of twenty cycles
MAX_PACKS = 10  # a nonsensical pack size must not turn into a lorry


class Kind(StrEnum):
    """What was decided."""

    HOLD = "hold"
    ORDER = "order"
    ASK = "ask"


class Trigger(StrEnum):
    """What made the slot want more."""

    LEVEL = "level"
    PRESS = "press"


@dataclass(frozen=True)
class LeadTime:
    """Days from order to delivery, learnt per retailer.

    Args:
        days: mean.
        days_sd: standard deviation.
        deliveries: how many were seen.
    """

    days: float
    days_sd: float
    deliveries: int


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
        consumption: rate of use; None for a button.
        lead_time: of the slot's retailer.
        mandate: the slot's mandate.
        open_order: state of the open order, or None.
    """

    unit: str
    capacity: int | None
    threshold: int | None
    pack_amount: int
    position: StockPosition
    level_as_of: datetime | None
    trailing: Sequence[tuple[datetime, int]]
    consumption: Consumption | None
    lead_time: LeadTime
    mandate: Mandate
    open_order: str | None


@dataclass(frozen=True)
class Decision:
    """A decision with all that it rests on. Quantities are in the slot's base unit, times in days.

    `run_out_days` holds the 10, 50 and 90 % quantiles of the days until what is on hand is used up.
    """

    kind: Kind
    trigger: Trigger
    packs: int
    unit: str
    pack_amount: int
    verdicts: tuple[Verdict, ...]
    level: int | None = None
    level_age_hours: float | None = None
    spare: int = 0
    on_order: int = 0
    threshold: int | None = None
    reorder_point: int | None = None
    order_up_to: int | None = None
    rate_per_day: float | None = None
    rate_sd: float | None = None
    run_out_days: tuple[float, float, float] | None = None
    lead_time_days: float | None = None
    service_level: float | None = None
    price_cap_minor: int | None = None
    currency: str | None = None
    low_readings: int | None = None
    press_age_minutes: int | None = field(default=None)

    def refused_by(self) -> Verdict | None:
        """The first rule that said no, which is the reason to name."""
        return next((verdict for verdict in self.verdicts if not verdict.ok), None)


def decide_on_level(facts: SlotFacts, now: datetime) -> Decision:
    """Whether the level alone calls for an order.

    Args:
        facts: the slot; `capacity`, `threshold` and `consumption` are needed.
        now: the moment of the decision.

    Raises:
        ValueError: the slot has no sensor.
    """
    if facts.capacity is None or facts.threshold is None or facts.consumption is None:
        raise ValueError("a slot without a sensor cannot be judged by its level")
    use, lead = facts.consumption, facts.lead_time
    computed = demand_quantile(
        use.rate_per_day,
        use.rate_sd,
        use.daily_sd,
        lead.days + REVIEW_GAP_DAYS,
        lead.days_sd,
        SERVICE_LEVEL,
    )
    # The computed point stays below the container, so that a full one never orders; what the person
    # set is a floor under it.
    reorder_point = max(facts.threshold, min(ceil(computed), facts.capacity * 9 // 10))
    order_up_to = facts.capacity
    position = facts.position.total
    low = _low_run(facts.trailing, reorder_point - facts.position.spare - facts.position.on_order)
    verdicts = (
        _open_order_verdict(facts),
        _known_verdict(facts),
        _fresh_verdict(facts, now),
        Verdict(
            "below_reorder_point",
            position is not None and position <= reorder_point,
            {"position": position, "reorder_point": reorder_point, "threshold": facts.threshold},
        ),
        _evidence_verdict(low),
        _mandate_verdict(facts.mandate),
    )
    wanted = all(verdict.ok for verdict in verdicts[:-1])
    packs = _packs(order_up_to, position, facts.pack_amount) if wanted else 0
    on_hand = facts.position.on_hand
    return Decision(
        kind=_kind(wanted, verdicts[-1].ok),
        trigger=Trigger.LEVEL,
        packs=packs,
        unit=facts.unit,
        pack_amount=facts.pack_amount,
        verdicts=verdicts,
        level=facts.position.loaded,
        level_age_hours=_age_hours(facts.level_as_of, now),
        spare=facts.position.spare,
        on_order=facts.position.on_order,
        threshold=facts.threshold,
        reorder_point=reorder_point,
        order_up_to=order_up_to,
        rate_per_day=use.rate_per_day,
        rate_sd=use.rate_sd,
        run_out_days=None if on_hand is None else _run_out(on_hand, use),
        lead_time_days=lead.days,
        service_level=SERVICE_LEVEL,
        price_cap_minor=facts.mandate.price_cap_minor,
        currency=facts.mandate.currency,
        low_readings=len(low),
    )


def decide_on_press(facts: SlotFacts, late: bool, age: timedelta) -> Decision:
    """What a press leads to: one pack, unless one is already on its way.

    Args:
        facts: the slot.
        late: the press came retained or older than its age limit, so it may only ask.
        age: how long ago the press was.
    """
    verdicts = (
        _open_order_verdict(facts),
        Verdict("fresh_press", not late, {"age_minutes": round(age.total_seconds() / 60)}),
        _mandate_verdict(facts.mandate),
    )
    wanted = verdicts[0].ok
    return Decision(
        kind=_kind(wanted, verdicts[1].ok and verdicts[2].ok),
        trigger=Trigger.PRESS,
        packs=1 if wanted else 0,
        unit=facts.unit,
        pack_amount=facts.pack_amount,
        verdicts=verdicts,
        level=facts.position.loaded,
        spare=facts.position.spare,
        on_order=facts.position.on_order,
        lead_time_days=facts.lead_time.days,
        price_cap_minor=facts.mandate.price_cap_minor,
        currency=facts.mandate.currency,
        press_age_minutes=round(age.total_seconds() / 60),
    )


def _kind(wanted: bool, allowed: bool) -> Kind:
    if not wanted:
        return Kind.HOLD
    return Kind.ORDER if allowed else Kind.ASK


def _open_order_verdict(facts: SlotFacts) -> Verdict:
    return Verdict("no_open_order", facts.open_order is None, {"state": facts.open_order})


def _known_verdict(facts: SlotFacts) -> Verdict:
    return Verdict("level_known", facts.position.loaded is not None, {"level": facts.position.loaded})


def _fresh_verdict(facts: SlotFacts, now: datetime) -> Verdict:
    fresh = facts.level_as_of is not None and now - facts.level_as_of <= FRESH_FOR
    return Verdict(
        "fresh_reading",
        fresh,
        {
            "age_hours": _age_hours(facts.level_as_of, now),
            "limit_hours": round(FRESH_FOR.total_seconds() / 3600),
        },
    )


def _evidence_verdict(low: Sequence[tuple[datetime, int]]) -> Verdict:
    spread = low[-1][0] - low[0][0] if low else timedelta(0)
    return Verdict(
        "three_low_readings",
        len(low) >= LOW_READINGS_NEEDED and spread >= LOW_READINGS_SPREAD,
        {
            "readings": len(low),
            "needed": LOW_READINGS_NEEDED,
            "spread_minutes": round(spread.total_seconds() / 60),
            "spread_needed_minutes": round(LOW_READINGS_SPREAD.total_seconds() / 60),
        },
    )


def _mandate_verdict(mandate: Mandate) -> Verdict:
    ok = mandate.mode is Mode.AUTO and mandate.price_cap_minor is not None
    return Verdict(
        "mandate",
        ok,
        {"mode": mandate.mode.value, "cap_minor": mandate.price_cap_minor, "currency": mandate.currency},
    )


def _low_run(trailing: Sequence[tuple[datetime, int]], limit: int) -> list[tuple[datetime, int]]:
    """The unbroken run of readings at or under `limit` at the end."""
    run: list[tuple[datetime, int]] = []
    for at, level in reversed(trailing):
        if level > limit:
            break
        run.append((at, level))
    return run[::-1]


def _packs(order_up_to: int, position: int | None, pack_amount: int) -> int:
    missing = order_up_to - (position or 0)
    return min(MAX_PACKS, max(1, ceil(missing / pack_amount)))


def _run_out(on_hand: int, use: Consumption) -> tuple[float, float, float]:
    row = run_out_days(
        np.array([float(on_hand)]),
        np.array([use.rate_per_day]),
        np.array([use.rate_sd]),
        np.array([use.daily_sd]),
    )[0]
    early, median, late = (float(row[int(np.searchsorted(QUANTILES, q))]) for q in (0.1, 0.5, 0.9))
    return early, median, late


def _age_hours(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else round((now - at).total_seconds() / 3600, 1)
