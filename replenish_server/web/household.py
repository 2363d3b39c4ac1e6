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
from replenish_server.fleet import twin
from replenish_server.fleet.tables import Device, Slot, Twin
from replenish_server.fleet.troubles import said_wrong
from replenish_server.fleet.units import BY_BASE, Unit
from replenish_server.forecast import RunOut
from replenish_server.households.ledger import spending_of
from replenish_server.households.tables import Household, SlotMandate
from replenish_server.ordering import orders as order_acts
from replenish_server.ordering.limits import verdicts_of
from replenish_server.ordering.parcels import parcel_of
from replenish_server.ordering.sentences import note_text, problem_sentence
from replenish_server.ordering.states import UNDERWAY, State
from replenish_server.ordering.tables import OrderEvent, PurchaseOrder
from replenish_server.replenishment.amounts import amount
from replenish_server.replenishment.basis import basis
from replenish_server.replenishment.decision import Decision
from replenish_server.replenishment.facts import HISTORY, gather
from replenish_server.replenishment.forecasts import forecast_next_order, forecast_slots
from replenish_server.replenishment.outlook import SlotFacts, look_ahead
from replenish_server.replenishment.policy import FRESH_FOR
from replenish_server.replenishment.priors import Models
from replenish_server.replenishment.readings import is_counted, read_history
from replenish_server.replenishment.record import from_json
from replenish_server.replenishment.risk import Timing, timing_outcome
from replenish_server.replenishment.sentences import sentence
from replenish_server.replenishment.stock import correct_spare, fit_unit, infer_button_stock
from replenish_server.replenishment.tables import DecisionRecord
from replenish_server.replenishment.thresholds import ThresholdRefused, set_threshold
from replenish_server.replenishment.verdicts import rule_name, verdict_text
from replenish_server.retailers.tables import Retailer
from replenish_server.web import views
from replenish_server.web.mandates import budget_view
from replenish_server.web.order_life import life_view, stop_view
from replenish_server.web.shopping import hand_off_view
from replenish_server.web.stock import stock_view

_RECENT_ORDERS = 12
_CURVE_RISKS = (0.01, 0.02, 0.035, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3)
_PAGE_UNITS: dict[str, views.Unit] = {"mg": "g", "ml": "ml", "page": "pages", "pack": "presses"}
_TRIGGERS: dict[str, views.Trigger] = {"press": "press", "person": "person", "basket": "basket"}
_ASKING = (State.PROPOSED, State.NEEDS_APPROVAL, State.NEEDS_ATTENTION, State.COOLING_OFF)


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
            slots = session.exec(
                select(Slot)
                .where(Slot.household_id == household.id, col(Slot.retired_at).is_(None))
                .order_by(col(Slot.created_at), col(Slot.id))
            ).all()
            recent = session.exec(
                select(PurchaseOrder)
                .where(PurchaseOrder.household_id == household.id)
                .order_by(col(PurchaseOrder.created_at).desc())
                .limit(_RECENT_ORDERS)
            ).all()
            asking = session.exec(
                select(PurchaseOrder)
                .where(PurchaseOrder.household_id == household.id, col(PurchaseOrder.state).in_(_ASKING))
                .order_by(col(PurchaseOrder.created_at).desc())
            ).all()
            return views.HomeView(
                household_name=household.name,
                slots=[self._slot(session, slot, household, lang, chart=False) for slot in slots],
                orders=[_order(session, order, lang) for order in recent],
                attention=[_order(session, order, lang) for order in asking],
                tz=household.time_zone,
                stop=stop_view(session, household.id),
                month=budget_view(spending_of(session, household.id, self._clock.now())),
            )

    def slot(self, slot_id: str, lang: views.Lang) -> views.SlotView | None:
        """One slot with its chart."""
        with self._database.read() as session:
            slot = session.get(Slot, slot_id)
            if slot is None:
                return None
            household = session.get_one(Household, slot.household_id)
            return self._slot(session, slot, household, lang, chart=True)

    def order(self, order_id: str, lang: views.Lang) -> views.OrderView | None:
        """One order."""
        with self._database.read() as session:
            order = session.get(PurchaseOrder, order_id)
            if order is None:
                return None
            return replace(
                _order(session, order, lang), life=life_view(session, order, self._clock.now(), lang)
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
        self._act(partial(order_acts.approve, ceiling_minor=ceiling_minor, by=by), order_id)

    def cancel(self, order_id: str, by: str = "") -> None:
        """A person says no."""
        self._act(partial(order_acts.cancel, by=by), order_id)

    def _act(self, act: Callable[..., None], order_id: str) -> None:
        try:
            with self._database.write() as session:
                act(session, order_id, now=self._clock.now())
        except order_acts.NotAllowed as error:
            raise views.Refused("state_changed") from error
        self._on_wish()

    def _slot(
        self, session: Session, slot: Slot, household: Household, lang: views.Lang, chart: bool
    ) -> views.SlotView:
        now = self._clock.now()
        unit = BY_BASE[slot.unit]
        device = session.get_one(Device, slot.device_id)
        mandate = session.get_one(SlotMandate, slot.id)
        order = order_acts.open_order(session, slot.id)
        record = _last_decision(session, slot.id)
        decision = None if record is None else from_json(record.data)
        forecasts = forecast_slots(session, [slot], now, self._models()) if chart else {}
        forecast = forecasts.get(slot.id)
        insight = gather(session, slot, order, now, None if forecast is None else forecast.run_out)
        has_sensor = slot.capacity is not None
        run_out = _run_out(record, decision, unit)
        if not has_sensor:
            run_out = _next_order(forecast_next_order(session, slot, now, self._models()), now)
        view_order = None if order is None else _order(session, order, lang)
        return views.SlotView(
            slot_id=slot.id,
            name=slot.name,
            device_name=device.name,
            device_kind="button" if device.kind == "button" else "level",
            unit=_PAGE_UNITS[unit.base],
            capacity=_shown(slot.capacity, unit),
            level=_shown(insight.history.level, unit),
            level_as_of=insight.history.as_of,
            level_state=_level_state(has_sensor, insight.history.level, insight.history.as_of, now),
            threshold=_shown(slot.threshold, unit),
            mode=insight.facts.mandate.mode.value,
            timing=Timing(mandate.timing).value,
            timings=_timings(insight.facts, unit),
            price_cap_minor=mandate.price_cap_minor,
            currency=mandate.currency,
            product_name=slot.product_name,
            pack_text=amount(slot.pack_amount, slot.unit) if has_sensor else "",
            on_order_packs=order.packs if order is not None and order.state in UNDERWAY else 0,
            spare_packs=insight.ledger.spare_packs,
            inferred=None if has_sensor else self._inferred(session, slot, now),
            run_out=run_out,
            decision=None if record is None or decision is None else _decision(record, decision, lang),
            open_order=view_order,
            twin=_twin(session, slot),
            last_seen=device.last_seen_at,
            chart=self._chart(session, slot, unit, run_out, now) if chart and has_sensor else None,
            tz=household.time_zone,
            stock=stock_view(session, slot, insight, now, lang) if chart and has_sensor else None,
            rules_version=_version(slot, session.get_one(SlotMandate, slot.id)),
            troubles=said_wrong(session, device),
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
            threshold=_shown(slot.threshold, unit),
            capacity=_shown(slot.capacity, unit),
            orders=[(o.placed_at, o.product_name) for o in placed if o.placed_at is not None],
            refills=[refill.at for refill in history.refills],
            run_out=run_out,
            now=now,
        )


def _version(slot: Slot, mandate: SlotMandate) -> str:
    """Names the rules in force, so that nobody changes others than those they saw."""
    said = (slot.threshold, mandate.mode, mandate.price_cap_minor, mandate.timing, mandate.changed_at)
    return sha256(repr(said).encode()).hexdigest()[:16]


def _shown(value: int | None, unit: Unit) -> int | None:
    return None if value is None else value // unit.factor


def _level_state(
    has_sensor: bool, level: int | None, as_of: datetime | None, now: datetime
) -> views.LevelState:
    if not has_sensor:
        return "none"
    if level is None or as_of is None:
        return "unknown"
    return "good" if now - as_of <= FRESH_FOR else "stale"


def _last_decision(session: Session, slot_id: str) -> DecisionRecord | None:
    query = select(DecisionRecord).where(DecisionRecord.slot_id == slot_id)
    return session.exec(query.order_by(col(DecisionRecord.last_at).desc()).limit(1)).first()


def _run_out(record: DecisionRecord | None, decision: Decision | None, unit: Unit) -> views.RunOut | None:
    """The run-out days of the decision, as dates: the page never shows other numbers than were decided on."""
    if record is None or decision is None or decision.run_out_days is None or decision.rate_per_day is None:
        return None
    early, median, late = (record.last_at + timedelta(days=days) for days in decision.run_out_days)
    return views.RunOut(early, median, late, decision.rate_per_day / unit.factor)


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
                _shown(outlook.reorder_point, unit) or 0,
                means.cover_days,
                means.out_once_in_years,
            )
        )
    cycle_days = facts.pack_amount / max(run_out.rate_per_day, 1e-9)
    curve = [timing_outcome(run_out.days, facts.lead_time, risk, cycle_days) for risk in _CURVE_RISKS]
    return views.TimingsView(
        choices, [(point.cover_days, 10 / max(point.out_once_in_years, 1e-3)) for point in curve]
    )


def _decision(record: DecisionRecord, decision: Decision, lang: views.Lang) -> views.DecisionView:
    return views.DecisionView(
        kind=decision.kind.value,
        at=record.last_at,
        sentence=sentence(decision, lang),
        rules=[
            (rule_name(v.rule, lang), v.ok, verdict_text(v, decision.unit, lang)) for v in decision.verdicts
        ],
        basis=basis(decision, lang),
    )


def _twin(session: Session, slot: Slot) -> views.TwinView:
    row = session.get(Twin, slot.device_id)
    if row is None or slot.capacity is None:
        return views.TwinView("none", None, None, None)
    state = twin.slot_agreement(row, slot.key)
    return views.TwinView(state.agreement.value, state.desired, state.reported, state.since)


def _order(session: Session, order: PurchaseOrder, lang: views.Lang) -> views.OrderView:
    slot = session.get_one(Slot, order.slot_id)
    retailer = session.get_one(Retailer, order.retailer_id)
    record = session.get_one(DecisionRecord, order.decision_id)
    events = session.exec(
        select(OrderEvent).where(OrderEvent.order_id == order.id).order_by(col(OrderEvent.id))
    ).all()
    problem = None if order.problem is None else problem_sentence(order.problem, order.problem_detail, lang)
    return views.OrderView(
        order_id=order.id,
        slot_id=slot.id,
        slot_name=slot.name,
        product_name=order.product_name,
        packs=order.packs,
        state=State(order.state).value,
        trigger=_TRIGGERS.get(order.trigger, "level"),
        created_at=order.created_at,
        total_minor=order.total_minor if order.total_minor is not None else order.quoted_minor,
        currency=order.currency,
        retailer_name=retailer.name,
        permalink=order.permalink or order.continue_url,
        reason=sentence(from_json(record.data), lang),
        problem=problem,
        timeline=[
            (event.at, State(event.state).value, note_text(event.note, lang, event.by)) for event in events
        ],
        can_approve=order_acts.can_approve(order),
        can_cancel=order_acts.can_cancel(session, order),
        failures=parcel_of(session, order).failures,
        hand_off=hand_off_view(order, lang),
        leaves_at=order.leaves_at,
        verdicts=[
            (rule_name(v.rule, lang), v.ok, verdict_text(v, slot.unit, lang)) for v in verdicts_of(order)
        ],
    )
