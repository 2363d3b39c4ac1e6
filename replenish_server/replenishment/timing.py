"""PURE: when a household wants its orders to leave, and what each choice is said to mean."""

from dataclasses import dataclass
from enum import StrEnum


class Timing(StrEnum):
    """When an order should leave, in a household's words."""

    EARLY = "early"
    BALANCED = "balanced"
    LATE = "late"


ACCEPTED_RISK = {Timing.EARLY: 0.02, Timing.BALANCED: 0.048, Timing.LATE: 0.091}
"""Chance of running out before the parcel comes: a stock-out day weighs 49, 20 or 10 days of cover."""


@dataclass(frozen=True)
class TimingOutcome:
    """What one choice means for a slot.

    Args:
        accepted_risk: chance of running out while waiting for a parcel.
        cover_days: what will be left, on average, when the parcel comes, as days of use.
        out_once_in_years: how often it will have run out by then; at most a thousand.
        order_at_share: the stock at which the order leaves, over what is on hand now.
    """

    accepted_risk: float
    cover_days: float
    out_once_in_years: float
    order_at_share: float
