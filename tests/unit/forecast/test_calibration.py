"""The conformal step on forecasts whose fault is known."""

from statistics import NormalDist

import numpy as np
import pytest

from replenish_server.forecast.calibration import Calibration, calibrate
from replenish_server.forecast.quantiles import QUANTILES

HORIZON = 84.0
Z = np.array([NormalDist().inv_cdf(q) for q in QUANTILES])
ROWS = 6000


def world(seed: int, spread_said: float, spread_true: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    """Forecasts that claim one spread of log-days, and truths that have another."""
    chance = np.random.default_rng(seed)
    middle = chance.uniform(np.log(5), np.log(40), ROWS)
    said = np.exp(middle[:, None] + spread_said * Z)
    true = np.exp(middle + spread_true * chance.standard_normal(ROWS))
    return said, np.minimum(true, HORIZON)


def coverage(quantiles: np.ndarray, days: np.ndarray, low: int, high: int) -> float:
    return float(np.mean((days >= quantiles[:, low]) & (days <= quantiles[:, high])))


@pytest.mark.parametrize("spread_said", [0.2, 0.8])
def test_a_forecaster_too_sure_or_too_shy_is_put_right(spread_said: float) -> None:
    """80 % covers 80 % of rows that the calibration never saw."""
    said, days = world(1, spread_said)
    none = np.zeros(ROWS, int)
    fitted = calibrate(said, days, none, 1, HORIZON, seed=1)
    unseen, truth = world(2, spread_said)
    before, after = coverage(unseen, truth, 3, 19), coverage(fitted.apply(unseen, none), truth, 3, 19)
    assert abs(before - 0.8) > 0.1
    assert abs(after - 0.8) < 0.03


def test_groups_are_put_right_apart() -> None:
    """One group may be too sure and another too shy."""
    sure, shy = world(1, 0.2), world(2, 0.8)
    said, days = np.concatenate([sure[0], shy[0]]), np.concatenate([sure[1], shy[1]])
    group = np.repeat([0, 1], ROWS)
    out = calibrate(said, days, group, 2, HORIZON, seed=1).apply(said, group)
    for g in (0, 1):
        assert abs(coverage(out[group == g], days[group == g], 3, 19) - 0.8) < 0.05


def test_a_calibrated_forecaster_is_left_alone() -> None:
    """Nothing to mend, almost nothing changes."""
    said, days = world(1, 0.4)
    fitted = calibrate(said, days, np.zeros(ROWS, int), 1, HORIZON, seed=1)
    assert np.abs(fitted.levels[0] - QUANTILES).max() < 0.03


def test_a_group_without_rows_gets_the_levels_of_all() -> None:
    """Nobody is left without an answer."""
    said, days = world(1, 0.2)
    fitted = calibrate(said, days, np.zeros(ROWS, int), 3, HORIZON, seed=1)
    pooled = calibrate(said, days, np.zeros(ROWS, int), 1, HORIZON, seed=1)
    assert fitted.levels[2] == pytest.approx(fitted.levels[1])
    assert fitted.levels[0] == pytest.approx(pooled.levels[0], abs=0.02)


def test_quantiles_stay_in_order_and_plain_values_come_back() -> None:
    """Rising quantiles in, rising quantiles out; JSON loses nothing that counts."""
    said, days = world(1, 0.2)
    group = np.arange(ROWS) % 4
    fitted = calibrate(said, days, group, 4, HORIZON, seed=1)
    out = fitted.apply(said, group)
    assert np.all(np.diff(out, axis=1) >= 0)
    assert np.all(out > 0)
    again = Calibration.from_plain(fitted.to_plain())
    assert again.apply(said, group) == pytest.approx(out, rel=1e-3)
