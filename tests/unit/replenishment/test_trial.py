"""Shadow mode: what would have been ordered is kept, judged by what happened without it, and never bought."""

import json
import re
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from replenish_server.households.mandate import Mode
from replenish_server.households.tables import SlotMandate
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.amounts import days
from replenish_server.replenishment.shadow import shadow_orders
from replenish_server.replenishment.tables import DecisionRecord
from replenish_server.replenishment.trial import (
    Judged,
    Outcome,
    TrialOrder,
    balance,
    judge_trial,
    missed_run_outs,
    outcome_sentence,
)
from replenish_server.retailers.prices import CATALOGUE, remember_price
from replenish_server.telemetry.store import Incoming, store_batch
from tests.fakes.retailer_house import HOUSEHOLD, NOW, RETAILER, House, evaluate_now

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("emptied", "refilled", "now", "outcome", "about"),
    [
        (None, None, 1, Outcome.COMING, 2),
        (None, None, 5, Outcome.WAITING, 2),
        (None, None, 20, Outcome.TOO_EARLY, 17),
        (None, 2, 9, Outcome.UNNEEDED, 1),
        (None, 5, 9, Outcome.IN_TIME, 2),
        (None, 18, 30, Outcome.TOO_EARLY, 15),
        (4, 6, 9, Outcome.PREVENTED, 2),
        (2, 6, 9, Outcome.PREVENTED, 3),
        (4, None, 9, Outcome.PREVENTED, 5),
        (1, 2, 9, Outcome.TOO_LATE, 1),
        (1, None, 2, Outcome.TOO_LATE, 1),
    ],
)
def test_a_trial_order_is_judged_by_what_happened_without_it(
    emptied: int | None, refilled: int | None, now: int, outcome: Outcome, about: int
) -> None:
    """It would have left at day 0 and come at day 3."""

    def day(number: int | None) -> datetime | None:
        return None if number is None else NOW + number * DAY

    order = TrialOrder(NOW, NOW + 3 * DAY, day(emptied), day(refilled))
    assert Judged(outcome, about) == judge_trial(order, NOW + now * DAY)


SPAN = st.floats(0, 60).map(lambda n: n * DAY)


@given(SPAN, st.none() | SPAN, st.none() | SPAN, SPAN)
def test_every_outcome_says_its_days(
    lead: timedelta, emptied: timedelta | None, refilled: timedelta | None, more: timedelta
) -> None:
    """In both languages, never negative; and the balance counts each order once at most."""
    end = None if refilled is None else NOW + refilled
    order = TrialOrder(NOW, NOW + lead, None if emptied is None else NOW + emptied, end)
    judged = judge_trial(order, (end or NOW) + more)
    assert judged.days >= 0
    for language in ("en", "ko"):
        assert re.findall(r"\d+(?:\.\d+)?", outcome_sentence(judged, language)) == [days(judged.days)]
    sums = balance([judged, judged])
    assert sums.prevented + sums.too_late + sums.too_early in (0, 2)
    assert sums.spared_days == (2 * judged.days if judged.outcome is Outcome.PREVENTED else 0)


def on_trial(house: House) -> str:
    """A level slot in shadow, with a price that a catalogue named."""
    slot = house.slots["level-1"]
    with house.database.write() as session:
        session.get_one(SlotMandate, slot).mode = Mode.SHADOW
        remember_price(session, RETAILER, "det-1kg", 1190, "EUR", CATALOGUE, NOW - 5 * DAY)
    return slot


def weigh(house: House, grams: int, *hours: float, first: int) -> None:
    """The scale says so, at these hours from NOW; each is stored as it comes."""
    for number, hour in enumerate(hours):
        body = {"v": 1, "b": "0000000a", "s": first + number, "a": 0, "c": 2, "t": "level", "n": grams}
        body["q"] = "ok"
        with house.database.write() as session:
            at = NOW + timedelta(hours=hour)
            store_batch(session, [Incoming("rp/1/level-1/up/ev", json.dumps(body).encode(), False, at)])


def look(house: House, slot: str, now: datetime) -> None:
    """Evaluate the slot once."""
    with house.database.write() as session:
        evaluate_now(session, slot, now)


def test_on_trial_everything_happens_but_the_buying(house: House) -> None:
    """One trial order with product, packs, price and its day; no order, however often it is looked at."""
    slot = on_trial(house)
    weigh(house, 200, -3, -2, -1, first=1)
    for minutes in (0, 1, 60):
        look(house, slot, NOW + timedelta(minutes=minutes))
    with house.database.read() as session:
        (row,) = shadow_orders(session, HOUSEHOLD)
        assert session.exec(select(PurchaseOrder)).all() == []
        kinds = {record.kind for record in session.exec(select(DecisionRecord))}
    assert (row.product_name, row.packs, row.price_minor) == ("Detergent 1 kg", 2, 2380)
    assert row.price_at == NOW - 5 * DAY
    assert row.arrives_at > row.at == NOW
    assert {"shadow", "hold"} == kinds


def test_a_refill_from_elsewhere_ends_the_trial_order(house: House) -> None:
    """Then the slot may want again."""
    slot = on_trial(house)
    weigh(house, 200, -3, -2, -1, first=1)
    look(house, slot, NOW)
    weigh(house, 1900, 48, 49, 50, 51, first=9)
    look(house, slot, NOW + 3 * DAY)
    with house.database.read() as session:
        (row,) = shadow_orders(session, HOUSEHOLD)
    assert row.refilled_at is not None
    assert NOW < row.refilled_at <= NOW + 3 * DAY
    assert row.closed_at == NOW + 3 * DAY


def test_a_run_out_that_no_trial_order_knew_of_counts_once_from_refill_to_refill() -> None:
    """One that an order saw is judged with that order; a level that only comes close is none."""
    points = [(NOW + timedelta(days=n), level) for n, level in enumerate([50, 1, 0, 90, 40, 1, 95, 3])]
    refills = [NOW + timedelta(days=3), NOW + timedelta(days=6)]
    first, second = NOW + timedelta(days=1), NOW + timedelta(days=5)
    order = TrialOrder(NOW + timedelta(days=4), NOW + timedelta(days=7), emptied_at=second)
    assert [first, second] == missed_run_outs(points, refills, 100, [])
    assert [first] == missed_run_outs(points, refills, 100, [order])
    assert [] == missed_run_outs([], [], 100, [])
