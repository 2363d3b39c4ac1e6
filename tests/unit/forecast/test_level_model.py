"""The model of levels, fitted small on simulated slots: laws of every answer, whatever goes in."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenish_server.forecast.level_features import fading_shares, level_features
from replenish_server.forecast.level_model import LevelBatch, LevelModel, fit_levels
from replenish_server.forecast.quantiles import MEDIAN
from replenish_server.inventory.days import read_days
from replenish_server.inventory.grid import BINS
from tests.support.forecast_fleets import QUICK, level_model, level_outcomes


def batch(rows: int = 40) -> LevelBatch:
    """Simulated slots in which the model was not fitted."""
    return level_outcomes(slots=12, seed=9).batch.rows(slice(0, rows))


def steady(left: float, per_day: float, days: int = 60, category: str = "coffee") -> LevelBatch:
    """One slot that was used evenly, and refilled when it was almost empty."""
    levels = np.full((1, BINS), np.nan, np.float32)
    ago = np.arange(days * 4)[::-1]
    levels[0, -len(ago) :] = 0.02 + (left - 0.02 + ago * per_day / 4) % 0.98
    return LevelBatch(levels, np.array([category]), np.ones(1, np.float32), np.zeros(1, np.int64))


def test_quantiles_are_positive_and_never_cross() -> None:
    """On slots like those that were learnt."""
    days = level_model().forecast(batch()).days
    assert np.all(days > 0)
    assert np.all(np.diff(days, axis=1) >= 0)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.one_of(st.just(float("nan")), st.floats(0, 1.25, width=32)), min_size=BINS, max_size=BINS),
    st.sampled_from(["coffee", "never seen"]),
    st.floats(0.01, 1e7),
    st.integers(0, 6),
)
def test_any_grid_has_an_answer(levels: list[float], category: str, size: float, weekday: int) -> None:
    """Finite, positive and in order, without a warning."""
    one = LevelBatch(
        np.array([levels], np.float32),
        np.array([category]),
        np.array([size], np.float32),
        np.array([weekday]),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told = level_model().forecast(one)
    assert np.all(np.isfinite(told.days))
    assert np.all(told.days > 0)
    assert np.all(np.diff(told.days, axis=1) >= 0)
    assert told.share_per_day[0] > 0


@pytest.mark.parametrize("kept", [0, 1, 4, 40])
def test_little_or_no_telemetry_is_answered_without_warnings(kept: int) -> None:
    """The belief answers; a cold start is nothing special."""
    told = batch()
    levels = told.levels.copy()
    levels[:, : BINS - kept] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecast = level_model().forecast(replace(told, levels=levels))
    assert np.all(np.isfinite(forecast.days))
    assert np.all(forecast.days > 0)
    assert forecast.days_known.max() <= kept / 4 + 1


def test_no_slots_no_forecasts() -> None:
    """An empty batch is a batch."""
    assert level_model().forecast(batch().rows(slice(0, 0))).days.shape == (0, 23)


def test_a_batch_equals_its_rows_one_by_one() -> None:
    """No slot's forecast depends on its neighbours."""
    told = batch(12)
    together = level_model().forecast(told)
    for row in range(len(told)):
        alone = level_model().forecast(told.rows(slice(row, row + 1)))
        assert alone.days[0] == pytest.approx(together.days[row], rel=1e-4)
        assert alone.share_per_day[0] == pytest.approx(together.share_per_day[row], rel=1e-5)


def test_a_model_comes_back_from_json() -> None:
    """Plain values hold all of it."""
    model = level_model()
    again = LevelModel.from_plain(json.loads(json.dumps(model.to_plain())))
    assert again.forecast(batch()).days == pytest.approx(model.forecast(batch()).days, rel=2e-3)
    twice = LevelModel.from_plain(again.to_plain())
    assert np.array_equal(twice.forecast(batch()).days, again.forecast(batch()).days)


def test_one_seed_one_model() -> None:
    """Fitting has no other chance in it."""
    assert fit_levels(level_outcomes(), QUICK, seed=3).to_plain() == level_model().to_plain()


@pytest.mark.parametrize("factor", [0.001, 1000.0, 1e6])
def test_the_unit_of_a_container_does_not_matter_to_an_unseen_category(factor: float) -> None:
    """A prior in grams is wrong for what it has not seen; this one has no unit."""
    unseen = replace(batch(), category=np.full(len(batch()), "never seen"))
    other = replace(unseen, size=unseen.size * np.float32(factor))
    assert np.array_equal(level_model().forecast(unseen).days, level_model().forecast(other).days)


def test_a_fleet_learnt_in_another_unit_says_the_same_of_unseen_kinds() -> None:
    """All containers of the past in milligrams instead of grams."""
    past = level_outcomes(slots=30, seed=4)
    scaled = replace(past, batch=replace(past.batch, size=past.batch.size * np.float32(1000)))
    unseen = replace(batch(), category=np.full(len(batch()), "never seen"))
    one, other = (fit_levels(fleet, QUICK, seed=1).forecast(unseen).days for fleet in (past, scaled))
    assert other == pytest.approx(one, rel=0.02)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.1, 0.9), st.floats(0.1, 0.9), st.floats(0.005, 0.05))
def test_more_left_never_runs_out_much_earlier(a: float, b: float, per_day: float) -> None:
    """Networks promise no monotony; 15 % is what rounding of a small one may cost."""
    model = level_model()
    low, high = (model.forecast(steady(left, per_day)).days[0, MEDIAN] for left in sorted((a, b)))
    assert high >= 0.85 * low


@settings(max_examples=30, deadline=None)
@given(st.floats(0.2, 0.9), st.floats(0.01, 0.05), st.floats(1.5, 4.0))
def test_faster_use_runs_out_sooner(left: float, per_day: float, factor: float) -> None:
    """By the median, when the difference is one that counts."""
    model = level_model()
    slow, fast = (model.forecast(steady(left, per_day * f)).days[0, MEDIAN] for f in (1.0, factor))
    assert fast < slow


def test_silence_alone_brings_the_end_no_nearer() -> None:
    """Three days of silence shorten nothing: what was not seen to be used may still be there."""
    told = steady(0.4, 0.02)
    late = replace(told, levels=told.levels.copy())
    late.levels[:, -12:] = np.nan
    now, then = (level_model().forecast(b).days[0, MEDIAN] for b in (told, late))
    assert np.isfinite(then)
    assert then >= 0.85 * now


def test_the_usual_share_of_an_even_slot_is_found() -> None:
    """Two percent of the container a day."""
    told = steady(0.3, 0.02, days=35)
    shares, weight = fading_shares(read_days(told.levels))
    assert shares[0] == pytest.approx(np.full(5, 0.02), rel=0.02)
    assert np.all(np.diff(weight[0]) > 0)
    model = level_model()
    index = model.prior.index(told.category)
    features = level_features(read_days(told.levels), model.prior, index, told.size, told.weekday)
    assert np.all(np.isfinite(features.values))
    assert np.exp(features.offset[0]) == pytest.approx(15, rel=0.25)
