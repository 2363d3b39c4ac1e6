"""`HouseholdPages` on the database: the one module of this room that looks into other rooms.

Reading takes one snapshot; each wish of a person is one transaction, committed here.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from math import exp

from sqlmodel import Session, col, select

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.fleet.tables import Device, Slot
from replenish_server.fleet.troubles import wrong_with
from replenish_server.fleet.units import BY_BASE, Unit
from replenish_server.forecast.run_out import RunOut
from replenish_server.households.tables import Household, SlotMandate
from replenish_server.ordering import orders as order_acts
from replenish_server.ordering.states import UNDERWAY, State
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.facts import HISTORY, gather
from replenish_server.replenishment.forecasts import forecast_next_order, forecast_slots
from replenish_server.replenishment.outlook import SlotFacts, look_ahead
from replenish_server.replenishment.priors import Models
from replenish_server.replenishment.readings import is_counted, read_history
from replenish_server.replenishment.stock import correct_spare, fit_unit, infer_button_stock
from replenish_server.replenishment.thresholds import ThresholdRefused, set_threshold
from replenish_server.replenishment.timing import Timing
from replenish_server.web import views
from replenish_server.web.home import home_view
from replenish_server.web.order_life import life_view
from replenish_server.web.order_views import order_view
from replenish_server.web.slot_views import shown, slots_at_a_glance
from replenish_server.web.stock import stock_view

_CURVE_RISKS = (0.01, 0.02, 0.035, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3)


class DatabasePages:
    """What the pages show, read from the rooms below.

    Args:
        database: where everything is.
        clock: the server's clock.
        on_wish: called after a person's wish was committed, so that it is carried out at once.
        models: what forecasts are made with, at any moment.
    """

    def __init__(
        self, database: Database, clock: Clock, on_wish: Callable[[], None], models: Callable[[], Models]
    ) -> None:
        self._database = database
        self._clock = clock
        self._on_wish = on_wish
        self._models = models

    def now(self) -> datetime:
        """The server's time."""
        return self._clock.now()

    def home(self, lang: views.Lang, household_id: str | None = None) -> views.HomeView:
        """A household at a glance, None for the first."""
        with self._database.read() as session:
            query = select(Household).order_by(col(Household.created_at))
            if household_id is not None:
                query = query.where(Household.id == household_id)
            household = session.exec(query).first()
            if household is None:
                return views.HomeView("Replenish", (), (), (), "UTC")
            return home_view(session, household, lang, self._clock.now())

    def slot(self, slot_id: str, lang: views.Lang) -> views.SlotView | None:
        """One slot with its chart."""
        with self._database.read() as session:
            slot = session.get(Slot, slot_id)
            if slot is None:
                return None
            household = session.get_one(Household, slot.household_id)
            return self._slot(session, slot, household, lang)

    def order(self, order_id: str, lang: views.Lang) -> views.OrderView | None:
        """One order."""
        with self._database.read() as session:
            order = session.get(PurchaseOrder, order_id)
            if order is None:
                return None
            return replace(
                order_view(session, order, lang), life=life_view(session, order, self._clock.now(), lang)
            )

    def set_rules(self, slot_id: str, rules: views.RulesForm, by: str = "") -> None:
        """Keep the rules, and wish the device the threshold; one transaction."""
        now = self._clock.now()
        with self._database.write() as session:
            slot = session.get(Slot, slot_id)
            if slot is None:
                raise views.Refused("slot_gone")
            mandate = session.get_one(SlotMandate, slot_id)
            if rules.version and rules.version != _version(slot, mandate):
                raise views.Refused("rules_changed")
            mandate.mode, mandate.price_cap_minor, mandate.changed_at = rules.mode, rules.price_cap_minor, now
            mandate.timing, mandate.changed_by = rules.timing, by
            session.add(mandate)
            if rules.threshold is not None and slot.capacity is not None:
                try:
                    set_threshold(session, slot, rules.threshold * BY_BASE[slot.unit].factor, by, now)
                except ThresholdRefused as error:
                    raise views.Refused("threshold_over_capacity") from error
            slot.due_at = now
            session.add(slot)
        self._on_wish()

    def correct_spare(self, slot_id: str, spare_packs: int) -> None:
        """Keep what a person counted in the cupboard."""
        with self._database.write() as session:
            slot = session.get(Slot, slot_id)
            if slot is None or slot.capacity is None:
                raise views.Refused("slot_gone")
            correct_spare(session, slot, spare_packs, self._clock.now())
        self._on_wish()

    def fit_unit(self, slot_id: str, remaining: int | None) -> None:
        """Keep what a person said of a slot that counts its use."""
        with self._database.write() as session:
            slot = session.get(Slot, slot_id)
            if slot is None or not is_counted(slot):
                raise views.Refused("slot_gone")
            left = None if remaining is None else remaining * BY_BASE[slot.unit].factor
            fit_unit(session, slot, left, self._clock.now())
        self._on_wish()

    def approve(self, order_id: str, ceiling_minor: int, by: str = "") -> None:
        """A person says yes to what they were shown."""
        self._act(partial(order_acts.approve, ceiling_minor=ceiling_minor, by=by), order_id, _is_approved)

    def cancel(self, order_id: str, by: str = "") -> None:
        """A person says no."""
        self._act(partial(order_acts.cancel, by=by), order_id, _is_canceled)

    def _act(self, act: Callable[..., None], order_id: str, is_done: Callable[[PurchaseOrder], bool]) -> None:
        """One wish; a second tap for what is done already changes nothing, and is no failure."""
        try:
            with self._database.write() as session:
                act(session, order_id, now=self._clock.now())
        except order_acts.NotAllowed as error:
            with self._database.read() as session:
                order = session.get(PurchaseOrder, order_id)
                if order is None or not is_done(order):
                    raise views.Refused("state_changed") from error
        self._on_wish()

    def _slot(self, session: Session, slot: Slot, household: Household, lang: views.Lang) -> views.SlotView:
        """What the home page says of it, and what only its own page does."""
        now = self._clock.now()
        order = order_acts.open_order(session, slot.id)
        open_orders = {} if order is None else {slot.id: order_view(session, order, lang)}
        (glance,) = slots_at_a_glance(session, household, [slot], open_orders, lang, now)
        device, mandate = session.get_one(Device, slot.device_id), session.get_one(SlotMandate, slot.id)
        view = replace(
            glance, rules_version=_version(slot, mandate), troubles=wrong_with(session, [device])[device.id]
        )
        forecast = forecast_slots(session, [slot], now, self._models).get(slot.id)
        insight = gather(session, slot, order, now, None if forecast is None else forecast.run_out)
        unit = BY_BASE[slot.unit]
        view = replace(view, timings=_timings(insight.facts, unit))
        if slot.capacity is None:
            return replace(
                view,
                inferred=self._inferred(session, slot, now),
                run_out=_next_order(forecast_next_order(session, slot, now, self._models), now),
            )
        return replace(
            view,
            chart=self._chart(session, slot, unit, view.run_out, now),
            stock=stock_view(session, slot, insight, now, lang),
        )

    def _inferred(self, session: Session, slot: Slot, now: datetime) -> tuple[float, float, float] | None:
        """Packs that a button's slot should hold: likely, at least, at most."""
        log_days, _ = self._models().purchases.prior.believed([slot.category])
        stock = infer_button_stock(session, slot, float(exp(log_days[0])), now)
        if stock.packs is None or stock.low is None or stock.high is None:
            return None
        return stock.packs, stock.low, stock.high

    def _chart(
        self, session: Session, slot: Slot, unit: Unit, run_out: views.RunOut | None, now: datetime
    ) -> views.ChartView:
        history, _ = read_history(session, slot, now - HISTORY)
        placed = session.exec(
            select(PurchaseOrder).where(
                PurchaseOrder.slot_id == slot.id, col(PurchaseOrder.created_at) >= now - HISTORY
            )
        ).all()
        return views.ChartView(
            points=[(at, level // unit.factor) for at, level in history.points],
            threshold=shown(slot.threshold, unit),
            capacity=shown(slot.capacity, unit),
            orders=[(o.placed_at, o.product_name) for o in placed if o.placed_at is not None],
            refills=[refill.at for refill in history.refills],
            run_out=run_out,
            now=now,
        )


def _is_approved(order: PurchaseOrder) -> bool:
    said_yes = order.approved_minor is not None
    return said_yes and order.state in (State.PLACING, *UNDERWAY, State.DELIVERED, State.CLOSED)


def _is_canceled(order: PurchaseOrder) -> bool:
    return order.state == State.CANCELED


def _version(slot: Slot, mandate: SlotMandate) -> str:
    """Names the rules in force, so that nobody changes others than those they saw."""
    said = (slot.threshold, mandate.mode, mandate.price_cap_minor, mandate.timing, mandate.changed_at)
    return sha256(repr(said).encode()).hexdigest()[:16]


def _next_order(expected: RunOut | None, now: datetime) -> views.RunOut | None:
    """When a button's product will be wanted again, as dates."""
    if expected is None:
        return None
    early, median, late = (now + timedelta(days=days) for days in expected.band)
    return views.RunOut(early, median, late, expected.rate_per_day)


def _timings(facts: SlotFacts, unit: Unit) -> views.TimingsView | None:
    """What each choice of timing would mean for the slot as it is now, and the curve between them."""
    choices, run_out = [], facts.run_out
    if run_out is None:
        return None
    for timing in Timing:
        outlook = look_ahead(facts, timing)
        if outlook is None:
            return None
        means = outlook.outcome
        choices.append(
            views.TimingView(
                timing.value,
                shown(outlook.reorder_point, unit) or 0,
                means.cover_days,
                means.out_once_in_years,
            )
        )
    from replenish_server.replenishment.risk import (
        timing_outcome,  # with numpy, which `look_ahead` has loaded
    )

    cycle_days = facts.pack_amount / max(run_out.rate_per_day, 1e-9)
    curve = [timing_outcome(run_out.days, facts.lead_time, risk, cycle_days) for risk in _CURVE_RISKS]
    return views.TimingsView(
        choices, [(point.cover_days, 10 / max(point.out_once_in_years, 1e-3)) for point in curve]
    )
