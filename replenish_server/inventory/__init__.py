"""PURE: from readings to consumption, refills and the stock position."""

from replenish_server.inventory.levels import LevelHistory, LevelSample, Refill, read_levels
from replenish_server.inventory.position import StockPosition, stock_position

__all__ = ["LevelHistory", "LevelSample", "Refill", "StockPosition", "read_levels", "stock_position"]
