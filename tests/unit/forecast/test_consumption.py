"""The rate of use: prior, shrinkage, memory and robustness."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenish_server.forecast import PRIORS, estimate_consumption

CAPACITY = 2_000_000
USES = st.lists(st.one_of(st.none(), st.integers(0, CAPACITY)), max_size=84)


@pytest.mark.parametrize("category", ["detergent", "toner"])
@pytest.mark.parametrize("daily_use", [(), (None, None)])
def test_a_cold_start_is_the_prior(category: str, daily_use: tuple[None, ...]) -> None:
    """Days without readings are no evidence of no use."""
    use = estimate_consumption(daily_use, CAPACITY, category)
    share = PRIORS[category].share_per_day if category in PRIORS else 1 / 30
    assert pytest.approx(CAPACITY * share) == use.rate_per_day
    assert use.days_observed == 0
    assert 0 < use.rate_sd < use.daily_sd


def test_one_day_moves_the_rate_and_many_days_replace_the_prior() -> None:
    """Toward what was seen, further with every day."""
    rates = [estimate_consumption([20_000] * n, CAPACITY, "detergent").rate_per_day for n in (0, 1, 7, 56)]
    assert sorted(rates, reverse=True) == rates
    assert pytest.approx(20_000, rel=0.8) == rates[-1]


def test_a_change_of_habit_moves_the_rate() -> None:
    """Three weeks at twice the use outweigh the three weeks before."""
    before = estimate_consumption([50_000] * 42, CAPACITY, "detergent")
    after = estimate_consumption([100_000] * 21 + [50_000] * 21, CAPACITY, "detergent")
    assert after.rate_per_day > before.rate_per_day + 25_000


def test_the_newest_day_comes_first() -> None:
    """The same days the other way round say the opposite."""
    rising = estimate_consumption([90_000] * 10 + [10_000] * 10, CAPACITY, "detergent")
    falling = estimate_consumption([10_000] * 10 + [90_000] * 10, CAPACITY, "detergent")
    assert rising.rate_per_day > falling.rate_per_day


def test_a_spill_is_not_a_habit() -> None:
    """A day of the whole container counts as six usual days at most."""
    usual = estimate_consumption([80_000] * 20, CAPACITY, "detergent").rate_per_day
    spilt = estimate_consumption([CAPACITY] + [80_000] * 19, CAPACITY, "detergent").rate_per_day
    assert spilt < usual + 5 * 80_000 / 10


def test_more_days_make_the_rate_surer() -> None:
    """The standard error of the rate falls with evidence."""
    doubts = [estimate_consumption([60_000] * n, CAPACITY, "detergent").rate_sd for n in (0, 7, 28)]
    assert sorted(doubts, reverse=True) == doubts


@settings(max_examples=100, deadline=None)
@given(USES)
def test_rates_are_finite_positive_and_no_more_than_was_ever_used(uses: list[int | None]) -> None:
    """Whatever the days were, the numbers are usable."""
    use = estimate_consumption(uses, CAPACITY, "detergent")
    assert 0 < use.rate_per_day <= max([CAPACITY / 25, *(u for u in uses if u is not None)]) * 1.000001
    assert 0 < use.rate_sd < 10 * CAPACITY
    assert use.daily_sd >= 0.0999 * use.rate_per_day


@settings(max_examples=60, deadline=None)
@given(USES, st.integers(1, 1000))
def test_units_cancel(uses: list[int | None], factor: int) -> None:
    """Grams or milligrams: the rate scales with the unit."""
    one = estimate_consumption(uses, CAPACITY, "detergent")
    scaled = [None if u is None else u * factor for u in uses]
    many = estimate_consumption(scaled, CAPACITY * factor, "detergent")
    assert pytest.approx(one.rate_per_day * factor) == many.rate_per_day
    assert pytest.approx(one.rate_sd * factor) == many.rate_sd
    assert pytest.approx(one.daily_sd * factor) == many.daily_sd
