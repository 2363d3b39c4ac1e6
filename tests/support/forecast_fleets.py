"""Small simulated fleets and quick recipes for the tests of the forecast."""

from functools import cache

import numpy as np

from device_sim.histories import simulate_levels
from device_sim.purchase_histories import simulate_purchases
from replenish_server.forecast.level_model import LevelBatch, LevelModel, LevelOutcomes, fit_levels
from replenish_server.forecast.network import Recipe
from replenish_server.forecast.purchase_model import (
    PurchaseBatch,
    PurchaseModel,
    PurchaseOutcomes,
    fit_purchases,
)

QUICK = Recipe(hidden=(8,), rounds=2, folds=2, repeats=1)


@cache
def level_outcomes(slots: int = 60, seed: int = 5) -> LevelOutcomes:
    """Simulated slots; sizes differ within categories."""
    told = simulate_levels(slots, seed)
    size = np.array([1.0 + (hash_of(slot) % 3) for slot in told.slot], np.float32)
    batch = LevelBatch(told.levels, told.category, size, told.weekday)
    return LevelOutcomes(batch, told.days, told.household, told.slot)


@cache
def purchase_outcomes(slots: int = 60, seed: int = 5) -> PurchaseOutcomes:
    """Simulated slots without a sensor."""
    told = simulate_purchases(slots, seed)
    batch = PurchaseBatch(
        told.ages, told.amounts, told.category, told.weekday, told.watched_days, told.around
    )
    return PurchaseOutcomes(batch, told.days, told.household, told.slot)


@cache
def level_model() -> LevelModel:
    """Fitted quickly: right in form, not in quality."""
    return fit_levels(level_outcomes(), QUICK, seed=3)


@cache
def purchase_model() -> PurchaseModel:
    """Fitted quickly: right in form, not in quality."""
    return fit_purchases(purchase_outcomes(), QUICK, seed=3)


def hash_of(name: str) -> int:
    """A number that does not change between runs."""
    return sum(name.encode())
