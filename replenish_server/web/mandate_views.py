"""What the pages about the mandate and the trial show and ask for. The port behind them is `MandatePages`.

As in `views`: frozen facts, money in minor units, days of the household, sentences in the language that was
asked for, no other room.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol

from replenish_server.web.views import BudgetView, Lang, Mode

Substitution = Literal["never", "from_list", "ask"]


@dataclass(frozen=True)
class ProductForm:
    """A product that a slot accepts; `pack` counts in the slot's shown unit. `price` is said in words."""

    retailer_id: str
    item_id: str
    name: str
    pack: int
    price: str = ""


@dataclass(frozen=True)
class MandateForm:
    """The rules of a home or of a slot, already validated; None says nothing.

    `retailers` are ids, None for every shop; quiet hours are minutes of the day. `basket_days` is the home's
    only, `products` the slot's only (those besides its own, in order of preference).
    """

    mode: Mode | None
    price_cap_minor: int | None
    over_last_paid_percent: int | None
    budget_minor: int | None
    substitution: Substitution | None
    retailers: tuple[str, ...] | None
    quiet_from_min: int | None
    quiet_until_min: int | None
    valid_until: date | None
    basket_days: int | None = None
    products: tuple[ProductForm, ...] = ()


@dataclass(frozen=True)
class MandateView:
    """The mandate of the home (`slot_id` None) or of a slot.

    `rules` are its own words, `in_force` what follows from home and slot now: (rule, lets go on, sentence).
    `shops` are all retailers: (id, name). `unit` is what a pack is counted in. `changed_at` and `changed_by`
    are of its last change, a pause among them; None and "" where nobody changed it or said who.
    """

    slot_id: str | None
    name: str
    currency: str
    tz: str
    rules: MandateForm
    paused_until: date | None
    today: date
    budgets: Sequence[BudgetView]
    in_force: Sequence[tuple[str, bool, str]]
    shops: Sequence[tuple[str, str]]
    unit: str = ""
    own_product: ProductForm | None = None
    changed_at: datetime | None = None
    changed_by: str = ""


@dataclass(frozen=True)
class TrialOrderView:
    """An order that was not made. `price_minor` is what its packs cost at `price_at`, None if never seen."""

    slot_id: str
    slot_name: str
    product_name: str
    packs: int
    price_minor: int | None
    price_at: datetime | None
    currency: str
    at: datetime
    arrives_at: datetime
    reason: str
    outcome: str
    good: bool


@dataclass(frozen=True)
class TrialMonthView:
    """What a month on trial would have cost; `unknown` orders had no known price and are not in the sum."""

    month: str
    currency: str
    total_minor: int
    orders: int
    unknown: int


@dataclass(frozen=True)
class TrialView:
    """The trial of a household: its slots (id, name, since, whether it has a price cap), orders and sums.

    `unforeseen` are the run-outs of slots on trial that came without any order, as far back as pages look.
    """

    slots: Sequence[tuple[str, str, datetime, bool]]
    orders: Sequence[TrialOrderView]
    months: Sequence[TrialMonthView]
    prevented: int
    spared_days: float
    too_late: int
    too_early: int
    tz: str
    unforeseen: int = 0


class MandatePages(Protocol):
    """Everything these pages need from the server. Called from worker threads; each call is one use case."""

    def home_mandate(self, household_id: str | None, lang: Lang) -> MandateView | None:
        """The home's defaults; None while there is no home."""

    def slot_mandate(self, slot_id: str, lang: Lang) -> MandateView | None:
        """A slot's rules over the home's."""

    def set_home(self, household_id: str, rules: MandateForm, by: str) -> None:
        """Keeps the home's defaults; what waits is looked at again."""

    def set_slot(self, slot_id: str, rules: MandateForm, by: str) -> None:
        """Keeps a slot's own rules and its list of products."""

    def pause(self, household_id: str, slot_id: str | None, until: date | None, by: str) -> None:
        """Pauses the home or a slot until a day; None ends the pause."""

    def trial(self, household_id: str | None, lang: Lang) -> TrialView:
        """What shadow mode has kept."""

    def turn_on(self, slot_id: str, mode: Mode, by: str) -> None:
        """Ends a slot's trial.

        Raises:
            Refused: the slot is gone, or would order by itself without a price cap.
        """

    def now(self) -> datetime:
        """The present moment, aware."""
