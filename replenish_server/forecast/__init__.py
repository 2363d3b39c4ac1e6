"""PURE (numpy): how long a stock will last, and when a slot without a sensor will be wanted again."""

from replenish_server.forecast.level_model import LevelBatch, LevelForecast, LevelModel
from replenish_server.forecast.purchase_model import PurchaseBatch, PurchaseModel
from replenish_server.forecast.quantiles import QUANTILES
from replenish_server.forecast.run_out import RunOut, run_out_of

__all__ = [
    "QUANTILES",
    "LevelBatch",
    "LevelForecast",
    "LevelModel",
    "PurchaseBatch",
    "PurchaseModel",
    "RunOut",
    "run_out_of",
]
