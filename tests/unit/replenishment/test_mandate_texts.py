"""Every rule of a mandate says its own numbers, in both languages."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenish_server.households.judge import Quoted, Wish, judge_offer, judge_wish
from replenish_server.households.mandate import Mandate, Verdict
from replenish_server.replenishment.amounts import amount, money
from replenish_server.replenishment.mandate_texts import RULE_NAMES, clause
from tests.unit.households.mandates import mandates, offers, wishes

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
_TOKEN = re.compile(r"\d{4}-\d{2}(?:-\d{2})?|\d{2}:\d{2}|-?\d+(?:,\d{3})*(?:\.\d+)?")
_UNSAID = {"approved"}  # said in words


@st.composite
def verdicts(draw: st.DrawFn) -> list[Verdict]:
    """What the judge says, of every rule at once: drawing costs more than judging."""
    mandate: Mandate = draw(mandates())
    wish: Wish = draw(wishes())
    offer: Quoted = draw(offers())
    return [*judge_wish(mandate, wish, NOW), *judge_offer(mandate, offer, NOW)]


def told(verdict: Verdict) -> dict[str, str]:
    """Each number of a verdict as it must be written."""
    n, said = verdict.numbers, {}
    for name, value in n.items():
        if value is None or name in _UNSAID:
            continue
        if name.endswith("_minor"):
            currency = {
                "cap_minor": "cap_currency",
                "budget_minor": "budget_currency",
                "spent_minor": "budget_currency",
                "left_minor": "budget_currency",
            }.get(name, "currency")
            assert isinstance(value, int)
            said[name] = re.sub(r"[^\d,.]", "", money(value, str(n[currency])))
        elif name in ("amount", "last_amount", "pack_amount", "preferred_amount"):
            assert isinstance(value, int)
            said[name] = amount(value, "mg").split()[0]
        elif name == "over_percent":
            assert isinstance(value, int | float)
            said[name] = f"{abs(value):.12g}"
        elif name == "month":
            said[name] = str(value)[:4]  # its own number is a word in English
        elif _TOKEN.fullmatch(str(value)):
            said[name] = str(value)
    return said


@settings(max_examples=120, deadline=None)
@given(verdicts())
def test_the_numbers_said_are_the_numbers_judged(judged: list[Verdict]) -> None:
    """Every number of a sentence is one of the verdict's; a refusal leaves none of its own out."""
    for verdict in judged:
        expected = set(told(verdict).values())
        names = " ".join(str(v) for v in verdict.numbers.values() if not _TOKEN.fullmatch(str(v)))
        month = {str(int(str(verdict.numbers["month"])[5:]))} if verdict.numbers.get("month") else set()
        allowed = expected | month | set(_TOKEN.findall(names))
        for language in ("en", "ko"):
            said = clause(verdict, "mg", language)
            found = set(_TOKEN.findall(said))
            assert found <= allowed, (said, verdict)
            if not verdict.ok and verdict.numbers.get("cap_minor", 0) is not None:
                assert expected <= found, (said, verdict)


@settings(max_examples=60, deadline=None)
@given(verdicts())
def test_every_rule_reads_in_both_languages(judged: list[Verdict]) -> None:
    """A sentence with a capital and a full stop, a name for the rule, and no placeholder."""
    for verdict in judged:
        assert len(RULE_NAMES[verdict.rule]) == 2
        for language in ("en", "ko"):
            said = clause(verdict, "mg", language)
            assert said
            assert not said.endswith(".")
            assert not re.search(r"None|nan|\{|\}|\?", said), said
        assert re.search(r"[가-힣]", clause(verdict, "mg", "ko"))


@pytest.mark.parametrize(("by", "words"), [("approval", "a person agreed"), ("press", "had just pressed")])
def test_what_a_person_stood_over_is_said(by: str, words: str) -> None:
    """The rule's own "no" stays readable."""
    verdict = Verdict("pause", ok=False, numbers={"paused_until": "2026-06-01", "today": "2026-05-04"})
    waived = verdict.waived(by)
    assert waived.ok
    assert "paused and leave again on 2026-06-01" in clause(waived, "mg", "en")
    assert words in clause(waived, "mg", "en")
