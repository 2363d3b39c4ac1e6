"""The levels at which every forecast answers."""

import pytest

from replenish_server.forecast.quantiles import MEDIAN, QUANTILES, WEIGHTS


def test_the_levels_and_their_weights_fill_the_unit_interval() -> None:
    """Each level stands for its share of it."""
    assert len(QUANTILES) == len(WEIGHTS) == 23
    assert QUANTILES[MEDIAN] == 0.5
    assert pytest.approx(1.0) == WEIGHTS.sum()
