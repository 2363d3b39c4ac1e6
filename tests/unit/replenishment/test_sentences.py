"""Every decision can be explained, in both languages, with its own numbers; and survives the database."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenish_server.households.mandate import Verdict
from replenish_server.inventory import stock_position
from replenish_server.replenishment.amounts import amount, money
from replenish_server.replenishment.decision import Decision, Kind, Trigger
from replenish_server.replenishment.forecast_texts import forecast_sentences
from replenish_server.replenishment.mandate_texts import clause
from replenish_server.replenishment.outlook import SlotFacts
from replenish_server.replenishment.policy import decide_on_level, decide_on_press
from replenish_server.replenishment.quantity import Offer
from replenish_server.replenishment.record import from_json, to_json
from replenish_server.replenishment.sentences import sentence
from replenish_server.replenishment.timing import Timing
from replenish_server.replenishment.verdicts import verdict_text
from tests.unit.households.mandates import mandates, months
from tests.unit.replenishment.conftest import lasting, parcel

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    """A decision as the policy makes it, from facts of every kind."""
    unit, capacity = draw(
        st.sampled_from([("mg", 2_000_000), ("mg", 150_000), ("pack", 12), ("ml", 120_000), ("page", 2500)])
    )
    pack = draw(st.integers(1, capacity * 2))
    level = draw(st.one_of(st.none(), st.integers(0, capacity)))
    count = draw(st.integers(0, 5)) if level is not None else 0
    step = timedelta(minutes=draw(st.integers(1, 90)))
    age = timedelta(minutes=draw(st.integers(0, 3000)))
    order = draw(st.sampled_from([None, None, None, "placing", "shipped", "delivered"]))
    facts = SlotFacts(
        unit=unit,
        capacity=capacity,
        threshold=draw(st.integers(0, capacity - 1)),
        pack_amount=pack,
        position=stock_position(level, pack, draw(st.integers(0, 1)), draw(st.integers(0, 1))),
        level_as_of=None if level is None else NOW - age,
        trailing=[(NOW - age - n * step, level or 0) for n in range(count)][::-1],
        run_out=None
        if level is None
        else replace(
            lasting(
                max(level, capacity * 0.004),
                draw(st.floats(capacity / 2000, capacity / 2)),
                draw(st.floats(0.05, 1.2)),
                draw(st.integers(0, 84)),
            ),
            week_ratio=draw(st.floats(0, 5)),
            idle_days=draw(st.integers(0, 28)),
        ),
        lead_time=parcel(draw(st.floats(0, 30))),
        timing=draw(st.sampled_from(Timing)),
        known_share=draw(st.floats(0, 1)),
        points=[(NOW - age - 9 * step, draw(st.integers(0, capacity))), (NOW - age, level or 0)],
        mandate=draw(mandates()),
        spending=(draw(months()),),
        shops={"shop-1": "Corner shop"},
        offers=(Offer("det-1kg", pack, draw(st.none() | st.integers(0, 9999)), 0, NOW),),
        open_order=order,
        counted=unit in ("ml", "page"),
    )
    if draw(st.booleans()):
        return decide_on_press(facts, draw(st.booleans()), timedelta(minutes=draw(st.integers(0, 9999))), NOW)
    return decide_on_level(facts, NOW)


def shown(value: float | None, unit: str) -> float:
    """What a person reads of a quantity, as a number."""
    assert value is not None
    if unit == "ml":
        return float(f"{value / 1000:.1f}") if value < 10_000 else float(round(value / 1000))
    return float(round(value / 1000) if unit == "mg" else round(value))


def quantities(text: str, unit: str) -> list[float]:
    """Every quantity in a sentence, in the order of the words."""
    name = {"mg": "g", "pack": "packs?", "ml": "l", "page": "pages?"}[unit]
    return [float(found.replace(",", "")) for found in re.findall(rf"([\d,.]+) {name}\b", text)]


def days(text: str) -> list[float]:
    """Median, early, late and lead days of the sentence of an order."""
    median = re.search(r"about ([\d.]+) days", text)
    band = re.search(r"\(([\d.]+) to ([\d.]+)\)", text)
    lead = re.search(r"parcel takes about ([\d.]+) days", text)
    assert median
    assert band
    assert lead
    return [float(median[1]), float(band[1]), float(band[2]), float(lead[1])]


def as_days(value: float | None) -> float:
    """Days as they are written: whole from ten on."""
    assert value is not None
    return float(f"{value:.0f}" if value >= 10 else f"{value:.1f}")


@settings(max_examples=200, deadline=None)
@given(decisions())
def test_every_decision_reads_in_both_languages(decision: Decision) -> None:
    """No number is left out, no placeholder left in, and every rule has its words."""
    for language in ("en", "ko"):
        text = sentence(decision, language)
        assert text.strip()
        assert not re.search(r"None|nan|inf|\{|\}|\?", text.replace("가격 한도가 없음", "")), text
        for verdict in decision.verdicts:
            assert verdict_text(verdict, decision.unit, language).strip()
        for said in forecast_sentences(decision, language):
            assert not re.search(r"None|nan|inf|\{|\}", said), said


@settings(max_examples=200, deadline=None)
@given(decisions())
def test_the_numbers_of_the_basis_are_those_of_the_decision(decision: Decision) -> None:
    """Days, percentages and risks, to the digit shown."""
    said = " ".join(forecast_sentences(decision, "en"))
    if decision.run_out_days is None:
        assert said == ""
        return
    assert re.search(rf"\b{decision.days_known} days? of readings", said)
    found = re.search(r"parcel could come is ([\d.]+) %; ordering [a-z ]+ accepts ([\d.]+) %", said)
    assert found
    for text, share in zip(found.groups(), (decision.risk, decision.accepted_risk), strict=True):
        assert share is not None
        assert float(text) == pytest.approx(100 * share, abs=0.5 if 100 * share >= 10 else 0.05)
    known = re.search(r"Of the last week, ([\d.]+) % is known", said)
    if known:
        assert decision.known_share is not None
        share = 100 * decision.known_share
        assert float(known[1]) == pytest.approx(share, abs=0.5 if share >= 10 else 0.05)
    change = re.search(r"was (\d+) % (above|below)", said)
    if change:
        assert decision.week_ratio is not None
        sign = 1 if change[2] == "above" else -1
        assert sign * int(change[1]) == round(100 * (decision.week_ratio - 1))
    idle = re.search(r"Nothing was used for (\d+) days", said)
    if idle:
        assert decision.idle_days == int(idle[1])


@settings(max_examples=200, deadline=None)
@given(decisions())
def test_the_numbers_of_the_english_sentence_are_those_of_the_decision(decision: Decision) -> None:
    """Parsed back, they agree to the digit shown."""
    text = sentence(decision, "en")
    if decision.kind is Kind.HOLD:
        check_hold(decision, text)
        return
    refusal = decision.refused_by()
    assert (refusal is None) == (decision.kind is Kind.ORDER)
    if refusal is not None and refusal.rule != "fresh_press":
        assert clause(refusal, decision.unit, "en") in text
    packs = re.search(r"\b(\d+) packs?\b", text)
    assert packs
    assert decision.packs == int(packs[1])
    if decision.kind is Kind.ORDER:
        assert money(decision.price_cap_minor, decision.currency) in text
    if decision.trigger is Trigger.LEVEL:
        assert decision.run_out_days is not None
        early, median, late = decision.run_out_days
        assert [as_days(v) for v in (median, early, late, decision.lead_time_days)] == days(text)
        earlier = (decision.reorder_point or 0) > (decision.threshold or 0)
        values = [
            decision.level,
            decision.rate_per_day,
            *[decision.reorder_point] * earlier,
            decision.threshold,
        ]
        reason = re.split(r"(?:[A-Z]{3}|\))\. ", text, maxsplit=1)[1]
        assert [shown(value, decision.unit) for value in values] == quantities(reason, decision.unit)


def check_hold(decision: Decision, text: str) -> None:
    """The numbers of a refusal."""
    refusal = decision.refused_by()
    assert refusal is not None
    unit = decision.unit
    if refusal.rule == "fresh_reading":
        assert f"{decision.level_age_hours:g} hours old" in text
    elif refusal.rule == "three_low_readings":
        found = quantities(text, unit)
        assert [shown(decision.level, unit), shown(decision.reorder_point, unit)] == found
        assert f"{decision.low_readings} of 3 good readings" in text
    elif refusal.rule == "steady_level":
        numbers = [float(refusal.numbers[name] or 0) for name in ("fall", "limit")]
        assert [shown(value, unit) for value in numbers] == quantities(text, unit)
    elif refusal.rule in ("pause", "quiet_hours", "retailer", "budget"):
        said = f"Not ordering: {clause(refusal, unit, 'en')}. "
        assert text.startswith(said)
        assert re.search("in your rules|there sooner|looked at again|Raise", text.removeprefix(said))
    elif refusal.rule == "below_reorder_point":
        values = [decision.level, decision.reorder_point, decision.rate_per_day]
        if decision.spare:
            values.insert(1, decision.spare)
        assert [shown(value, unit) for value in values] == quantities(text, unit)


@settings(max_examples=200, deadline=None)
@given(decisions())
def test_a_decision_survives_the_database(decision: Decision) -> None:
    """JSON and back, with nothing that JSON lacks."""
    kept = json.loads(json.dumps(to_json(decision), allow_nan=False))
    assert decision == from_json(kept)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (412_499, "mg", "412 g"),
        (1_500_000, "mg", "1,500 g"),
        (3, "pack", "3 packs"),
        (1, "page", "1 page"),
        (None, "mg", "?"),
    ],
)
def test_amounts_read_as_people_write_them(value: int | None, unit: str, text: str) -> None:
    """Whole shown units with thousands apart."""
    assert text == amount(value, unit)


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(2490, "EUR", "€24.90"), (5, "USD", "$0.05"), (24_900, "KRW", "₩24,900"), (None, "EUR", "?")],
)
def test_money_reads_as_people_write_it(minor: int | None, currency: str, text: str) -> None:
    """Two decimals, except where the currency has none."""
    assert text == money(minor, currency)


def test_an_unknown_rule_is_an_error_and_not_an_empty_line() -> None:
    """A new rule without words fails here, not on the page."""
    with pytest.raises(ValueError, match="no text"):
        verdict_text(Verdict("moon", ok=True, numbers={}), "mg", "en")
