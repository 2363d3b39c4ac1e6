"""PURE: what a household says of itself, and what of it could never be ordered or reckoned with."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from zoneinfo import available_timezones

_SPOKEN = ("en", "ko")
_LONGEST = 200
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_COUNTRY = re.compile(r"[A-Z]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")
# Said in everyday life, but not by ISO 3166; shops refuse them.
_NOT_ISO = {"UK": "GB", "EL": "GR"}


class ParticularsRefused(Exception):
    """They cannot be right; the text says what would be."""


@dataclass(frozen=True)
class Address:
    """Whose home it is, and where parcels go."""

    buyer_name: str
    buyer_email: str
    street: str
    locality: str
    postal_code: str
    country: str


def check_particulars(name: str, address: Address, time_zone: str, language: str, currency: str) -> None:
    """Refuse what no shop could deliver to and no calendar could count by, before anything is made.

    Args:
        name: what the home is called.
        address: whose it is.
        time_zone: IANA name.
        language: "en" or "ko".
        currency: ISO 4217.

    Raises:
        ParticularsRefused: see there.
    """
    texts = {
        "name": name,
        "buyer": address.buyer_name,
        "street": address.street,
        "locality": address.locality,
        "postal code": address.postal_code,
    }
    for what, text in texts.items():
        if not text.strip() or len(text) > _LONGEST or not text.isprintable():
            raise ParticularsRefused(f"the {what} is one line of 1 to {_LONGEST} characters, not {text!r}")
    if not _EMAIL.fullmatch(address.buyer_email) or len(address.buyer_email) > _LONGEST:
        raise ParticularsRefused(
            f"the email is an address such as ada@example.org, not {address.buyer_email!r}"
        )
    _check_country(address.country)
    _check_time_zone(time_zone)
    if language not in _SPOKEN:
        raise ParticularsRefused(f"the language is {' or '.join(_SPOKEN)}, not {language!r}")
    if not _CURRENCY.fullmatch(currency):
        raise ParticularsRefused(
            f"the currency is three capital letters such as EUR (ISO 4217), not {currency!r}"
        )


def _check_country(country: str) -> None:
    meant = _NOT_ISO.get(country)
    if meant is not None:
        raise ParticularsRefused(f"the country is {meant}, which ISO 3166 has for {country}")
    if not _COUNTRY.fullmatch(country):
        raise ParticularsRefused(f"the country is two capital letters such as DE (ISO 3166), not {country!r}")


def _check_time_zone(time_zone: str) -> None:
    known = available_timezones()
    if time_zone not in known:
        near = get_close_matches(time_zone, known, 1, 0.5) or ["Europe/Berlin"]
        raise ParticularsRefused(f"the time zone is an IANA name such as {near[0]}, not {time_zone!r}")
