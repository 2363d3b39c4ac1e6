"""Reading probabilities off 23 quantiles, and days off probabilities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenish_server.forecast.quantiles import (
    MEDIAN,
    QUANTILES,
    WEIGHTS,
    probability_within,
)

ROWS = st.lists(st.floats(0.05, 20), min_size=23, max_size=23).map(lambda steps: np.cumsum([steps], axis=1))


def test_the_levels_and_their_weights_fill_the_unit_interval() -> None:
    """Each level stands for its share of it."""
    assert len(QUANTILES) == len(WEIGHTS) == 23
    assert QUANTILES[MEDIAN] == 0.5
    assert pytest.approx(1.0) == WEIGHTS.sum()


@settings(max_examples=80, deadline=None)
@given(ROWS, st.floats(0.01, 0.99))
def test_probability_and_day_are_inverse(row: np.ndarray, level: float) -> None:
    """What is over by the day at a probability has that probability."""
    day = float(np.interp(level, QUANTILES, row[0]))
    assert pytest.approx(level, abs=1e-9) == probability_within(row, day)[0]


@settings(max_examples=80, deadline=None)
@given(ROWS, st.floats(0, 500), st.floats(0, 500))
def test_more_time_is_never_less_probable(row: np.ndarray, a: float, b: float) -> None:
    """A distribution function: rising, from 0 to at most 1."""
    sooner, later = (probability_within(row, day)[0] for day in sorted((a, b)))
    assert 0 <= sooner <= later <= 1


def test_days_may_differ_by_row() -> None:
    """One number for all, or one for each."""
    rows = np.array([np.arange(1.0, 24), np.arange(2.0, 48, 2)])
    both = probability_within(rows, np.array([12.0, 24.0]))
    assert pytest.approx([0.5, 0.5]) == both
    assert probability_within(rows, 12.0)[1] < 0.5


def test_beyond_the_highest_level_the_rest_fades() -> None:
    """Never certain, ever surer."""
    row = np.arange(1.0, 24)[None]
    far = [probability_within(row, day)[0] for day in (23.0, 40.0, 400.0)]
    assert far[0] == pytest.approx(0.99)
    assert sorted(far) == far
    assert far[-1] > 0.9999
