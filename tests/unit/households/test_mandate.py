"""No money leaves above the cap, in another currency, or without one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replenish_server.households.judge import judge_price_cap
from replenish_server.households.mandate import Mandate, Mode


@pytest.mark.parametrize(
    ("cap", "approved", "total", "currency", "ok"),
    [
        (3000, None, 2999, "EUR", True),
        (3000, None, 3000, "EUR", True),
        (3000, None, 3001, "EUR", False),
        (3000, None, 3000, "USD", False),
        (3000, None, -1, "EUR", False),
        (3000, None, 0, "EUR", True),
        (None, None, 0, "EUR", False),
        (None, 2490, 2490, "EUR", True),
        (None, 2490, 2491, "EUR", False),
        (3000, 5000, 4000, "EUR", True),
        (3000, 1000, 2000, "EUR", False),
        (3000, 0, 1, "EUR", False),
    ],
)
def test_a_quote_stays_within_the_cap_or_within_what_a_person_approved(
    cap: int | None, approved: int | None, total: int, currency: str, ok: bool
) -> None:
    """What a person agreed to replaces the standing cap, upward and downward."""
    verdict = judge_price_cap(Mandate(Mode.AUTO, cap, "EUR"), total, currency, approved)
    assert ok is verdict.ok
    assert verdict.rule == "price_cap"
    assert total == verdict.numbers["total_minor"]
    assert (cap if approved is None else approved) == verdict.numbers["cap_minor"]


@given(
    st.one_of(st.none(), st.integers(0, 10**9)),
    st.one_of(st.none(), st.integers(0, 10**9)),
    st.integers(-(10**9), 10**10),
    st.sampled_from(["EUR", "USD", "eur", ""]),
)
def test_a_yes_always_means_same_currency_and_at_most_the_cap(
    cap: int | None, approved: int | None, total: int, currency: str
) -> None:
    """Law 5, whatever the numbers."""
    verdict = judge_price_cap(Mandate(Mode.ASK, cap, "EUR"), total, currency, approved)
    ceiling = cap if approved is None else approved
    assert verdict.ok is (ceiling is not None and currency == "EUR" and 0 <= total <= ceiling)
