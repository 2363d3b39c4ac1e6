"""Orders that travel together: who is pulled forward, by how much, and what the decision says of it."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from replenish_server.fleet.registry import NewDevice, Product, add_device
from replenish_server.households.mandate import Mode
from replenish_server.households.rules import HomeRules, home_rules, set_home_rules
from replenish_server.households.tables import SlotMandate
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.basket import pull_forward
from replenish_server.replenishment.decision import Decision, Kind, Trigger
from replenish_server.replenishment.outlook import SlotFacts
from replenish_server.replenishment.policy import decide_on_level
from replenish_server.replenishment.record import from_json, to_json
from replenish_server.replenishment.sentences import sentence
from replenish_server.replenishment.verdicts import verdict_text
from replenish_server.telemetry.store import Incoming, store_batch
from tests.fakes.retailer_house import HOUSEHOLD, NOW, RETAILER, House, evaluate_now
from tests.unit.replenishment.conftest import lasting, low_slot

FactsOf = Callable[..., SlotFacts]
RATE = 60_000


def pulled(facts: SlotFacts, window_days: int, now: datetime) -> Decision | None:
    """What becomes of a slot when another order leaves."""
    return pull_forward(facts, decide_on_level(facts, now), window_days, now)


def at_days_before(slot: FactsOf, days: float, now: datetime) -> SlotFacts:
    """A slot that would order in about so many days."""
    point = decide_on_level(slot(), now).reorder_point or 0
    level = round(point + days * RATE)
    return slot(level=level, run_out=lasting(level))


@pytest.mark.parametrize(("days", "window", "travels"), [(1, 3, True), (2.5, 3, True), (1, 0, False)])
def test_a_slot_travels_when_its_day_lies_within_the_window(
    slot: FactsOf, now: datetime, days: float, window: int, travels: bool
) -> None:
    decision = pulled(at_days_before(slot, days, now), window, now)
    assert travels == (decision is not None)
    if decision is not None:
        assert (decision.kind, decision.trigger) == (Kind.ORDER, Trigger.BASKET)
        assert decision.packs >= 1


def test_a_slot_far_from_its_day_stays(slot: FactsOf, now: datetime) -> None:
    """And so does one without evidence, one that orders anyway, and one that may not leave."""
    assert pulled(at_days_before(slot, 9, now), 3, now) is None
    near = at_days_before(slot, 1, now)
    assert pulled(replace(near, trailing=[]), 3, now) is None
    assert pulled(slot(), 3, now) is None
    for mode in (Mode.NOTIFY, Mode.SHADOW):
        assert pulled(replace(near, mandate=replace(near.mandate, mode=mode)), 3, now) is None
    asking = pulled(replace(near, mandate=replace(near.mandate, mode=Mode.ASK)), 3, now)
    assert asking is not None
    assert asking.kind is Kind.ASK


@settings(max_examples=60, deadline=None)
@given(days=st.floats(0.1, 6), window=st.integers(0, 14))
def test_the_sentence_says_by_how_much_and_the_risk_either_way(days: float, window: int) -> None:
    """Never further than the window, never riskier than on its own day; and the numbers are the verdict's."""
    decision = pulled(at_days_before(low_slot, days, NOW), window, NOW)
    if decision is None:
        return
    verdict = next(verdict for verdict in decision.verdicts if verdict.rule == "basket")
    early, most, risk, then = (
        float(verdict.numbers[name] or 0)
        for name in ("days_early", "window_days", "risk_percent", "risk_then_percent")
    )
    assert 0 <= early <= most == window
    assert risk <= then
    for language in ("en", "ko"):
        said = verdict_text(verdict, "mg", language)
        assert sorted(float(n) for n in re.findall(r"\d+(?:\.\d+)?", said)) == sorted(
            [early, most, risk, then]
        )
        assert said in sentence(decision, language)
    assert decision == from_json(json.loads(json.dumps(to_json(decision))))


def weigh(house: House, device: str, grams: int) -> None:
    """Three good readings over two hours."""
    for number, hours in enumerate((3, 2, 1), 1):
        body = {"v": 1, "b": "0000000a", "s": number, "a": 0, "c": 2, "t": "level", "n": grams, "q": "ok"}
        at = NOW - timedelta(hours=hours)
        with house.database.write() as session:
            store_batch(session, [Incoming(f"rp/1/{device}/up/ev", json.dumps(body).encode(), False, at)])


@pytest.mark.parametrize(("basket_days", "orders"), [(14, ["basket", "level"]), (0, ["level"])])
def test_when_one_slot_orders_another_travels_along(
    house: House, basket_days: int, orders: list[str]
) -> None:
    """Of the same household and retailer; with a window of no days nobody does."""
    new = NewDevice(
        "level", "Scale", "Softener", "detergent", Product(RETAILER, "soft", "Softener", 900_000),
        2_000_000, 400_000, "level-2",
    )  # fmt: skip
    with house.database.write() as session:
        _, other = add_device(session, HOUSEHOLD, new, NOW)
        session.add(
            SlotMandate(slot_id=other, mode="auto", price_cap_minor=3000, currency="EUR", changed_at=NOW)
        )
        home = home_rules(session, HOUSEHOLD)
        set_home_rules(session, HOUSEHOLD, HomeRules(home.rules, basket_days), NOW)
    weigh(house, "level-1", 200)
    weigh(house, "level-2", 900)
    with house.database.write() as session:
        evaluate_now(session, other, NOW)
    with house.database.read() as session:
        assert session.exec(select(PurchaseOrder)).all() == [], "alone it has enough"
    for slot in (house.slots["level-1"], other):
        with house.database.write() as session:
            evaluate_now(session, slot, NOW)
    with house.database.read() as session:
        rows = session.exec(select(PurchaseOrder).order_by(col(PurchaseOrder.trigger))).all()
    assert orders == [row.trigger for row in rows]
