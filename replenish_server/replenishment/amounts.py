"""PURE: quantities, prices and days as people read them."""

from replenish_server.households.money import money

__all__ = ["amount", "days", "money", "number"]

_SHOWN = {"mg": (1000, "g"), "pack": (1, "pack")}


def amount(value: float | None, unit: str) -> str:
    """A quantity as people read it: "412 g"; "?" when unknown."""
    if value is None:
        return "?"
    factor, name = _SHOWN[unit]
    return f"{round(value / factor):,} {name}"


def days(value: float) -> str:
    """Days as people read them: whole from ten on."""
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def number(value: float | str | None) -> float | None:
    """A number among a verdict's numbers and texts, or None."""
    return value if isinstance(value, int | float) else None
