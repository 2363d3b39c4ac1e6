"""The two pictures of docs/forecast.md, from the numbers of a run."""

from typing import Any

from tests.benchmarks.svg import Axes, Line, draw

OURS, EWMA, FIXED, SHIPPED, EVEN = "#0b6e4f", "#c8553d", "#7a7a7a", "#3b6ea8", "#b0b0b0"
LEVELS = [0.01, 0.025, *(round(0.05 * i, 2) for i in range(1, 20)), 0.975, 0.99]
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def calibration(raw: dict[str, Any]) -> str:
    """How often the truth lay under each level that was said, for both tasks."""
    panels = []
    for task, title in (("B", "Levels: days to empty"), ("A", "Purchases: days to the next")):
        told = raw[task]
        lines = [
            Line("as promised", ((0, 0), (1, 1)), EVEN, dashed=True),
            Line("ours, warm", _curve(told["ours"]["curve"]), OURS, marked=True),
            Line("ours, cold start", _curve(told["ours"]["curve_cold"]), SHIPPED),
            Line("EWMA", _curve(told["ewma"]["curve"]), EWMA, dashed=True),
        ]
        axes = Axes(title, "level of the forecast", "share of outcomes under it", SHARES, SHARES)
        panels.append((axes, lines))
    return draw(panels, "Calibration of the forecasts: share of outcomes under each level said")


def cost(raw: dict[str, Any]) -> str:
    """Stock-out days against days of cover, both per item and year, for each way to decide."""
    b, a = raw["B"], raw["A"]
    levels = [
        Line("fixed share left", _frontier(b["threshold"]), FIXED, dashed=True, marked=True),
        Line("EWMA", _frontier(b["ewma"]), EWMA, marked=True),
        Line("ours", _frontier(b["ours"]), OURS, marked=True),
        Line("shipped, never fitted", _frontier(b["shipped"]), SHIPPED, dashed=True),
    ]
    purchases = [
        Line("EWMA interval", _frontier(a["ewma"]), EWMA, marked=True),
        Line("ours", _frontier(a["ours"]), OURS, marked=True),
        Line("shipped, never fitted", _frontier(a["shipped"]), SHIPPED, dashed=True),
    ]
    x, y = "days of cover on arrival, per item and year", "stock-out days per item and year"
    return draw(
        [
            (Axes("Levels", x, y, (0, 40, 80, 120, 160), (0, 2, 4, 6, 8, 10), "top right"), levels),
            (
                Axes("Purchases", x, y, (0, 100, 200, 300, 400), (0, 5, 10, 15, 20, 25), "top right"),
                purchases,
            ),
        ],
        "Cost frontiers: stock-outs against cover, for thresholds, EWMA and ours",
    )


def _curve(shares: list[float]) -> list[tuple[float, float]]:
    return list(zip(LEVELS, shares, strict=True))


def _frontier(told: dict[str, Any]) -> list[tuple[float, float]]:
    """(days of cover, stock-out days), both per item and year, from many stock-outs to few."""
    return sorted((cover, out) for out, cover in told["frontier"])
