"""The distribution of the days until a slot runs out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenish_server.forecast import QUANTILES, demand_quantile, estimate_consumption, run_out_days
from replenish_server.forecast.run_out import HORIZON_DAYS

LEVELS = st.floats(0, 1e7)
RATES = st.floats(1, 1e6)
SHARES = st.floats(0, 2)


def days(level: float, rate: float, rate_share: float = 0.1, daily_share: float = 0.5) -> np.ndarray:
    """One row of quantiles; spreads are shares of the rate."""
    return run_out_days(
        np.array([level]), np.array([rate]), np.array([rate * rate_share]), np.array([rate * daily_share])
    )[0]


def test_there_are_23_levels_in_order() -> None:
    """From 1 to 99 percent, the median in the middle."""
    assert len(QUANTILES) == 23
    assert QUANTILES[11] == 0.5
    assert np.all(np.diff(QUANTILES) > 0)


@settings(max_examples=150, deadline=None)
@given(LEVELS, RATES, SHARES, SHARES)
def test_quantiles_never_decrease_and_stay_within_the_horizon(
    level: float, rate: float, rate_share: float, daily_share: float
) -> None:
    """A forecast is a distribution, whatever goes in."""
    row = days(level, rate, rate_share, daily_share)
    assert np.all(np.diff(row) >= 0)
    assert row[0] >= 0
    assert row[-1] <= HORIZON_DAYS


@settings(max_examples=80, deadline=None)
@given(LEVELS, LEVELS, RATES, SHARES, SHARES)
def test_more_on_hand_never_runs_out_earlier(a: float, b: float, rate: float, u: float, s: float) -> None:
    """Monotone in the level, at every quantile."""
    assert np.all(days(min(a, b), rate, u, s) <= days(max(a, b), rate, u, s) + 1e-9)


@settings(max_examples=80, deadline=None)
@given(LEVELS, RATES, RATES, st.floats(0, 1e5), st.floats(0, 1e5))
def test_faster_use_never_runs_out_later(level: float, a: float, b: float, u: float, s: float) -> None:
    """Monotone in the rate, the spreads being equal."""
    many = run_out_days(
        np.array([level] * 2), np.array([min(a, b), max(a, b)]), np.array([u] * 2), np.array([s] * 2)
    )
    assert np.all(many[1] <= many[0] + 1e-9)


def test_an_empty_slot_has_run_out() -> None:
    """Zero days at every quantile."""
    assert days(0, 80_000).max() == 0.0


def test_what_is_never_used_lasts_to_the_horizon() -> None:
    """No rate and no doubt."""
    assert days(1000, 0.0).min() == HORIZON_DAYS


def test_without_doubt_the_days_are_level_over_rate() -> None:
    """All quantiles meet."""
    assert pytest.approx([25.0] * 23, abs=1e-6) == days(2_000_000, 80_000, 0, 0)


@settings(max_examples=80, deadline=None)
@given(LEVELS, RATES, SHARES, SHARES, st.floats(0.001, 1000))
def test_units_cancel(level: float, rate: float, u: float, s: float, factor: float) -> None:
    """Multiplying every unit by a constant leaves the days unchanged."""
    assert np.allclose(days(level, rate, u, s), days(level * factor, rate * factor, u, s), atol=1e-5)


def test_a_batch_answers_what_each_slot_alone_answers() -> None:
    """Vectorised is only faster."""
    rng = np.random.default_rng(7)
    levels, rates, doubts, spreads = rng.uniform(0, 2e6, (4, 50))
    batch = run_out_days(levels, rates, doubts, spreads)
    assert batch.shape == (50, 23)
    for i in range(50):
        one = run_out_days(levels[i : i + 1], rates[i : i + 1], doubts[i : i + 1], spreads[i : i + 1])
        assert np.array_equal(one[0], batch[i])


@settings(max_examples=80, deadline=None)
@given(
    RATES, SHARES, SHARES, st.floats(0, 30), st.floats(0, 10), st.floats(0.01, 0.99), st.floats(0.01, 0.99)
)
def test_a_higher_service_level_never_needs_less(
    rate: float, u: float, s: float, lead: float, lead_sd: float, a: float, b: float
) -> None:
    """Demand quantiles are monotone and never negative."""
    low = demand_quantile(rate, rate * u, rate * s, lead, lead_sd, min(a, b))
    high = demand_quantile(rate, rate * u, rate * s, lead, lead_sd, max(a, b))
    assert 0 <= low <= high


def test_the_median_demand_is_rate_times_days() -> None:
    """At one half there is no safety stock."""
    assert pytest.approx(240.0) == demand_quantile(80, 5, 40, 3, 1, 0.5)


def test_safety_stock_grows_with_each_doubt() -> None:
    """About the rate, the day and the parcel."""
    sure = demand_quantile(80, 0, 0, 3, 0, 0.98)
    assert pytest.approx(240.0) == sure
    for doubt in ((10, 0, 0), (0, 40, 0), (0, 0, 1)):
        assert sure < demand_quantile(80, doubt[0], doubt[1], 3, doubt[2], 0.98)


def test_the_80_percent_interval_covers_simulated_households() -> None:
    """Of 200 households with their own rate and noisy days, 60 to 95 % run out within it.

    History of four weeks, gamma-distributed days with a variation of 0.7, half a container left.
    """
    rng = np.random.default_rng(20_260_301)
    n, capacity, shape = 200, 2_000_000, 1 / 0.7**2
    rates = capacity * rng.lognormal(np.log(1 / 25), 0.35, n)
    use = rng.gamma(shape, 1 / shape, (n, 28 + 400)) * rates[:, None]
    learnt = [estimate_consumption([int(u) for u in row], capacity, "detergent") for row in use[:, :28]]
    level = np.full(n, capacity / 2)
    rows = run_out_days(
        level,
        np.array([c.rate_per_day for c in learnt]),
        np.array([c.rate_sd for c in learnt]),
        np.array([c.daily_sd for c in learnt]),
    )
    used = np.cumsum(use[:, 28:], axis=1)
    day = np.argmax(used >= level[:, None], axis=1)
    before = np.where(day > 0, used[np.arange(n), np.maximum(day - 1, 0)], 0.0)
    true = day + (level - before) / use[np.arange(n), 28 + day]
    low, high = rows[:, np.searchsorted(QUANTILES, 0.1)], rows[:, np.searchsorted(QUANTILES, 0.9)]
    covered = float(np.mean((low <= true) & (true <= high)))
    assert 0.60 <= covered <= 0.95, covered
