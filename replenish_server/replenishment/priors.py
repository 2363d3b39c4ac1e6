"""The models of a fresh installation, fitted on simulated households only (docs/forecast.md)."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from replenish_server.forecast.level_model import (
        LevelModel,  # with numpy, once there is something to forecast
    )
    from replenish_server.forecast.purchase_model import PurchaseModel


@dataclass(frozen=True)
class Models:
    """What forecasts are made with.

    Args:
        levels: for slots with a sensor.
        purchases: for slots without one.
        version: "shipped", or the number of the fit.
    """

    levels: "LevelModel"
    purchases: "PurchaseModel"
    version: str


@cache
def shipped_models() -> Models:
    """The models that every release brings along (docs/forecast.md); read once."""
    from replenish_server.forecast.level_model import LevelModel
    from replenish_server.forecast.purchase_model import PurchaseModel

    plain = json.loads(
        files("replenish_server.forecast").joinpath("shipped.json").read_text(encoding="utf-8")
    )
    return Models(
        LevelModel.from_plain(plain["levels"]), PurchaseModel.from_plain(plain["purchases"]), "shipped"
    )
