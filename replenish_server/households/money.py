"""PURE: a price in a sentence."""

_NO_CENTS = ("JPY", "KRW")


def money(minor: int | None, currency: str | None) -> str:
    """A price as people read it: "24.90 EUR"."""
    if minor is None:
        return "?"
    if currency in _NO_CENTS:
        return f"{minor:,} {currency}"
    sign, minor = "-" if minor < 0 else "", abs(minor)
    return f"{sign}{minor // 100:,}.{minor % 100:02d} {currency}"
