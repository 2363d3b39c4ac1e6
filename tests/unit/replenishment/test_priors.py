"""The models that ship: they load, are small, know no unit, and can be made again."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from device_sim.kinds import KINDS
from replenish_server.forecast.level_model import LevelBatch
from replenish_server.forecast.quantiles import MEDIAN
from replenish_server.inventory.grid import BINS
from replenish_server.replenishment.priors import shipped_models
from tests.support.forecast_fleets import level_outcomes, purchase_outcomes

ROOT = Path(__file__).parents[3]
FILE = ROOT / "replenish_server" / "forecast" / "shipped.json"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script that makes them."""
    spec = importlib.util.spec_from_file_location("ship_priors", ROOT / "scripts" / "ship_priors.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def coffee(left: float, size: float, category: str = "coffee") -> LevelBatch:
    """One container that loses five percent a day."""
    ago = np.arange(BINS)[::-1]
    levels = (0.02 + (left - 0.02 + ago * 0.0125) % 0.98).astype(np.float32)[None]
    return LevelBatch(levels, np.array([category]), np.array([size], np.float32), np.zeros(1, np.int64))


def test_they_are_small_and_say_where_they_come_from() -> None:
    """At most 150 kB of text."""
    assert FILE.stat().st_size <= 150_000
    assert "simulated households only" in json.loads(FILE.read_text(encoding="utf-8"))["note"]


def test_they_are_read_once() -> None:
    """The second call is free."""
    assert shipped_models() is shipped_models()


def test_they_know_the_simulated_kinds() -> None:
    """A share per day and an interval for each; coffee goes faster than toner."""
    models = shipped_models()
    names = {kind.name for kind in KINDS}
    assert set(models.levels.prior.categories) == names == set(models.purchases.prior.categories)
    share = dict(zip(models.levels.prior.categories, np.exp(models.levels.prior.log_share), strict=True))
    assert share["coffee"] > 2 * share["toner"]


@pytest.mark.parametrize("category", ["coffee", "never seen"])
def test_an_even_slot_is_answered_with_level_over_use_in_any_unit(category: str) -> None:
    """60 % left at 5 % a day: about twelve days, in grams or in milligrams."""
    grams, milligrams = (
        shipped_models().levels.forecast(coffee(0.6, size, category)) for size in (250.0, 250_000.0)
    )
    assert np.array_equal(grams.days, milligrams.days)
    assert grams.days[0, MEDIAN] == pytest.approx(12, abs=2)


def test_they_beat_a_constant_on_fresh_simulated_slots() -> None:
    """The median's error against that of always saying the median of what came true."""
    models = shipped_models()
    levels, purchases = level_outcomes(slots=60, seed=77), purchase_outcomes(slots=60, seed=77)
    for said, days, gain in (
        (models.levels.forecast(levels.batch).days, levels.days, 0.55),
        (models.purchases.forecast(purchases.batch), purchases.days, 0.97),
    ):
        error = np.abs(np.minimum(said[:, MEDIAN], 84) - days).mean()
        assert error < gain * np.abs(np.median(days) - days).mean()


def test_making_them_again_gives_the_same_text(script: ModuleType) -> None:
    """On a small sample; everything random has a seed."""
    one, other = (script.ship(levels=60, purchases=60, rounds=1) for _ in range(2))
    assert one == other
    assert set(json.loads(one)) == {"note", "levels", "purchases"}
