"""PURE: how money is written in a sentence, a table and a field; English and Korean write it alike."""

# ISO 4217: digits after the point, where they are not two.
_EXPONENTS = {"KRW": 0, "JPY": 0, "VND": 0, "CLP": 0, "ISK": 0, "PYG": 0, "UGX": 0, "XAF": 0, "XOF": 0}
_EXPONENTS |= {"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3}
_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "KRW": "₩", "INR": "₹"}
_NBSP = "\u00a0"


def currency_exponent(currency: str) -> int:
    """Digits after the decimal point of a currency (ISO 4217); two where it is not listed."""
    return _EXPONENTS.get(currency.upper(), 2)


def money(minor: int | None, currency: str | None) -> str:
    """Minor units as people write them: "€24.90", "CHF 24.90", "₩12,500"; "?" when the price is not known."""
    if minor is None:
        return "?"
    code = (currency or "?").upper()
    digits = currency_exponent(code)
    whole, rest = divmod(abs(minor), 10**digits)
    number = f"{whole:,}" + (f".{rest:0{digits}d}" if digits else "")
    symbol = _SYMBOLS.get(code)
    return ("-" if minor < 0 else "") + (f"{symbol}{number}" if symbol else f"{code}{_NBSP}{number}")
