"""A household in memory behind `HouseholdPages`: what the page tests look at, with and without a browser.

It keeps the states the real service would keep (pending twins, approvals that are used up), and no rules of
its own about buying.
"""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from replenish_server.web.views import (
    ChartView,
    DecisionView,
    HomeView,
    Lang,
    OrderView,
    Refused,
    RulesForm,
    RunOut,
    SlotView,
    TimingsView,
    TimingView,
    TwinState,
    TwinView,
)

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
TZ = "Europe/Berlin"


def at(days: float) -> datetime:
    """The moment that many days from NOW (negative: before)."""
    return NOW + timedelta(days=days)


def series(days: int = 30, full: int = 3000, per_day: float = 95.0) -> list[tuple[datetime, int]]:
    """Hourly levels of a household that uses a little every day and refilled twelve days ago."""
    points = []
    level = 1_900.0
    for hour in range(days * 24):
        when = at(-days) + timedelta(hours=hour)
        level -= per_day / 24 * (1 + 0.8 * math.sin(hour / 24 * 2 * math.pi))
        if hour == (days - 12) * 24:
            level = full * 0.92
        points.append((when, max(0, round(level))))
    return points


def run_out(days: float = 6.0, rate: float = 95.0) -> RunOut:
    """A run-out around that many days from NOW."""
    return RunOut(at(days * 0.7), at(days), at(days * 1.5), rate)


def make_slot(**changes: object) -> SlotView:
    """A detergent drawer on a scale, low, with everything filled in."""
    points = series()
    slot = SlotView(
        slot_id="slt-washer",
        name="Washing powder",
        device_name="Kitchen scale",
        device_kind="level",
        unit="g",
        capacity=3000,
        level=points[-1][1],
        level_as_of=at(-0.006),
        level_state="good",
        threshold=500,
        mode="ask",
        timing="balanced",
        timings=TimingsView(
            [
                TimingView("early", 700, 8.4, 61.0),
                TimingView("balanced", 560, 6.1, 12.0),
                TimingView("late", 480, 4.2, 3.1),
            ],
            [(1.5, 9.0), (4.2, 3.2), (6.1, 0.8), (8.4, 0.1)],
        ),
        price_cap_minor=2490,
        currency="EUR",
        product_name="Gentle Colour Powder 3 kg",
        pack_text="3 kg pack",
        on_order_packs=0,
        spare_packs=1,
        inferred=None,
        run_out=run_out(),
        decision=DecisionView(
            "hold",
            at(-0.01),
            "Nothing to order: the powder lasts about 6 days and a spare pack is in the cupboard.",
            [
                ("Reading is fresh", True, "The last reading is 9 minutes old."),
                ("Level under the threshold", False, "1,690 g is above 500 g."),
                ("Price limit", True, "One pack costs €21.50, the limit is €24.90."),
            ],
        ),
        open_order=None,
        twin=TwinView("in_force", 500, 500, at(-3)),
        last_seen=at(-0.006),
        chart=ChartView(
            points=points,
            threshold=500,
            capacity=3000,
            orders=[(at(-15), "1 pack ordered")],
            refills=[at(-12)],
            run_out=run_out(),
            now=NOW,
        ),
        tz=TZ,
    )
    return replace(slot, **changes)  # type: ignore[arg-type]


def make_order(**changes: object) -> OrderView:
    """An order that waits for approval, quoted at €21.50."""
    order = OrderView(
        order_id="ord-1",
        slot_id="slt-tank",
        slot_name="Dishwasher tank",
        product_name="Clear Rinse 1 l",
        packs=2,
        state="needs_approval",
        trigger="level",
        created_at=at(-0.1),
        total_minor=2150,
        currency="EUR",
        retailer_name="Corner Shop",
        permalink=None,
        reason="120 ml are left, which is under your threshold of 150 ml; that lasts three days.",
        problem=None,
        timeline=[(at(-0.1), "needs_approval", "Quoted at €21.50 with delivery.")],
        can_approve=True,
        can_cancel=True,
        failures=0,
        tz=TZ,
        pack_text="1 l bottle",
        cap_minor=2490,
    )
    return replace(order, **changes)  # type: ignore[arg-type]


class FakePages:
    """A household that answers at once. `refuse` makes the next actions raise `Refused` with that message."""

    def __init__(self, slots: list[SlotView], orders: list[OrderView], name: str = "Linden Street 4") -> None:
        self.slots = {slot.slot_id: slot for slot in slots}
        self.orders = {order.order_id: order for order in orders}
        self.name = name
        self.refuse: str | None = None
        self.calls: list[tuple[object, ...]] = []
        self.named: list[str] = []

    def now(self) -> datetime:
        return NOW

    def home(self, lang: Lang, household_id: str | None = None) -> HomeView:
        orders = sorted(self.orders.values(), key=lambda order: order.created_at, reverse=True)
        waiting = [order for order in orders if order.state in ("needs_approval", "needs_attention")]
        slots = [replace(self._current(slot), chart=None) for slot in self.slots.values()]
        return HomeView(self.name, slots, orders, waiting, TZ)

    def slot(self, slot_id: str, lang: Lang) -> SlotView | None:
        slot = self.slots.get(slot_id)
        return None if slot is None else self._current(slot)

    def _current(self, slot: SlotView) -> SlotView:
        ended = ("closed", "canceled", "failed")
        mine = [o for o in self.orders.values() if o.slot_id == slot.slot_id and o.state not in ended]
        return replace(slot, open_order=mine[0] if mine else None)

    def order(self, order_id: str, lang: Lang) -> OrderView | None:
        return self.orders.get(order_id)

    def set_rules(self, slot_id: str, rules: RulesForm, by: str = "") -> None:
        self.named.append(by)
        self._act("set_rules", slot_id, rules)
        slot = self.slots[slot_id]
        twin = slot.twin
        if rules.threshold != slot.threshold:
            twin = TwinView("pending", rules.threshold, slot.twin.reported, NOW)
        self.slots[slot_id] = replace(
            slot,
            threshold=rules.threshold,
            mode=rules.mode,
            price_cap_minor=rules.price_cap_minor,
            timing=rules.timing,
            twin=twin,
        )

    def report_threshold(self, slot_id: str, reported: int) -> None:
        """The device confirms: the twin is in force, or limited where it clamped."""
        twin = self.slots[slot_id].twin
        state: TwinState = "in_force" if twin.desired == reported else "limited"
        self.slots[slot_id] = replace(self.slots[slot_id], twin=TwinView(state, twin.desired, reported, NOW))

    def correct_spare(self, slot_id: str, spare_packs: int) -> None:
        self._act("correct_spare", slot_id, spare_packs)
        self.slots[slot_id] = replace(self.slots[slot_id], spare_packs=spare_packs)

    def fit_unit(self, slot_id: str, remaining: int | None) -> None:
        self._act("fit_unit", slot_id, remaining)

    def approve(self, order_id: str, ceiling_minor: int, by: str = "") -> None:
        self.named.append(by)
        self._act("approve", order_id, ceiling_minor)
        self._move(order_id, "placing", allowed=self.orders[order_id].can_approve)

    def cancel(self, order_id: str, by: str = "") -> None:
        self.named.append(by)
        self._act("cancel", order_id)
        self._move(order_id, "canceled", allowed=self.orders[order_id].can_cancel)

    def _act(self, *call: object) -> None:
        self.calls.append(call)
        if self.refuse is not None:
            raise Refused(self.refuse)

    def _move(self, order_id: str, state: str, *, allowed: bool) -> None:
        if not allowed:
            raise Refused("state_changed")
        order = self.orders[order_id]
        self.orders[order_id] = replace(
            order,
            state=state,  # type: ignore[arg-type]
            can_approve=False,
            can_cancel=state == "placing",
            timeline=[*order.timeline, (NOW, state, "")],  # type: ignore[list-item]
        )


def household() -> FakePages:
    """Six slots and five orders: every state a person meets."""
    tank = make_slot(
        slot_id="slt-tank",
        name="Dishwasher tank",
        device_name="Tank sensor",
        unit="ml",
        capacity=1000,
        level=120,
        threshold=150,
        twin=TwinView("pending", 150, 100, at(-0.02)),
        product_name="Clear Rinse 1 l",
        pack_text="1 l bottle",
        spare_packs=0,
        run_out=run_out(3, 35.0),
        decision=DecisionView("ask", at(-0.1), "120 ml are left, under 150 ml: you are asked first.", []),
    )
    printer = make_slot(
        slot_id="slt-toner",
        name="Printer toner",
        device_name="Office printer",
        unit="pages",
        capacity=2600,
        level=410,
        level_as_of=at(-3),
        level_state="stale",
        threshold=300,
        mode="auto",
        price_cap_minor=7900,
        product_name="Toner black XL, 2,600 pages",
        pack_text="1 cartridge",
        twin=TwinView("limited", 300, 260, at(-2)),
        run_out=None,
        decision=DecisionView("hold", at(-0.2), "Nothing is ordered on an old reading.", []),
    )
    unknown = make_slot(
        slot_id="slt-cat",
        name="Cat litter",
        level=None,
        level_state="unknown",
        run_out=None,
        twin=TwinView("none", None, None, None),
        decision=DecisionView("hold", at(-0.2), "The scale sees no bin, so the level is unknown.", []),
        chart=replace(make_slot().chart, points=[], orders=[], refills=[], run_out=None),  # type: ignore[type-var]
    )
    button = make_slot(
        slot_id="slt-coffee",
        name="Coffee button",
        device_name="Button by the machine",
        device_kind="button",
        unit="presses",
        capacity=None,
        level=None,
        level_as_of=None,
        level_state="none",
        threshold=None,
        twin=TwinView("none", None, None, None),
        run_out=None,
        product_name="Espresso beans 1 kg",
        pack_text="1 kg bag",
        decision=None,
        chart=None,
        on_order_packs=1,
        spare_packs=0,
    )
    long = make_slot(
        slot_id="slt-long",
        name="Hypoallergenic super concentrated laundry detergent for dark clothes in the upper bathroom",
        device_name="Waschküchenunterschrankwaage",
        product_name="Feinwaschmittelkonzentratnachfüllpackung Sensitiv ohne Duftstoffe 12er-Vorratspackung",
    )
    coffee = make_order(
        order_id="ord-2",
        slot_id="slt-coffee",
        slot_name="Coffee button",
        product_name="Espresso beans 1 kg",
        packs=1,
        state="shipped",
        trigger="press",
        created_at=at(-1.3),
        total_minor=1899,
        permalink="https://shop.example/orders/77",
        reason="Somebody held the button for two seconds.",
        timeline=[
            (at(-1.3), "placing", ""),
            (at(-1.29), "placed", "The shop confirmed order 77."),
            (at(-0.3), "shipped", "Expected on Wednesday."),
        ],
        can_approve=False,
        can_cancel=False,
    )
    toner = make_order(
        order_id="ord-3",
        slot_id="slt-toner",
        slot_name="Printer toner",
        product_name="Toner black XL, 2,600 pages",
        packs=1,
        state="needs_attention",
        created_at=at(-2),
        total_minor=None,
        reason="410 pages are left and delivery takes five days.",
        problem="The shop asks for a new delivery address.",
        permalink="https://shop.example/checkout/9",
        can_approve=False,
    )
    done = make_order(
        order_id="ord-4",
        slot_id="slt-washer",
        slot_name="Washing powder",
        product_name="Gentle Colour Powder 3 kg",
        packs=1,
        state="closed",
        created_at=at(-15),
        reason="The powder would have run out before the next delivery.",
        can_approve=False,
        can_cancel=False,
    )
    return FakePages([make_slot(), tank, printer, unknown, button, long], [make_order(), coffee, toner, done])
