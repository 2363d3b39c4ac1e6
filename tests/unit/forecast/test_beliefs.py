"""What is believed before and besides a slot's own past: shares, intervals, folds."""

import warnings

import numpy as np
import pytest

from replenish_server.forecast.folds import fold_of
from replenish_server.forecast.intervals import IntervalPrior, learn_intervals
from replenish_server.forecast.shares import UNSEEN, SharePrior, learn_shares, learn_weekdays


def shares(n: int = 60, unit: float = 1.0) -> SharePrior:
    """Coffee lasts 20 days, toner 50, in containers of size one; twice the size lasts twice as long."""
    chance = np.random.default_rng(1)
    category = np.array(["coffee", "toner"])[np.arange(n) % 2]
    size = np.array([1.0, 2.0, 4.0])[np.arange(n) % 3].astype(np.float32)
    share = np.where(category == "coffee", 1 / 20, 1 / 50) / size * np.exp(0.1 * chance.standard_normal(n))
    slot = np.array([f"s{k}" for k in range(n)])
    return learn_shares(category, size * np.float32(unit), share.astype(np.float32), np.full(n, 40.0), slot)


def test_shares_are_learnt_per_category_with_the_effect_of_size() -> None:
    """A container of size one, and one of four."""
    prior = shares()
    index = prior.index(["coffee", "toner", "coffee"])
    believed = np.exp(prior.believed(index, np.array([1, 1, 4], np.float32)))
    assert believed == pytest.approx([1 / 20, 1 / 50, 1 / 80], rel=0.15)


def test_shares_of_unseen_categories_know_no_unit() -> None:
    """The fleet's belief is the same whether sizes were learnt in grams or milligrams."""
    grams, milligrams = shares(), shares(unit=1000.0)
    unseen = np.array([UNSEEN, UNSEEN])
    size = np.array([3.0, 3e6], np.float32)
    assert list(grams.index(["soap"])) == [UNSEEN]
    assert grams.believed(unseen, size) == pytest.approx(milligrams.believed(unseen, size), rel=1e-5)
    assert len(set(grams.believed(unseen, size))) == 1


def test_the_newest_row_of_a_slot_counts() -> None:
    """Not the older ones."""
    slot = np.array(["a", "b", "a", "b"])
    share = np.array([0.5, 0.5, 0.02, 0.02], np.float32)
    prior = learn_shares(np.array(["x"] * 4), np.ones(4, np.float32), share, np.full(4, 30.0), slot)
    assert np.exp(prior.fleet_log_share) == pytest.approx(0.02)


def test_nothing_learnt_is_still_an_answer() -> None:
    """An empty fleet believes in a month, and in a flat week."""
    empty = np.zeros(0, np.float32)
    prior = learn_shares(np.zeros(0, str), empty, empty, empty, np.zeros(0, str))
    assert np.exp(prior.believed(prior.index(["tea"]), np.ones(1, np.float32))) == pytest.approx(1 / 30)
    assert prior.weekdays == pytest.approx(np.ones((1, 7)))
    assert np.exp(learn_intervals(np.zeros((0, 3)), np.zeros(0, str), np.zeros(0, str)).fleet_log_days) == (
        pytest.approx(30)
    )


def test_a_weekday_profile_is_found() -> None:
    """Twice the use on Saturdays, seen from rows that begin on any weekday."""
    chance = np.random.default_rng(1)
    prior = learn_shares(
        np.array(["x"] * 900),
        np.ones(900, np.float32),
        np.full(900, 1 / 30, np.float32),
        np.full(900, 28.0),
        np.arange(900).astype(str),
    )
    weekday = chance.integers(0, 7, 900)
    day = (weekday[:, None] - 1 - np.arange(28)[::-1]) % 7
    use = np.where(day == 5, 2.0, 1.0).astype(np.float32) / 30
    use[:, ::9] = np.nan
    learnt = learn_weekdays(
        prior, prior.index(["x"] * 900), use, np.full(900, 8 / 7 / 30, np.float32), weekday
    )
    profile = learnt.weekdays[0]
    assert profile.argmax() == 5
    assert 1.3 < profile[5] / profile[0] < 2.0
    assert profile.mean() == pytest.approx(1.0, abs=1e-3)


def test_intervals_are_drawn_toward_the_fleet_and_worth_is_a_ratio_of_variances() -> None:
    """Two kinds, 10 and 40 days; regular slots make the belief worth little."""
    chance = np.random.default_rng(2)
    category = np.array(["milk", "toner"])[np.arange(40) % 2]
    usual = np.where(category == "milk", 10.0, 40.0)
    gaps = usual[:, None] * np.exp(0.1 * chance.standard_normal((40, 6)))
    ages = np.concatenate([np.zeros((40, 1)), np.cumsum(gaps, axis=1)], axis=1)
    ages[::4, 5:] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prior = learn_intervals(ages, category, np.arange(40).astype(str))
    days, seen = prior.believed(["milk", "toner", "soap"])
    assert list(seen) == [True, True, False]
    assert 10 < np.exp(days[0]) < 20 < np.exp(days[1]) < 40
    assert days[2] == prior.fleet_log_days
    assert prior.worth < 0.1


def test_beliefs_come_back_from_plain_values() -> None:
    """Both kinds."""
    prior = shares()
    again = SharePrior.from_plain(prior.to_plain())
    size = np.ones(2, np.float32)
    assert again.believed(again.index(["coffee", "?"]), size) == pytest.approx(
        prior.believed(prior.index(["coffee", "?"]), size), abs=1e-4
    )
    intervals = IntervalPrior(("a",), np.array([2.0]), 3.0, 1.5)
    assert IntervalPrior.from_plain(intervals.to_plain()).to_plain() == intervals.to_plain()


def test_a_household_stays_in_its_fold() -> None:
    """All its rows, in any order and company; the folds are about even."""
    names = np.array([f"home-{k % 300}" for k in range(900)])
    fold = fold_of(names, 4, 2)
    assert fold.shape == (900, 2)
    assert np.all(fold[:300] == fold[300:600])
    assert np.all(fold_of(names[::-1], 4, 2) == fold[::-1])
    assert np.bincount(fold[:300, 0], minlength=4).min() > 40
    assert np.any(fold[:, 0] != fold[:, 1])
