"""PURE: a decision for one slot at one moment, with every number and every rule's verdict."""

from dataclasses import dataclass
from enum import StrEnum

from replenish_server.households.mandate import Verdict
from replenish_server.replenishment.timing import Timing


class Kind(StrEnum):
    """What was decided."""

    HOLD = "hold"
    ORDER = "order"
    ASK = "ask"
    NOTIFY = "notify"
    SHADOW = "shadow"


class Trigger(StrEnum):
    """What made the slot want more."""

    LEVEL = "level"
    PRESS = "press"
    BASKET = "basket"
    PERSON = "person"


@dataclass(frozen=True)
class Decision:
    """A decision with all that it rests on. Quantities are in the slot's base unit, times in days.

    `run_out_days` holds the 10, 50 and 90 % quantiles of the days until what is on hand is used up,
    `rate_band` the uses per day that these days mean, from low to high. `risk` is the chance that it is used
    up before a parcel ordered at the next look would come, `accepted_risk` what the household's timing
    allows, `out_once_in_years` how often that means an empty container, `cover_days` what will be left when
    the parcel comes. `known_share` is how much of the last week good readings cover; `week_ratio` and
    `idle_days` say what drove the forecast (`forecast.RunOut`). `estimate_minor` is what the packs cost when
    their price was last seen, at `estimate_at` (ISO 8601). `mandate_digest` says which mandate was in force.
    `by` is who pressed or asked, if known.
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
    rate_band: tuple[float, float] | None = None
    run_out_days: tuple[float, float, float] | None = None
    days_known: int | None = None
    known_share: float | None = None
    week_ratio: float | None = None
    idle_days: int | None = None
    lead_time_days: float | None = None
    timing: Timing | None = None
    risk: float | None = None
    accepted_risk: float | None = None
    out_once_in_years: float | None = None
    cover_days: float | None = None
    limited_by: str | None = None
    item_id: str | None = None
    retailer_id: str | None = None
    product_name: str | None = None
    estimate_minor: int | None = None
    estimate_at: str | None = None
    mandate_digest: str | None = None
    price_cap_minor: int | None = None
    currency: str | None = None
    low_readings: int | None = None
    press_age_minutes: int | None = None
    by: str | None = None

    def refused_by(self) -> Verdict | None:
        """The first rule that said no, which is the reason to name."""
        for verdict in self.verdicts:
            if not verdict.ok:
                return verdict
        return None
