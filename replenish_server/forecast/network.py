"""PURE (numpy): small networks that answer with 23 quantiles of a time, trained on what judges them.

Each network maps features to the logarithms of the quantiles, which grow from the median by positive steps,
so they never cross. Training minimises the continuous ranked probability score of the time, cut at the
horizon, plus the same score of its logarithm: the first counts days, the second keeps the days that matter
for ordering sharp. Several networks, each blind to one share of the households, are averaged; what they say
of the households that they never saw calibrates them all.

Source: pinball loss and CRPS, Gneiting and Raftery 2007; Adam, Kingma and Ba 2015; decoupled weight decay,
Loshchilov and Hutter 2019; dropout, Srivastava et al. 2014.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from replenish_server.forecast.quantiles import MEDIAN, QUANTILES, WEIGHTS

Floats = NDArray[np.float32]
Layers = list[tuple[Floats, Floats]]
"""(weights of shape (inputs, outputs), biases of shape (outputs,)) of each layer."""

_LARGEST_STEP = 3.0  # in log-days between neighbouring quantiles
_LARGEST_LOG = 8.0  # e^8 days are eight years
_LARGEST_FEATURE = 5.0  # standard deviations; beyond, the training has seen nothing


@dataclass(frozen=True)
class Recipe:
    """How a network is made. The numbers were chosen on the development households (docs/forecast.md).

    Args:
        hidden: widths of the hidden layers.
        rounds: passes over the rows.
        batch: rows per step.
        rate: the largest step size; it falls along a cosine.
        decay: decoupled weight decay.
        dropout: share of hidden units left out in each step.
        log_weight: weight of the logarithmic score.
        folds: shares of households, each held back from one network of every repeat.
        repeats: how often the households are shared out anew; `folds` x `repeats` networks in all.
    """

    hidden: tuple[int, ...] = (48, 48)
    rounds: int = 24
    batch: int = 256
    rate: float = 2e-3
    decay: float = 0.1
    dropout: float = 0.05
    log_weight: float = 2.0
    folds: int = 4
    repeats: int = 2


@dataclass(frozen=True)
class Rows:
    """What is learnt from.

    Args:
        features: shape (m, k).
        offset: shape (m,), the logarithm of a first guess in days; networks learn what to add to it.
        days: shape (m,), what came true, cut at `horizon`.
        fold: shape (m, repeats), which network of each repeat never sees the row: the same for all rows of
            a household.
        horizon: days after which nobody looked any more.
    """

    features: Floats
    offset: Floats
    days: Floats
    fold: NDArray[np.int64]
    horizon: float


@dataclass(frozen=True)
class Ensemble:
    """Networks that are averaged, with the scaling of their features.

    Args:
        mean: shape (k,).
        scale: shape (k,).
        networks: at least one.
    """

    mean: Floats
    scale: Floats
    networks: Sequence[Layers]

    def log_quantiles(self, features: Floats) -> Floats:
        """Shape (n, 23): the logarithms of the quantiles over the first guess."""
        x = self._scaled(features)
        total = np.zeros((len(x), len(QUANTILES)), np.float32)
        for layers in self.networks:
            total += _forward(layers, x)
        return total / np.float32(len(self.networks))

    def held_back(self, rows: Rows) -> Floats:
        """Shape (m, 23): for each row, what the networks say that never saw its household, averaged."""
        x = self._scaled(rows.features)
        repeats = rows.fold.shape[1]
        folds = len(self.networks) // repeats
        out = np.zeros((len(x), len(QUANTILES)), np.float32)
        for k, layers in enumerate(self.networks):
            mine = rows.fold[:, k // folds] == k % folds
            out[mine] += _forward(layers, x[mine])
        return out / np.float32(repeats)

    def _scaled(self, features: Floats) -> Floats:
        z = (features - self.mean) / self.scale
        result: Floats = np.clip(z, -_LARGEST_FEATURE, _LARGEST_FEATURE).astype(np.float32)
        return result

    def to_plain(self) -> dict[str, Any]:
        """Lists of numbers, for JSON; six significant digits are far below what training can tell apart."""
        return {
            "mean": _plain(self.mean),
            "scale": _plain(self.scale),
            "networks": [[[_plain(w), _plain(b)] for w, b in layers] for layers in self.networks],
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Ensemble":
        """What `to_plain` wrote."""
        networks = [
            [(np.array(w, np.float32), np.array(b, np.float32)) for w, b in layers]
            for layers in plain["networks"]
        ]
        return cls(np.array(plain["mean"], np.float32), np.array(plain["scale"], np.float32), networks)


def train(rows: Rows, recipe: Recipe, seed: int) -> Ensemble:
    """Train one network for each fold on all other folds.

    Args:
        rows: what is learnt from.
        recipe: how.
        seed: everything random comes from here; the same seed and rows give the same networks.
    """
    mean = rows.features.mean(axis=0)
    scale = rows.features.std(axis=0) + np.float32(1e-6)
    untrained = Ensemble(mean, scale, [])
    x = untrained._scaled(rows.features)
    start = np.quantile(np.log(np.maximum(rows.days, 0.25)) - rows.offset, QUANTILES)
    start = np.maximum.accumulate(start + np.arange(len(QUANTILES)) * 1e-3).astype(np.float32)
    networks = []
    for k in range(recipe.folds * recipe.repeats):
        chance = np.random.default_rng([seed, k])
        layers = _fresh(x.shape[1], recipe.hidden, start, chance)
        keep = rows.fold[:, k // recipe.folds] != k % recipe.folds
        _descend(layers, x[keep], rows.offset[keep], rows.days[keep], rows.horizon, recipe, chance)
        networks.append(layers)
    return Ensemble(mean, scale, networks)


def in_days(logs: Floats, offset: Floats) -> Floats:
    """Log-quantiles over the first guess as days, shape (n, 23)."""
    days: Floats = np.exp(np.minimum(logs + offset[:, None], _LARGEST_LOG))
    return days


def chunks(n: int, size: int) -> Iterator[slice]:
    """Row ranges that fit a core's cache, in order."""
    for start in range(0, n, size):
        yield slice(start, min(n, start + size))


def _fresh(inputs: int, hidden: Sequence[int], start: Floats, chance: "np.random.Generator") -> Layers:
    """Random hidden layers, and an output that answers with the plain distribution `start`."""
    layers: Layers = []
    width = inputs
    for units in hidden:
        weights = chance.standard_normal((width, units), np.float32) * np.float32((2 / width) ** 0.5)
        layers.append((weights, np.zeros(units, np.float32)))
        width = units
    bias = np.empty(len(QUANTILES), np.float32)
    steps = np.log(np.diff(start))
    bias[MEDIAN] = start[MEDIAN]
    bias[:MEDIAN], bias[MEDIAN + 1 :] = steps[:MEDIAN], steps[MEDIAN:]
    layers.append((chance.standard_normal((width, len(QUANTILES)), np.float32) * np.float32(0.01), bias))
    return layers


def _forward(layers: Layers, x: Floats) -> Floats:
    for weights, bias in layers[:-1]:
        x = x @ weights
        x += bias
        np.maximum(x, 0, out=x)
    weights, bias = layers[-1]
    return _spread(x @ weights + bias)


def _spread(raw: Floats) -> Floats:
    """Raw outputs to rising log-quantiles: the median, and steps away from it on both sides."""
    steps = np.exp(np.minimum(raw, _LARGEST_STEP))
    out = np.empty_like(raw)
    middle = raw[:, MEDIAN]
    out[:, MEDIAN] = middle
    out[:, MEDIAN + 1 :] = middle[:, None] + np.cumsum(steps[:, MEDIAN + 1 :], axis=1)
    out[:, :MEDIAN] = middle[:, None] - np.cumsum(steps[:, MEDIAN - 1 :: -1], axis=1)[:, ::-1]
    return out


def _descend(
    layers: Layers,
    x: Floats,
    offset: Floats,
    days: Floats,
    horizon: float,
    recipe: Recipe,
    chance: "np.random.Generator",
) -> None:
    """Adam with a short warm-up and a cosine; changes `layers` in place."""
    flat = [array for layer in layers for array in layer]
    first = [np.zeros_like(array) for array in flat]
    second = [np.zeros_like(array) for array in flat]
    batches = max(1, len(x) // recipe.batch)
    total, step = recipe.rounds * batches, 0
    for _ in range(recipe.rounds):
        order = chance.permutation(len(x))
        for start in range(0, batches * recipe.batch, recipe.batch):
            rows = order[start : start + recipe.batch]
            gradients = _gradients(layers, x[rows], offset[rows], days[rows], horizon, recipe, chance)
            step += 1
            rate = recipe.rate * 0.5 * (1 + np.cos(np.pi * step / total)) * min(1.0, step / 100)
            for k, slope in enumerate(gradients):
                first[k] += np.float32(0.1) * (slope - first[k])
                second[k] += np.float32(0.001) * (slope * slope - second[k])
                size = np.sqrt(second[k] / (1 - 0.999**step)) + 1e-8
                flat[k] -= (rate * (first[k] / (1 - 0.9**step)) / size).astype(np.float32)
                if flat[k].ndim > 1:
                    flat[k] *= np.float32(1 - rate * recipe.decay)


def _gradients(
    layers: Layers,
    x: Floats,
    offset: Floats,
    days: Floats,
    horizon: float,
    recipe: Recipe,
    chance: "np.random.Generator",
) -> list[Floats]:
    """The slope of the mean loss of one batch, in the order weights, bias of each layer."""
    inputs, masks = [x], []
    for weights, bias in layers[:-1]:
        z = np.maximum(inputs[-1] @ weights + bias, 0)
        kept = chance.random(z.shape, np.float32) >= recipe.dropout
        masks.append(kept / np.float32(1 - recipe.dropout))
        inputs.append(z * masks[-1])
    raw = inputs[-1] @ layers[-1][0] + layers[-1][1]
    slope = _loss_slope(_spread(raw), offset, days, horizon, recipe.log_weight) / np.float32(len(x))
    steps = np.where(raw < _LARGEST_STEP, np.exp(np.minimum(raw, _LARGEST_STEP)), np.float32(0))
    back = np.empty_like(raw)
    back[:, MEDIAN] = slope.sum(axis=1)
    back[:, MEDIAN + 1 :] = np.cumsum(slope[:, :MEDIAN:-1], axis=1)[:, ::-1] * steps[:, MEDIAN + 1 :]
    back[:, :MEDIAN] = -np.cumsum(slope[:, :MEDIAN], axis=1) * steps[:, :MEDIAN]
    gradients: list[Floats] = []
    for layer in range(len(layers) - 1, -1, -1):
        gradients[:0] = [inputs[layer].T @ back, back.sum(axis=0)]
        if layer:
            back = (back @ layers[layer][0].T) * (inputs[layer] > 0) * masks[layer - 1]
    return gradients


def _loss_slope(logs: Floats, offset: Floats, days: Floats, horizon: float, log_weight: float) -> Floats:
    """d loss / d log-quantile. A quantile beyond the horizon is as good as any other beyond it."""
    quantile = in_days(logs, offset)
    pinball = np.where(days[:, None] > quantile, -QUANTILES, 1 - QUANTILES) * (2 * WEIGHTS)
    inside = quantile < horizon
    days_slope = np.where(inside, pinball * quantile, 0) / 20  # about the size of the logarithmic score
    censored = (days >= horizon)[:, None] & ~inside
    logs_slope = np.where(censored, 0, pinball) * log_weight
    return (days_slope + logs_slope).astype(np.float32)


def _plain(array: Floats) -> Any:
    """Nested lists with six significant digits."""
    return [float(f"{value:.6g}") for value in array] if array.ndim == 1 else [_plain(row) for row in array]
