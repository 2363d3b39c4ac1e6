"""When a level or a press leads to an order, to a question, or to neither."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from replenish_server.households.mandate import Mandate, Mode
from replenish_server.inventory import stock_position
from replenish_server.replenishment.decision import Kind, Trigger
from replenish_server.replenishment.outlook import SlotFacts
from replenish_server.replenishment.policy import decide_on_level, decide_on_press
from replenish_server.replenishment.quantity import MAX_PACKS, Offer
from replenish_server.replenishment.sentences import sentence
from replenish_server.replenishment.timing import Timing
from tests.unit.replenishment.conftest import lasting, parcel

FactsOf = Callable[..., SlotFacts]
HOURS = timedelta(hours=1)
STALE = timedelta(hours=26, minutes=1)


def test_a_low_slot_with_all_its_evidence_orders(slot: FactsOf, now: datetime) -> None:
    """Every rule says yes."""
    decision = decide_on_level(slot(), now)
    assert Kind.ORDER is decision.kind
    assert decision.refused_by() is None
    assert Trigger.LEVEL is decision.trigger
    assert (decision.level, decision.threshold, decision.order_up_to) == (300_000, 400_000, 2_000_000)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"open_order": "placing"}, "no_open_order"),
        ({"open_order": "delivered"}, "no_open_order"),
        (
            {
                "position": stock_position(None, 1, 0, 0),
                "trailing": [],
                "level_as_of": None,
                "run_out": None,
            },
            "level_known",
        ),
        ({"level_as_of": None}, "fresh_reading"),
        ({"stale": STALE}, "fresh_reading"),
        ({"stale": -5 * 365 * 24 * HOURS}, "fresh_reading"),
        ({"position": stock_position(1_900_000, 1, 0, 0)}, "below_reorder_point"),
        ({"drop": 8}, "steady_level"),
        ({"trailing": []}, "three_low_readings"),
        ({"hours": (2, 1)}, "three_low_readings"),
        ({"hours": (1.9, 1.5, 1)}, "three_low_readings"),
    ],
    ids=[
        "an order is open",
        "a pack is delivered and not fitted",
        "unknown",
        "never read",
        "stale",
        "dated by a clock that was ahead",
        "enough",
        "fallen within a day",
        "settling since",
        "two readings",
        "three within the hour",
    ],
)
def test_each_rule_alone_holds(slot: FactsOf, now: datetime, change: dict[str, Any], rule: str) -> None:
    """One refusal is enough, it is the one named, and nothing is ordered."""
    change = dict(change)
    if "stale" in change:
        change = {"level_as_of": now - change["stale"]}
    if "drop" in change:
        change = {"points": [(now - change["drop"] * HOURS, 1_600_000), (now - HOURS, 300_000)]}
    if "hours" in change:
        change = {"trailing": [(now - h * HOURS, 300_000) for h in change["hours"]]}
    decision = decide_on_level(slot(**change), now)
    refusal = decision.refused_by()
    assert Kind.HOLD is decision.kind
    assert refusal is not None
    assert rule == refusal.rule
    assert decision.packs == 0


def test_a_reading_is_fresh_for_26_hours_to_the_second(slot: FactsOf, now: datetime) -> None:
    """A daily report and two hours of slack."""
    assert Kind.ORDER is decide_on_level(slot(level_as_of=now - 26 * HOURS), now).kind


def test_three_readings_over_exactly_one_hour_are_evidence(slot: FactsOf, now: datetime) -> None:
    """The limits belong to the allowed side."""
    trailing = [(now - h * HOURS, 300_000) for h in (2, 1.5, 1)]
    assert Kind.ORDER is decide_on_level(slot(trailing=trailing), now).kind


def test_a_high_reading_breaks_the_low_run(slot: FactsOf, now: datetime) -> None:
    """Only low readings since the last high one count."""
    levels = (300_000, 300_000, 1_900_000, 300_000, 300_000)
    trailing = [(now - (9 - n) * HOURS, level) for n, level in enumerate(levels)]
    decision = decide_on_level(slot(trailing=trailing), now)
    assert (decision.kind, decision.low_readings) == (Kind.HOLD, 2)


def test_the_threshold_of_a_person_is_a_floor_under_the_reorder_point(slot: FactsOf, now: datetime) -> None:
    """A slow habit and a quick parcel never lower it."""
    slow = lasting(300_000, rate=1.0)
    assert decide_on_level(slot(run_out=slow), now).reorder_point == 400_000
    high = decide_on_level(slot(threshold=1_700_000), now)
    assert high.reorder_point == 1_700_000


def test_a_slow_parcel_raises_the_reorder_point(slot: FactsOf, now: datetime) -> None:
    """What is used while waiting must be there."""
    quick, slow = (decide_on_level(slot(lead_time=parcel(d)), now) for d in (1.0, 7.0))
    assert (quick.reorder_point or 0) < (slow.reorder_point or 0)


@pytest.mark.parametrize("capacity", [1, 2, 3, 4, 5, 10, 2_000_000])
def test_a_full_container_never_orders(slot: FactsOf, now: datetime, capacity: int) -> None:
    """Not even where the parcel takes longer than a container lasts, nor in the smallest unit."""
    hungry = lasting(capacity, rate=capacity * 1.0)
    facts = slot(
        level=capacity,
        capacity=capacity,
        threshold=capacity - 1,
        pack_amount=1,
        run_out=hungry,
        lead_time=parcel(60),
    )
    decision = decide_on_level(facts, now)
    assert Kind.HOLD is decision.kind
    assert (decision.reorder_point or 0) < capacity


@pytest.mark.parametrize(
    ("level", "pack", "packs"),
    [
        (300_000, 1_000_000, 2),
        (300_000, 1_700_000, 1),
        (300_000, 1_699_999, 2),
        (300_000, 9_000_000, 1),
        (0, 1_000_000, 2),
        (0, 1, MAX_PACKS),
    ],
)
def test_packs_reach_the_capacity(slot: FactsOf, now: datetime, level: int, pack: int, packs: int) -> None:
    """As few as fill the container, at least one, never a lorry."""
    facts = slot(level=level, pack_amount=pack, position=stock_position(level, pack, 0, 0))
    assert packs == decide_on_level(facts, now).packs


def test_what_stands_in_the_cupboard_counts(slot: FactsOf, now: datetime) -> None:
    """A spare pack keeps a low container from ordering."""
    decision = decide_on_level(slot(spare=1), now)
    assert Kind.HOLD is decision.kind
    assert decision.spare == 1_000_000


@pytest.mark.parametrize(
    ("mandate", "kind"),
    [
        (Mandate(Mode.AUTO, 3000, "EUR"), Kind.ORDER),
        (Mandate(Mode.AUTO, 0, "EUR"), Kind.ORDER),
        (Mandate(Mode.AUTO, None, "EUR"), Kind.ASK),
        (Mandate(Mode.ASK, 3000, "EUR"), Kind.ASK),
        (Mandate(Mode.ASK, None, "EUR"), Kind.ASK),
    ],
)
def test_only_auto_with_a_cap_leaves_without_a_person(
    slot: FactsOf, now: datetime, mandate: Mandate, kind: Kind
) -> None:
    """For levels and presses alike."""
    level = decide_on_level(slot(mandate=mandate), now)
    press = decide_on_press(slot(mandate=mandate), late=False, age=timedelta(0), now=now)
    assert (kind, kind) == (level.kind, press.kind)
    assert (level.packs, press.packs) == (2, 1)


@pytest.mark.parametrize(
    ("state", "late", "kind", "packs"),
    [
        (None, False, Kind.ORDER, 1),
        (None, True, Kind.ASK, 1),
        ("shipped", False, Kind.HOLD, 0),
        ("shipped", True, Kind.HOLD, 0),
    ],
)
def test_a_press_orders_one_pack_asks_when_late_and_joins_an_open_order(
    slot: FactsOf, now: datetime, state: str | None, late: bool, kind: Kind, packs: int
) -> None:
    """The whole table of a press."""
    decision = decide_on_press(slot(open_order=state), late, timedelta(minutes=12, seconds=40), now)
    assert (kind, packs) == (decision.kind, decision.packs)
    assert decision.press_age_minutes == 13


def test_a_press_does_not_ask_what_the_sensor_says(slot: FactsOf, now: datetime) -> None:
    """The person stands before it: an unknown or a full container orders too."""
    for level in (None, 2_000_000):
        assert Kind.ORDER is decide_on_press(slot(level=level), late=False, age=timedelta(0), now=now).kind


def test_a_button_has_no_level_to_judge(slot: FactsOf, now: datetime) -> None:
    """Asking is a mistake of the caller, not a decision."""
    with pytest.raises(ValueError, match="without a sensor"):
        decide_on_level(slot(capacity=None), now)


def test_the_days_of_cover_count_what_is_on_hand(slot: FactsOf, now: datetime) -> None:
    """Early, middle and late, in order, longer with a spare pack."""
    bare, stocked = decide_on_level(slot(), now), decide_on_level(slot(spare=1), now)
    assert bare.run_out_days is not None
    assert stocked.run_out_days is not None
    assert sorted(bare.run_out_days) == list(bare.run_out_days)
    assert bare.run_out_days[1] < stocked.run_out_days[1]


def test_a_drop_that_has_lasted_a_day_counts(slot: FactsOf, now: datetime) -> None:
    """And a fall that is no more than three days of use always does."""
    old = [(now - 26 * HOURS, 1_600_000), (now - HOURS, 300_000)]
    assert Kind.ORDER is decide_on_level(slot(points=old), now).kind
    heavy = [(now - 3 * HOURS, 650_000), (now - HOURS, 300_000)]
    assert Kind.HOLD is decide_on_level(slot(points=heavy), now).kind
    used_to_it = slot(points=heavy, run_out=lasting(300_000, rate=150_000))
    assert Kind.ORDER is decide_on_level(used_to_it, now).kind


def test_the_earlier_the_timing_the_higher_the_point(slot: FactsOf, now: datetime) -> None:
    """More cover, fewer empty days; and the decision says what it chose."""
    facts = slot(threshold=1, lead_time=parcel(5))
    early, balanced, late = (decide_on_level(replace(facts, timing=timing), now) for timing in Timing)
    points = [d.reorder_point or 0 for d in (early, balanced, late)]
    assert sorted(points, reverse=True) == points
    assert len(set(points)) == 3
    assert (early.cover_days or 0) > (balanced.cover_days or 0) > (late.cover_days or 0)
    assert (early.out_once_in_years or 0) > (balanced.out_once_in_years or 0) > (late.out_once_in_years or 0)
    assert (Timing.EARLY, 0.02) == (early.timing, early.accepted_risk)


@pytest.mark.parametrize("level", [0, 1, 150_000, 300_000, 399_999, 700_000])
def test_without_a_threshold_in_the_way_the_risk_decides(slot: FactsOf, now: datetime, level: int) -> None:
    """At or under the reorder point exactly when the risk reaches what the timing accepts."""
    for timing in Timing:
        facts = slot(level=level, threshold=0, timing=timing)
        decision = decide_on_level(facts, now)
        assert decision.risk is not None
        assert decision.accepted_risk is not None
        below = level <= (decision.reorder_point or 0)
        assert (
            below == (decision.risk >= decision.accepted_risk)
            or abs(level - (decision.reorder_point or 0)) <= 1
        )


def test_storage_and_shelf_life_limit_the_packs(slot: FactsOf, now: datetime) -> None:
    """And the decision says which; one pack is ordered all the same."""
    small = decide_on_level(slot(storage_limit=1_500_000), now)
    assert (1, "storage") == (small.packs, small.limited_by)
    perishable = decide_on_level(slot(shelf_life_days=20), now)
    assert (1, "shelf_life") == (perishable.packs, perishable.limited_by)
    assert (2, None) == (decide_on_level(slot(), now).packs, decide_on_level(slot(), now).limited_by)


def test_the_cheaper_of_two_accepted_packs_is_taken_only_when_both_prices_are_known(
    slot: FactsOf, now: datetime
) -> None:
    """By price per base unit; the household's first choice otherwise."""
    small, large = Offer("small", 1_000_000, 900), Offer("large", 2_000_000, 1500)
    assert "large" == decide_on_level(slot(offers=(small, large)), now).item_id
    assert "small" == decide_on_level(slot(offers=(small, replace(large, price_minor=None))), now).item_id
    assert "small" == decide_on_level(slot(offers=(small, replace(large, price_minor=1900))), now).item_id


@pytest.mark.parametrize(
    ("state", "said"),
    [("placing", "already under way"), ("delivered", "was delivered"), ("ready_for_pickup", "picked up")],
)
def test_an_open_order_is_called_what_it_is(slot: FactsOf, now: datetime, state: str, said: str) -> None:
    """Nobody waits for a parcel that stands in the hall."""
    decision = decide_on_level(slot(open_order=state), now)
    assert said in sentence(decision, "en")
    assert sentence(decision, "ko").startswith("주문하지 않음: ")
