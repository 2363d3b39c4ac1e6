"""PURE: from readings to consumption, refills and the stock position."""

from replenish_server.inventory.events import Consumption, Refill
from replenish_server.inventory.levels import LevelHistory, LevelSample, read_level, read_levels
from replenish_server.inventory.position import StockPosition, stock_position

__all__ = [
    "Consumption",
    "LevelHistory",
    "LevelSample",
    "Refill",
    "StockPosition",
    "read_level",
    "read_levels",
    "stock_position",
]
