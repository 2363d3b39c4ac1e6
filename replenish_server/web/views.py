"""What the pages show and ask for: frozen view objects and the one port behind them.

It must never hold behaviour beyond plain facts, and imports nothing of the server: the composition root
supplies an implementation of `HouseholdPages`, tests supply a fake.

Throughout: times are aware datetimes (any zone; pages show them in the household's), money is an integer in
minor units of its ISO 4217 currency, quantities are whole numbers in the slot's `unit`, and every sentence
arrives in the language that was asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from replenish_server.web.life_views import LifeView

Lang = Literal["en", "ko"]
Unit = Literal["g", "ml", "pages", "presses"]
DeviceKind = Literal["level", "button"]
LevelState = Literal["good", "stale", "unknown", "none"]
Timing = Literal["early", "balanced", "late"]
Mode = Literal["ask", "auto", "notify", "shadow"]
TwinState = Literal["in_force", "pending", "limited", "none"]
DecisionKind = Literal["hold", "order", "ask", "notify", "shadow"]
Trigger = Literal["level", "press", "person", "basket"]
OrderState = Literal[
    "proposed",
    "needs_approval",
    "cooling_off",
    "placing",
    "placed",
    "needs_attention",
    "shipped",
    "ready_for_pickup",
    "delivered",
    "closed",
    "canceled",
    "failed",
    "expired",
]


class Refused(Exception):
    """The household's wish cannot be granted now.

    Args:
        message: a key of the catalogue below "refused." (such as "state_changed"), or a finished sentence
            in the person's language, which is shown as plain text.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class RunOut:
    """When the loaded and spare stock is expected to be used up.

    `earliest`, `median` and `latest` are the 10, 50 and 90 % quantiles; `rate_per_day` is in the slot's unit.
    """

    earliest: datetime
    median: datetime
    latest: datetime
    rate_per_day: float


@dataclass(frozen=True)
class DecisionView:
    """The last decision about a slot.

    `rules` holds (name, whether it passed, sentence), in order; `basis` what the forecast rests on, a
    sentence each.
    """

    kind: DecisionKind
    at: datetime
    sentence: str
    rules: Sequence[tuple[str, bool, str]]
    basis: Sequence[str] = ()


@dataclass(frozen=True)
class TimingView:
    """What one choice of timing means for a slot.

    `order_at` is the stock at which an order leaves, in the slot's unit; `cover_days` what will be left when
    the parcel comes, as days of use; `out_once_in_years` how often it will have run out by then, at most
    1000.
    """

    timing: Timing
    order_at: int
    cover_days: float
    out_once_in_years: float


@dataclass(frozen=True)
class TimingsView:
    """The choices, early to late, and the curve that they lie on: (cover days, run-outs in ten years)."""

    choices: Sequence[TimingView]
    curve: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class TwinView:
    """The threshold as wished and as the device reports it, both in the slot's unit.

    "pending": the device has not confirmed `desired` yet. "limited": it confirmed, but clamped to `reported`.
    "none": nothing is kept on a device. `since` is when the state began.
    """

    state: TwinState
    desired: int | None
    reported: int | None
    since: datetime | None


@dataclass(frozen=True)
class ChartView:
    """The level over time. `points` are (time, level); `orders` are (placed at, label); any order is fine."""

    points: Sequence[tuple[datetime, int]]
    threshold: int | None
    capacity: int | None
    orders: Sequence[tuple[datetime, str]]
    refills: Sequence[datetime]
    run_out: RunOut | None
    now: datetime


@dataclass(frozen=True)
class HandOffView:
    """An order that a person finishes: why, where, and whether it is still to be bought (else: to arrive)."""

    tier: Literal["cart", "list"]
    link: str | None
    why: str
    to_buy: bool


@dataclass(frozen=True)
class OrderView:
    """One order. `total_minor` is the quoted total, None until a retailer has quoted.

    `reason` says why it exists. `problem` says what is wrong when it needs attention. `timeline` holds
    (when, state, note), oldest first. `permalink` is the retailer's page for the order. `failures` counts the
    tries in a row that got no usable answer from the retailer. `leaves_at` is when its cooling-off ends;
    `life` is there on the order's own page only.
    `verdicts` are what the mandate said of the last quote: (rule, passed, sentence). `doubtful` says that the
    retailer may have it already, so that ordering again may not be what is wanted. `pack_text` is what one
    pack holds, "" where that is not known; `cap_minor` the most that one order may cost by the rules in
    force, None for no cap; `tz` the household's IANA time zone.
    """

    order_id: str
    slot_id: str
    slot_name: str
    product_name: str
    packs: int
    state: OrderState
    trigger: Trigger
    created_at: datetime
    total_minor: int | None
    currency: str
    retailer_name: str
    permalink: str | None
    reason: str
    problem: str | None
    timeline: Sequence[tuple[datetime, OrderState, str]]
    can_approve: bool
    can_cancel: bool
    failures: int
    hand_off: HandOffView | None = None
    leaves_at: datetime | None = None
    life: "LifeView | None" = None
    verdicts: Sequence[tuple[str, bool, str]] = ()
    doubtful: bool = False
    tz: str = "UTC"
    pack_text: str = ""
    cap_minor: int | None = None


@dataclass(frozen=True)
class StockView:
    """What became of a slot's stock. Quantities are in the slot's unit.

    `used` is the sum over the last `used_days` days that readings cover, at most seven; None before the
    first. `elsewhere` holds (when, packs) of refills that no order explains, newest first; `sensor` what a
    person should know of the sensor, a sentence each; `counted` whether a person may have to say that a new
    unit was fitted.
    """

    used_days: int
    used: int | None
    most_in_a_day: int | None
    elsewhere: Sequence[tuple[datetime, int]]
    sensor: Sequence[str]
    counted: bool


@dataclass(frozen=True)
class SlotView:
    """One slot: what is loaded, what is coming, and the household's rules for it.

    `level`, `capacity` and `threshold` are in `unit`; `on_order_packs` and `spare_packs` count packs.
    `inferred` is what a button's slot should hold, in packs: likely, at least, at most; None when unknown.
    `level_state` "none" means that the device is a button without a sensor. `price_cap_minor` is the most
    that one order may cost in all, None for no cap. `tz` is the household's IANA time zone. `chart` and
    `timings` are filled by `HouseholdPages.slot` only, `timings` once something is known; so is `stock`, for
    a slot with a sensor. `troubles` are what its device says is wrong with itself: word, since when, number;
    `alarm` what it warns of since `alarm_at`: "leak", "burst" or "".
    """

    slot_id: str
    name: str
    device_name: str
    device_kind: DeviceKind
    unit: Unit
    capacity: int | None
    level: int | None
    level_as_of: datetime | None
    level_state: LevelState
    threshold: int | None
    mode: Mode
    timing: Timing
    timings: TimingsView | None
    price_cap_minor: int | None
    currency: str
    product_name: str
    pack_text: str
    on_order_packs: int
    spare_packs: int
    inferred: tuple[float, float, float] | None
    run_out: RunOut | None
    decision: DecisionView | None
    open_order: OrderView | None
    twin: TwinView
    last_seen: datetime | None
    chart: ChartView | None
    tz: str
    stock: StockView | None = None
    rules_version: str = ""
    troubles: Sequence[tuple[str, datetime, int]] = ()
    alarm: str = ""
    alarm_at: datetime | None = None


@dataclass(frozen=True)
class StopView:
    """A thrown stop switch: whose (see `whose`; "restored" after a backup was), since when, and by whom."""

    whose: Literal["operator", "restored", "home"]
    since: datetime
    by: str


@dataclass(frozen=True)
class BudgetView:
    """A month's money, in minor units. `scope` is "home" or "slot"; `budget_minor` None means no budget."""

    scope: str
    month: str
    currency: str
    budget_minor: int | None
    reserved_minor: int
    settled_minor: int


@dataclass(frozen=True)
class HomeView:
    """The household at a glance. `orders` are the open and the recent ones, newest first.

    `attention` are the orders that wait for the person (approval or a problem); they are shown first and may
    also be in `orders`. `month` is this month's money, None while there is no home. `paused_until` is the
    first day on which the home's orders may leave again, None while they may.
    """

    household_name: str
    slots: Sequence[SlotView]
    orders: Sequence[OrderView]
    attention: Sequence[OrderView]
    tz: str
    stop: StopView | None = None
    month: BudgetView | None = None
    paused_until: date | None = None


@dataclass(frozen=True)
class RulesForm:
    """The household's rules for one slot, already validated.

    `threshold` is in the slot's unit, None for a button. `price_cap_minor` is never None with mode "auto":
    what orders by itself must be capped. `version` is that of the rules that the person saw when they changed
    them (`SlotView.rules_version`); "" changes whatever is there.
    """

    threshold: int | None
    mode: Mode
    price_cap_minor: int | None
    timing: Timing = "balanced"
    version: str = ""


class HouseholdPages(Protocol):
    """Everything the pages need from the server. Called from worker threads; each call is one use case."""

    def home(self, lang: Lang, household_id: str | None = None) -> HomeView:
        """A household at a glance, None for the first; sentences in `lang`."""

    def slot(self, slot_id: str, lang: Lang) -> SlotView | None:
        """One slot with its chart, or None when the household has no such slot."""

    def order(self, order_id: str, lang: Lang) -> OrderView | None:
        """One order, or None when the household has no such order."""

    def set_rules(self, slot_id: str, rules: RulesForm, by: str = "") -> None:
        """Stores the rules, with who changed them, and asks the device to take the threshold over.

        Raises:
            Refused: the rules cannot be stored, e.g. the slot is gone.
        """

    def correct_spare(self, slot_id: str, spare_packs: int) -> None:
        """Keeps that a person counted so many unopened packs.

        Raises:
            Refused: the slot is gone, or has no sensor.
        """

    def fit_unit(self, slot_id: str, remaining: int | None) -> None:
        """Keeps that a new unit was fitted; or what remains of the present one, in the slot's unit.

        Raises:
            Refused: the slot is gone, or its device measures by itself.
        """

    def approve(self, order_id: str, ceiling_minor: int, by: str = "") -> None:
        """Commits to the order, for at most `ceiling_minor`, the amount that the person was shown.

        `by` is their name, "" when nobody had to say.

        Raises:
            Refused: the order's state no longer allows it.
        """

    def cancel(self, order_id: str, by: str = "") -> None:
        """Calls the order off, by somebody of that name.

        Raises:
            Refused: the order's state no longer allows it.
        """

    def now(self) -> datetime:
        """The present moment, aware."""
