"""PURE: quantities, prices and days as people read them."""

from replenish_server.households.money import money

__all__ = ["amount", "days", "money", "number"]

# Base units in one that people read, and its name: English for one and for many, Korean with its gap.
_SHOWN = {
    "mg": (1000, "g", "g", " g"),
    "pack": (1, "pack", "packs", "개"),
    "ml": (1000, "l", "l", " l"),
    "page": (1, "page", "pages", "매"),
}
_WHOLE_LITRES = 10  # below, a tenth of a litre matters


def amount(value: float | None, unit: str, korean: bool = False) -> str:
    """A quantity as people read it: "412 g", "1 page", "410매"; "?" when unknown."""
    if value is None:
        return "?"
    factor, one, many, name_ko = _SHOWN[unit]
    number = value / factor
    text = f"{number:.1f}" if unit == "ml" and number < _WHOLE_LITRES else f"{round(number):,}"
    return text + (name_ko if korean else f" {one if text == '1' else many}")


def days(value: float) -> str:
    """Days as people read them: whole from ten on."""
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def number(value: float | str | None) -> float | None:
    """A number among a verdict's numbers and texts, or None."""
    return value if isinstance(value, int | float) else None
