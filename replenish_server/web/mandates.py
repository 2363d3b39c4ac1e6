"""`MandatePages` on the database. Each wish of a person is one transaction, committed here."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime

from sqlmodel import Session, col, select

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.fleet.mandates import slot_mandate
from replenish_server.fleet.tables import Slot
from replenish_server.fleet.units import BY_BASE, Unit
from replenish_server.households import rules as rule_book
from replenish_server.households.calendar import QuietHours, day_of
from replenish_server.households.judge import Spending, Wish, judge_wish
from replenish_server.households.ledger import months_of, spending_of
from replenish_server.households.mandate import AcceptedProduct, Mode, Rules, Substitution, in_force
from replenish_server.households.tables import Household, HouseholdMandate, SlotMandate
from replenish_server.ordering.limits import wake_orders
from replenish_server.replenishment.amounts import money
from replenish_server.replenishment.verdicts import rule_name, verdict_text
from replenish_server.retailers.prices import known_price
from replenish_server.retailers.tables import Retailer
from replenish_server.web import mandate_views as views
from replenish_server.web.trial import trial_view
from replenish_server.web.views import BudgetView, Lang, Refused
from replenish_server.web.views import Mode as ModeName


class DatabaseMandates:
    """What the pages about the mandate show, read from the rooms below.

    Args:
        database: where everything is.
        clock: the server's clock.
        on_wish: called after a person's wish was committed, so that it is carried out at once.
    """

    def __init__(self, database: Database, clock: Clock, on_wish: Callable[[], None]) -> None:
        self._database = database
        self._clock = clock
        self._on_wish = on_wish

    def now(self) -> datetime:
        """The server's time."""
        return self._clock.now()

    def home_mandate(self, household_id: str | None, lang: Lang) -> views.MandateView | None:
        """The home's defaults, and what would be in force for a slot that says nothing."""
        now = self._clock.now()
        with self._database.read() as session:
            household = None if household_id is None else session.get(Household, household_id)
            if household is None:
                return None
            home, row = (
                rule_book.home_rules(session, household.id),
                session.get(HouseholdMandate, household.id),
            )
            month = spending_of(session, household.id, now)
            bare = in_force(home.rules, Rules(), household.currency, household.currency, household.time_zone)
            wish = Wish("", "", spending=(month,))
            said = [v for v in judge_wish(bare, wish, now) if v.rule not in ("retailer", "substitution")]
            return views.MandateView(
                slot_id=None,
                name=household.name,
                currency=household.currency,
                tz=household.time_zone,
                rules=replace(_form(home.rules), basket_days=home.basket_days),
                paused_until=home.rules.paused_until,
                today=day_of(now, household.time_zone),
                budgets=[budget_view(month)],
                changed_at=None if row is None else row.changed_at,
                changed_by="" if row is None else row.changed_by,
                in_force=[(rule_name(v.rule, lang), v.ok, verdict_text(v, "pack", lang)) for v in said],
                shops=_shops(session),
            )

    def slot_mandate(self, slot_id: str, lang: Lang) -> views.MandateView | None:
        """A slot's rules over the home's."""
        now = self._clock.now()
        with self._database.read() as session:
            slot = session.get(Slot, slot_id)
            if slot is None:
                return None
            household = session.get_one(Household, slot.household_id)
            rules, mandate = rule_book.slot_rules(session, slot.id), slot_mandate(session, slot)
            months = months_of(session, household.id, slot.id, now)
            retailer = session.get_one(Retailer, slot.retailer_id)
            said = judge_wish(mandate, Wish(retailer.id, retailer.name, spending=months), now)
            unit = BY_BASE[slot.unit]
            own_rules = session.get_one(SlotMandate, slot.id)
            own, *others = [_product(session, product, unit) for product in mandate.products]
            return views.MandateView(
                slot_id=slot.id,
                name=slot.name,
                currency=own_rules.currency,
                tz=household.time_zone,
                rules=replace(_form(rules), products=tuple(others)),
                paused_until=rules.paused_until,
                today=day_of(now, household.time_zone),
                budgets=[budget_view(month) for month in months],
                changed_at=own_rules.changed_at,
                changed_by=own_rules.changed_by,
                in_force=[(rule_name(v.rule, lang), v.ok, verdict_text(v, slot.unit, lang)) for v in said],
                shops=_shops(session),
                unit=unit.shown,
                own_product=own,
            )

    def set_home(self, household_id: str, rules: views.MandateForm, by: str) -> None:
        """Keep the home's defaults."""
        now = self._clock.now()
        with self._database.write() as session:
            old = rule_book.home_rules(session, household_id)
            days = old.basket_days if rules.basket_days is None else rules.basket_days
            new = rule_book.HomeRules(_rules(rules, old.rules.paused_until), days)
            rule_book.set_home_rules(session, household_id, new, now)
            session.get_one(HouseholdMandate, household_id).changed_by = by
            wake_orders(session, household_id, now)
        self._on_wish()

    def set_slot(self, slot_id: str, rules: views.MandateForm, by: str) -> None:
        """Keep a slot's own rules and its list of products."""
        now = self._clock.now()
        with self._database.write() as session:
            slot = session.get(Slot, slot_id)
            if slot is None:
                raise Refused("slot_gone")
            paused = rule_book.slot_rules(session, slot_id).paused_until
            rule_book.set_slot_rules(session, slot_id, _rules(rules, paused), now)
            session.get_one(SlotMandate, slot_id).changed_by = by
            factor = BY_BASE[slot.unit].factor
            rule_book.set_substitutes(
                session,
                slot_id,
                tuple(
                    AcceptedProduct(p.retailer_id, p.item_id, p.name, p.pack * factor) for p in rules.products
                ),
            )
            wake_orders(session, slot.household_id, now)
        self._on_wish()

    def pause(self, household_id: str, slot_id: str | None, until: date | None, by: str) -> None:
        """Pause the home or a slot until a day, or end the pause."""
        now = self._clock.now()
        with self._database.write() as session:
            if slot_id is None:
                rule_book.pause_home(session, household_id, until, now)
                session.get_one(HouseholdMandate, household_id).changed_by = by
            else:
                rule_book.pause_slot(session, slot_id, until, now)
                session.get_one(SlotMandate, slot_id).changed_by = by
            wake_orders(session, household_id, now)
        self._on_wish()

    def trial(self, household_id: str | None, lang: Lang) -> views.TrialView:
        """What shadow mode has kept."""
        now = self._clock.now()
        with self._database.read() as session:
            household = None if household_id is None else session.get(Household, household_id)
            if household is None:
                return views.TrialView((), (), (), 0, 0.0, 0, 0, "UTC")
            return trial_view(session, household, lang, now)

    def turn_on(self, slot_id: str, mode: ModeName, by: str) -> None:
        """End a slot's trial."""
        now = self._clock.now()
        with self._database.write() as session:
            slot = session.get(Slot, slot_id)
            if slot is None:
                raise Refused("slot_gone")
            mandate = slot_mandate(session, slot)
            if mode == "auto" and mandate.price_cap_minor is None:
                raise Refused("no_cap")
            rules = rule_book.slot_rules(session, slot_id)
            rule_book.set_slot_rules(session, slot_id, replace(rules, mode=Mode(mode)), now)
            session.get_one(SlotMandate, slot_id).changed_by = by
            wake_orders(session, slot.household_id, now)
        self._on_wish()


def _form(rules: Rules) -> views.MandateForm:
    quiet = rules.quiet
    return views.MandateForm(
        mode=None if rules.mode is None else rules.mode.value,
        price_cap_minor=rules.price_cap_minor,
        over_last_paid_percent=rules.over_last_paid_percent,
        budget_minor=rules.budget_minor,
        substitution=None if rules.substitution is None else rules.substitution.value,
        retailers=rules.retailers,
        quiet_from_min=None if quiet is None else quiet.from_min,
        quiet_until_min=None if quiet is None else quiet.until_min,
        valid_until=rules.valid_until,
    )


def _rules(form: views.MandateForm, paused_until: date | None) -> Rules:
    quiet = None
    if form.quiet_from_min is not None and form.quiet_until_min is not None:
        quiet = QuietHours(form.quiet_from_min, form.quiet_until_min)
    return Rules(
        mode=None if form.mode is None else Mode(form.mode),
        price_cap_minor=form.price_cap_minor,
        over_last_paid_percent=form.over_last_paid_percent,
        budget_minor=form.budget_minor,
        substitution=None if form.substitution is None else Substitution(form.substitution),
        retailers=form.retailers,
        quiet=quiet,
        paused_until=paused_until,
        valid_until=form.valid_until,
    )


def budget_view(month: Spending) -> BudgetView:
    """A month's money as the pages show it."""
    return BudgetView(
        month.scope,
        month.month,
        month.currency,
        month.budget_minor,
        month.reserved_minor,
        month.settled_minor,
    )


def _shops(session: Session) -> list[tuple[str, str]]:
    return [(row.id, row.name) for row in session.exec(select(Retailer).order_by(col(Retailer.name)))]


def _product(session: Session, product: AcceptedProduct, unit: Unit) -> views.ProductForm:
    """A product with what a pack of it cost when that was last seen."""
    price = known_price(session, product.retailer_id, product.item_id)
    said = "" if price is None else f"{money(price.price_minor, price.currency)} ({price.at:%Y-%m-%d})"
    return views.ProductForm(
        product.retailer_id, product.item_id, product.name, product.pack_amount // unit.factor, said
    )
