"""PURE: quantities, prices and days as people read them."""

_SHOWN = {"mg": (1000, "g"), "pack": (1, "pack")}
_NO_CENTS = ("JPY", "KRW")


def amount(value: float | None, unit: str) -> str:
    """A quantity as people read it: "412 g"; "?" when unknown."""
    if value is None:
        return "?"
    factor, name = _SHOWN[unit]
    return f"{round(value / factor):,} {name}"


def money(minor: int | None, currency: str | None) -> str:
    """A price as people read it: "24.90 EUR"."""
    if minor is None:
        return "?"
    if currency in _NO_CENTS:
        return f"{minor:,} {currency}"
    return f"{minor // 100:,}.{minor % 100:02d} {currency}"


def days(value: float) -> str:
    """Days as people read them: whole from ten on."""
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def number(value: float | str | None) -> float | None:
    """A number among a verdict's numbers and texts, or None."""
    return value if isinstance(value, int | float) else None
