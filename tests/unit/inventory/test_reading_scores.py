"""Readings in trouble, scored against what really happened; other households than those of the benchmark."""

import pytest

from tests.support.reading_scores import SCENARIOS, Scenario, score

SEEDS = (101, 102)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
def test_refills_are_found_none_is_invented_and_use_is_right(scenario: Scenario) -> None:
    """Two households over twelve weeks: every refill, at most one false, use within a tenth, in any order."""
    result = score(scenario, SEEDS)
    assert result.order_changed == 0
    assert result.found_refills == result.refills
    assert result.false_per_100_days <= 100 / (84 * len(SEEDS))
    assert result.use_error is None or abs(result.use_error) <= 0.1
    assert result.phantom_share_per_100_days <= 0.5
