"""PURE: quantities, prices and days as people read them."""

from replenish_server.households.money import money

__all__ = ["amount", "days", "money", "number"]

_SHOWN = {"mg": (1000, "g"), "pack": (1, "pack"), "ml": (1000, "l"), "page": (1, "pages")}
_WHOLE_LITRES = 10  # below, a tenth of a litre matters


def amount(value: float | None, unit: str) -> str:
    """A quantity as people read it: "412 g"; "?" when unknown."""
    if value is None:
        return "?"
    factor, name = _SHOWN[unit]
    shown = value / factor
    if unit == "ml" and shown < _WHOLE_LITRES:
        return f"{shown:.1f} {name}"
    return f"{round(shown):,} {name}"


def days(value: float) -> str:
    """Days as people read them: whole from ten on."""
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def number(value: float | str | None) -> float | None:
    """A number among a verdict's numbers and texts, or None."""
    return value if isinstance(value, int | float) else None
