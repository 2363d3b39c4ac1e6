"""Past moments and what came of them; a challenger must beat the champion on households it never saw."""

import numpy as np
import pytest

from replenish_server.forecast.contest import LEAST_HOUSEHOLDS, hold_contest
from replenish_server.forecast.level_model import HORIZON_DAYS, LevelOutcomes, fit_levels
from replenish_server.forecast.network import Recipe
from replenish_server.forecast.outcomes import Recorded, outcomes_of
from replenish_server.forecast.quantiles import QUANTILES
from replenish_server.forecast.scores import crps, score
from replenish_server.inventory.grid import BINS_PER_DAY

SMALL = Recipe(hidden=(8,), rounds=6, folds=2, repeats=1)


def recorded(
    days: int,
    share_per_day: float,
    name: str = "slot",
    household: str = "home",
    noise: float = 0.0,
    seed: int = 0,
) -> Recorded:
    """A container that is used up evenly and filled again when a tenth is left."""
    chance = np.random.default_rng(seed)
    level, levels = 1.0, []
    for _ in range(days * BINS_PER_DAY):
        level -= (
            share_per_day / BINS_PER_DAY * chance.gamma(4, 0.25) if noise else share_per_day / BINS_PER_DAY
        )
        if level < 0.1:
            level = 1.0
        levels.append(level + noise * chance.standard_normal())
    return Recorded(name, household, "soap", 1000.0, np.array(levels, np.float32), 0)


def test_even_use_lasts_what_it_must() -> None:
    """Level over use, to the day, refills in between or not; only moments followed to the end count."""
    past = outcomes_of([recorded(200, 0.05)])
    assert past is not None
    assert len(past.batch) == len(range(4, 200 - 84 + 1, 7))
    left = np.array([row[np.isfinite(row)][-1] for row in past.batch.levels])
    assert past.days == pytest.approx(np.minimum(left / 0.05, HORIZON_DAYS), abs=1.1)
    assert set(past.batch.weekday) <= set(range(7))


def test_a_short_recording_says_nothing_yet() -> None:
    """Nobody followed it for 84 days."""
    assert outcomes_of([recorded(80, 0.05)]) is None
    assert outcomes_of([]) is None
    silent = recorded(200, 0.05)
    nothing = Recorded("a", "b", "soap", 1.0, np.full_like(silent.levels, np.nan), 0)
    assert outcomes_of([nothing]) is None


def fleet(households: int) -> LevelOutcomes:
    """Households that use a third of what the champion knows."""
    past = outcomes_of(
        [recorded(180, 0.01 + 0.002 * (n % 4), f"slot-{n}", f"home-{n}", 0.004, n) for n in range(households)]
    )
    assert past is not None
    return past


def test_a_better_challenger_wins_and_a_small_fleet_has_none() -> None:
    """The champion learnt from quick users; on slow ones the challenger is better, and fitted on all."""
    quick = outcomes_of(
        [recorded(180, 0.08 + 0.01 * (n % 3), f"q-{n}", f"q-{n}", 0.004, n) for n in range(16)]
    )
    assert quick is not None
    champion = fit_levels(quick, SMALL)
    contest = hold_contest(champion, fleet(30), SMALL, seed=1)
    assert contest.champion is not None
    assert contest.challenger is not None
    assert contest.challenger.crps_days < contest.champion.crps_days
    assert contest.winner is not None
    few = hold_contest(champion, fleet(LEAST_HOUSEHOLDS - 1), SMALL, seed=1)
    assert (None, None, None) == (few.champion, few.challenger, few.winner)


def test_a_challenger_no_better_than_the_champion_does_not_serve() -> None:
    """The same knowledge twice is no reason to change."""
    past = fleet(30)
    champion = fit_levels(past, SMALL)
    contest = hold_contest(champion, past, SMALL, seed=1)
    assert contest.champion is not None
    assert contest.winner is None


def test_a_perfect_forecast_scores_nothing_and_a_certain_wrong_one_its_error() -> None:
    """The CRPS of a point is its absolute error."""
    days = np.array([3.0, 40.0, 200.0])
    perfect = np.repeat(np.minimum(days, HORIZON_DAYS)[:, None], len(QUANTILES), axis=1)
    assert crps(perfect, days, HORIZON_DAYS) == pytest.approx(0, abs=1e-9)
    wrong = np.full((3, len(QUANTILES)), 10.0)
    assert crps(wrong, days, HORIZON_DAYS) == pytest.approx([7.0, 30.0, 74.0], rel=1e-6)
    right = score(perfect, days, HORIZON_DAYS)
    assert (1.0, 1.0, 0.0) == (right.within_80, right.within_90, right.below_05)
    assert right.rows == 3
