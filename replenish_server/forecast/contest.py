"""PURE (numpy): whether a model fitted on a fleet's own outcomes may replace the one that serves.

A challenger is fitted on most households and judged, beside the champion, on the others. Only one that is
clearly better is fitted anew on all of them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from replenish_server.forecast.folds import fold_of
from replenish_server.forecast.level_model import HORIZON_DAYS, LevelModel, LevelOutcomes, fit_levels
from replenish_server.forecast.network import Recipe
from replenish_server.forecast.scores import Score, score

LEAST_ROWS = 300
LEAST_HOUSEHOLDS = 12
MARGIN = 0.01  # better by less is chance
_SHARES = 10
_JUDGES = 3  # tenths of the households that judge


@dataclass(frozen=True)
class Contest:
    """How a challenger did.

    Args:
        rows: outcomes in all.
        households: how many.
        champion: of the model that serves, on the judging households; None when there were too few.
        challenger: of the new one, on the same.
        winner: fitted on all households; None when the champion stays.
    """

    rows: int
    households: int
    champion: Score | None
    challenger: Score | None
    winner: LevelModel | None


def hold_contest(champion: LevelModel, past: LevelOutcomes, recipe: Recipe, seed: int) -> Contest:
    """Fit a challenger and let it beat the champion, or not.

    Args:
        champion: the model that serves.
        past: the fleet's outcomes.
        recipe: how the challenger is made.
        seed: everything random comes from here.
    """
    households = len(np.unique(past.household))
    if len(past.batch) < LEAST_ROWS or households < LEAST_HOUSEHOLDS:
        return Contest(len(past.batch), households, None, None, None)
    judging = fold_of(past.household, _SHARES, 1)[:, 0] < _JUDGES
    if not judging.any() or judging.all():
        return Contest(len(past.batch), households, None, None, None)
    challenger = fit_levels(_rows(past, ~judging), recipe, seed)
    judged = _rows(past, judging)
    scores = [
        score(model.forecast(judged.batch).days, judged.days, HORIZON_DAYS)
        for model in (champion, challenger)
    ]
    better = scores[1].crps_days < scores[0].crps_days * (1 - MARGIN)
    winner = fit_levels(past, recipe, seed) if better else None
    return Contest(len(past.batch), households, scores[0], scores[1], winner)


def _rows(past: LevelOutcomes, rows: NDArray[np.bool_]) -> LevelOutcomes:
    return LevelOutcomes(
        past.batch.rows(np.flatnonzero(rows)), past.days[rows], past.household[rows], past.slot[rows]
    )
