"""A decision to buy, as the policy makes them, for pages that have to tell it."""

from replenish_server.households.mandate import Verdict
from replenish_server.replenishment.decision import Decision, Kind, Trigger


def a_decision() -> Decision:
    """Two packs for a level that is low."""
    return Decision(
        kind=Kind.ORDER,
        trigger=Trigger.LEVEL,
        packs=2,
        unit="mg",
        pack_amount=1_000_000,
        verdicts=(Verdict("no_open_order", ok=True, numbers={"state": None}),),
        level=300_000,
        threshold=400_000,
        reorder_point=400_000,
        rate_per_day=40_000.0,
        run_out_days=(4.0, 7.5, 12.0),
        lead_time_days=2.0,
        price_cap_minor=3000,
        currency="EUR",
    )
