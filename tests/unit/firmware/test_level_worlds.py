"""The level tracker in homes that it was not tuned on; `make bench-firmware` judges it over more of them."""

import pytest

from tests.support.level_worlds import score

UNSEEN_SEEDS = range(2000, 2003)
DAYS = 120


@pytest.mark.parametrize("noise", [1, 2])
def test_doses_are_found_none_is_invented_and_the_level_is_right(noise: int) -> None:
    tally = score(UNSEEN_SEEDS, noise, DAYS, model="unseen")
    assert tally.doses > 150
    assert tally.recall() >= 0.98
    assert tally.false_per_year() <= 2
    assert tally.error_p95_g() <= 10
    assert tally.found_refills == tally.refills > 0
    assert tally.share("ok") + tally.share("coarse") > 0.9


def test_four_times_the_noise_floods_nobody_and_is_said() -> None:
    tally = score(UNSEEN_SEEDS, 4, DAYS, model="unseen")
    assert tally.false_per_year() <= 2
    assert tally.share("ok") < 0.2
    assert tally.share("coarse") > 0.8
    assert tally.reports / tally.days < 8
