"""PURE: pulling an order forward, so that it travels with another one to the same retailer.

A slot that would order within the household's window may order now: it then holds more cover than it needs,
and its risk of running out is smaller than the accepted one. It never waits for others.
"""

from dataclasses import replace
from datetime import datetime
from math import ceil

from replenish_server.households.mandate import Verdict
from replenish_server.replenishment.decision import Decision, Kind, Trigger
from replenish_server.replenishment.outlook import FULL_SHARE, SlotFacts
from replenish_server.replenishment.policy import decide_on_level


def pull_forward(facts: SlotFacts, held: Decision, window_days: int, now: datetime) -> Decision | None:
    """The order of a slot that has enough for now, if its own day lies within the window.

    All evidence is asked for as ever, at a reorder point that lies higher by the window's use.

    Args:
        facts: the slot.
        held: what was decided on its level.
        window_days: by how many days an order may leave early; 0 pulls nothing.
        now: the moment.

    Returns:
        None when it is not pulled: its day is further off, the evidence is not there, or nothing may leave.
    """
    refusal, position, rate = held.refused_by(), facts.position.total, held.rate_per_day
    if refusal is None or refusal.rule != "below_reorder_point" or window_days <= 0 or not rate:
        return None
    if position is None or held.reorder_point is None or facts.capacity is None or facts.run_out is None:
        return None
    most = facts.capacity * FULL_SHARE[0] // FULL_SHARE[1]
    point = min(held.reorder_point + ceil(rate * window_days), most)
    pulled = decide_on_level(replace(facts, threshold=max(point, facts.threshold or 0)), now)
    if pulled.kind not in (Kind.ORDER, Kind.ASK):
        return None
    from replenish_server.replenishment.risk import risk_before_parcel  # with numpy

    days_early = (position - held.reorder_point) / rate
    then = risk_before_parcel(
        facts.run_out.days, facts.lead_time, held.reorder_point / max(facts.run_out.amount, 1e-9)
    )
    travels = Verdict(
        "basket",
        True,
        {
            "days_early": round(days_early, 1),
            "window_days": window_days,
            "risk_percent": round(100 * (held.risk or 0.0), 1),
            "risk_then_percent": round(100 * then, 1),
        },
    )
    return replace(
        pulled,
        trigger=Trigger.BASKET,
        threshold=facts.threshold,
        reorder_point=held.reorder_point,
        verdicts=tuple(travels if v.rule == "below_reorder_point" else v for v in pulled.verdicts),
    )
