"""Law 6, from the wire to the order: what is unknown, stale, implausible or a retained copy never buys."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from replenish_server.fleet.tables import Slot
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.record import from_json
from replenish_server.replenishment.sentences import sentence
from replenish_server.replenishment.tables import DecisionRecord, PressAnswer
from replenish_server.telemetry.store import Incoming, store_batch
from tests.fakes.retailer_house import NOW, House, evaluate_now
from tests.laws.conftest import FreshHouse
from tests.support.seeds import LAWFUL

pytestmark = pytest.mark.law

BOOT = "0000000a"
LOW_G, CAPACITY_G = 200, 2000  # the threshold is 400 g

BAD = st.one_of(
    st.fixed_dictionaries({"q": st.sampled_from(["settling", "coarse", "unknown"]), "n": st.just(LOW_G)}),
    st.just({"q": "unknown"}),
    st.fixed_dictionaries({"n": st.integers(CAPACITY_G * 2, 10**8)}),
    st.fixed_dictionaries({"n": st.just(LOW_G), "retained": st.just(True)}),
    st.fixed_dictionaries({"n": st.just(LOW_G), "stale": st.just(True)}),
)
"""Readings that would order if somebody believed them."""


def message(device: str, seq: int, at: datetime, retained: bool = False, **event: Any) -> Incoming:
    """An event as it comes from the broker now, measured `at`."""
    age_s = int((NOW - at).total_seconds())
    body = {"v": 1, "b": BOOT, "s": seq, "a": age_s, "c": 2, **event}
    return Incoming(f"rp/1/{device}/up/ev", json.dumps(body).encode(), retained, NOW)


def level(seq: int, at: datetime, reading: dict[str, Any]) -> Incoming:
    """A level reading, made stale or retained where it says so."""
    event = {"t": "level", **reading}
    retained = bool(event.pop("retained", False))
    if event.pop("stale", False):
        at -= timedelta(days=3)
    return message("level-1", seq, at, retained, **event)


def judge(house: House, device: str, messages: list[Incoming], now: datetime = NOW) -> list[PurchaseOrder]:
    """Store the messages, evaluate the slot; the orders that came of it, each decision explained."""
    with house.database.write() as session:
        store_batch(session, messages)
    with house.database.write() as session:
        evaluate_now(session, house.slots[device], now)
    with house.database.read() as session:
        decisions = list(session.exec(select(DecisionRecord)))
        orders = list(session.exec(select(PurchaseOrder)))
    assert decisions
    for decision in decisions:
        assert sentence(from_json(decision.data), "en")
        assert sentence(from_json(decision.data), "ko")
    assert {order.decision_id for order in orders} <= {decision.id for decision in decisions}
    return orders


def hours_ago(hours: float) -> datetime:
    """Before the present moment."""
    return NOW - timedelta(hours=hours)


def three_low() -> list[Incoming]:
    """All the evidence that an order needs."""
    return [level(n, hours_ago(4 - n), {"n": LOW_G}) for n in (1, 2, 3)]


def test_good_low_readings_do_order(fresh_house: FreshHouse) -> None:
    """Otherwise the laws below would hold for nothing."""
    orders = judge(fresh_house(), "level-1", three_low())
    assert [State.PLACING] == [order.state for order in orders]


def test_a_slot_whose_device_left_never_orders(fresh_house: FreshHouse) -> None:
    """Whatever wakes it, and with all the evidence that an order needs."""
    house = fresh_house()
    with house.database.write() as session:
        store_batch(session, three_low())
        session.get_one(Slot, house.slots["level-1"]).retired_at = NOW
    with house.database.write() as session:
        evaluate_now(session, house.slots["level-1"], NOW)
    with house.database.read() as session:
        assert [] == list(session.exec(select(PurchaseOrder)))
        assert session.get_one(Slot, house.slots["level-1"]).due_at is None


@settings(LAWFUL, max_examples=80)
@given(readings=st.lists(BAD, min_size=1, max_size=12), shuffled=st.randoms(use_true_random=False))
def test_what_cannot_be_believed_never_orders(
    fresh_house: FreshHouse, readings: list[dict[str, Any]], shuffled: Any
) -> None:
    """However many of them there are, over however long, in whatever order they arrive."""
    messages = [
        level(n, hours_ago(len(readings) - n), reading) for n, reading in enumerate(readings, start=1)
    ]
    shuffled.shuffle(messages)
    assert [] == judge(fresh_house(), "level-1", messages)


@settings(LAWFUL, max_examples=80)
@given(
    good=st.lists(st.sampled_from([LOW_G, 1500]), max_size=3),
    bad=st.lists(BAD, min_size=1, max_size=6),
    data=st.data(),
)
def test_bad_readings_never_make_up_for_missing_good_ones(
    fresh_house: FreshHouse, good: list[int], bad: list[dict[str, Any]], data: st.DataObject
) -> None:
    """If the good readings alone do not order, they do not order with bad ones among them either."""
    mixed = data.draw(st.permutations([{"n": grams} for grams in good] + bad))
    at = [hours_ago(len(mixed) - n) for n in range(len(mixed))]
    both = [level(n, at[n], reading) for n, reading in enumerate(mixed)]
    alone = [one for one, reading in zip(both, mixed, strict=True) if reading not in bad]
    ordered_alone = bool(alone) and bool(judge(fresh_house(), "level-1", alone))
    ordered_mixed = bool(judge(fresh_house(), "level-1", both))
    assert ordered_alone or not ordered_mixed


@settings(LAWFUL, max_examples=80)
@given(days=st.floats(1.2, 80))
def test_good_readings_that_became_old_never_order(fresh_house: FreshHouse, days: float) -> None:
    """The evidence is perfect, and more than a day old when the slot is judged."""
    assert [] == judge(fresh_house(), "level-1", three_low(), NOW + timedelta(days=days))


@settings(LAWFUL, max_examples=80)
@given(age_s=st.integers(0, 86_400), retained=st.booleans(), copies=st.integers(1, 3))
def test_a_late_or_retained_press_asks(
    fresh_house: FreshHouse, age_s: int, retained: bool, copies: int
) -> None:
    """A press orders when it is at most ten minutes old and no retained copy; otherwise a person is asked."""
    house = fresh_house()
    at = NOW - timedelta(seconds=age_s)
    press = message("button-1", 1, at, retained, t="press", g="short")
    orders = judge(house, "button-1", [press] * copies)
    wanted = State.PLACING if age_s <= 600 and not retained else State.NEEDS_APPROVAL
    assert [wanted] == [order.state for order in orders]
    again = judge(house, "button-1", [press], NOW + timedelta(seconds=1))
    assert [order.id for order in orders] == [order.id for order in again]
    with house.database.read() as session:
        assert [orders[0].id] == [answer.order_id for answer in session.exec(select(PressAnswer))]
