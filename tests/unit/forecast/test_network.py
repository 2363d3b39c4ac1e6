"""The networks: quantiles in order, slopes that are slopes, one seed one model."""

import numpy as np
import pytest

from replenish_server.forecast.network import Ensemble, Recipe, Rows, _forward, _fresh, _gradients, train
from replenish_server.forecast.quantiles import QUANTILES, WEIGHTS

HORIZON = 84.0
RECIPE = Recipe(hidden=(6, 5), rounds=3, batch=64, folds=2, repeats=1, dropout=0.0)


def rows(n: int = 400, seed: int = 1) -> Rows:
    """Days that depend on the first of three features."""
    chance = np.random.default_rng(seed)
    features = chance.standard_normal((n, 3)).astype(np.float32)
    days = np.exp(2.5 + 0.6 * features[:, 0] + 0.3 * chance.standard_normal(n))
    return Rows(
        features,
        np.full(n, 2.5, np.float32),
        np.minimum(days, HORIZON).astype(np.float32),
        (np.arange(n) % 2)[:, None],
        HORIZON,
    )


def loss(log_quantiles: np.ndarray, told: Rows, log_weight: float) -> float:
    """The mean loss, written out: CRPS of the days cut at the horizon, over 20, and CRPS of the log days."""
    said = log_quantiles.astype(float) + told.offset[:, None]
    days = told.days.astype(float)[:, None]

    def pinball(error: np.ndarray) -> np.ndarray:
        return 2 * WEIGHTS * np.where(error > 0, QUANTILES * error, (QUANTILES - 1) * error)

    in_days = pinball(days - np.minimum(np.exp(said), HORIZON)).sum(axis=1) / 20
    beyond = (days >= HORIZON) & (np.exp(said) >= HORIZON)
    in_logs = np.where(beyond, 0, pinball(np.log(days) - said)).sum(axis=1)
    return float((in_days + log_weight * in_logs).mean())


def test_the_slope_is_the_slope_of_the_loss() -> None:
    """Against finite differences, for weights and biases of every layer."""
    told = rows(200)
    chance = np.random.default_rng(2)
    start = np.linspace(-1.2, 1.2, len(QUANTILES)).astype(np.float32)
    layers = _fresh(3, (6, 5), start, chance)
    layers[-1][0][:] = 0.1 * chance.standard_normal(layers[-1][0].shape)
    slopes = _gradients(layers, told.features, told.offset, told.days, HORIZON, RECIPE, chance)
    arrays = [array.astype(float) for layer in layers for array in layer]
    x = told.features.astype(float)

    def at(values: list[np.ndarray]) -> float:
        pairs = list(zip(values[::2], values[1::2], strict=True))
        return loss(_forward(pairs, x), told, RECIPE.log_weight)

    for k, slope in enumerate(slopes):
        toward = chance.standard_normal(slope.shape)
        toward /= np.linalg.norm(toward)
        step = 1e-4
        up = [a + step * toward if j == k else a for j, a in enumerate(arrays)]
        down = [a - step * toward if j == k else a for j, a in enumerate(arrays)]
        measured = (at(up) - at(down)) / (2 * step)
        assert float((slope * toward).sum()) == pytest.approx(measured, rel=0.03, abs=2e-4)


def test_quantiles_rise_for_any_input() -> None:
    """Also far outside of what was learnt."""
    ensemble = train(rows(), RECIPE, seed=1)
    wild = np.random.default_rng(3).standard_normal((200, 3)).astype(np.float32) * 100
    assert np.all(np.diff(ensemble.log_quantiles(wild), axis=1) > 0)


def test_training_learns_what_the_days_depend_on() -> None:
    """The median follows the feature; the loss falls under that of a plain distribution."""
    told = rows(2000)
    ensemble = train(told, Recipe(hidden=(8,), rounds=12, batch=64, folds=2, repeats=1), seed=1)
    plain = np.tile(np.quantile(np.log(told.days) - told.offset, QUANTILES), (len(told.days), 1))
    assert loss(ensemble.held_back(told), told, 2.0) < 0.8 * loss(plain, told, 2.0)


def test_one_seed_one_model() -> None:
    """And another seed another."""
    one, same, other = (train(rows(), RECIPE, seed) for seed in (1, 1, 2))
    assert one.to_plain() == same.to_plain()
    assert one.to_plain() != other.to_plain()


def test_a_held_back_answer_comes_from_the_network_that_never_saw_the_household() -> None:
    """Rows of fold 0 are answered by network 0, which was trained without them."""
    told = rows()
    ensemble = train(told, RECIPE, seed=1)
    alone = [Ensemble(ensemble.mean, ensemble.scale, [net]) for net in ensemble.networks]
    held = ensemble.held_back(told)
    for fold in (0, 1):
        mine = told.fold[:, 0] == fold
        assert held[mine] == pytest.approx(alone[fold].log_quantiles(told.features[mine]), abs=1e-5)


def test_plain_values_come_back() -> None:
    """Six digits are enough to say the same."""
    ensemble = train(rows(), RECIPE, seed=1)
    again = Ensemble.from_plain(ensemble.to_plain())
    x = rows().features
    assert again.log_quantiles(x) == pytest.approx(ensemble.log_quantiles(x), abs=1e-4)
