"""Numbers, money, quantities and times in both languages."""

from datetime import UTC, datetime, timedelta

import pytest

from replenish_server.households.money import money
from replenish_server.web.formats import Formatter, plain_amount, quantity, zone
from replenish_server.web.views import Lang, Unit

NOW = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (2490, "EUR", "€24.90"),
        (5, "EUR", "€0.05"),
        (0, "GBP", "£0.00"),
        (123456789, "USD", "$1,234,567.89"),
        (12500, "KRW", "₩12,500"),
        (None, "EUR", "?"),
        (1200, "JPY", "¥1,200"),
        (2490, "chf", "CHF\u00a024.90"),
        (1234, "KWD", "KWD\u00a01.234"),
        (-250, "EUR", "-€2.50"),
    ],
)
def test_money(minor: int | None, currency: str, text: str) -> None:
    assert money(minor, currency) == text


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(2490, "EUR", "24.90"), (12500, "KRW", "12500"), (99999999, "EUR", "999999.99")],
)
def test_an_amount_for_an_input_field(minor: int, currency: str, text: str) -> None:
    assert plain_amount(minor, currency) == text


@pytest.mark.parametrize(
    ("amount", "unit", "lang", "text"),
    [
        (1640, "g", "en", "1,640\u00a0g"),
        (1, "pages", "en", "1 page"),
        (2, "pages", "en", "2 pages"),
        (1640, "pages", "ko", "1,640매"),
        (1, "presses", "en", "1 press"),
        (3, "presses", "ko", "3회"),
        (95.31, "g", "en", "95\u00a0g"),
        (3.456, "ml", "en", "3.5\u00a0ml"),
        (0.0432, "pages", "en", "0.043 pages"),
        (0.0, "g", "en", "0.00\u00a0g"),
    ],
)
def test_quantities(amount: float, unit: Unit, lang: Lang, text: str) -> None:
    assert quantity(amount, unit, lang) == text


def test_days_are_the_households_days() -> None:
    berlin = Formatter("en", zone("Europe/Berlin"), NOW)
    seoul = Formatter("ko", zone("Asia/Seoul"), NOW)
    assert berlin.date(NOW) == "Wed\u00a025\u00a0Nov"
    assert berlin.moment(NOW) == "Wed\u00a025\u00a0Nov, 00:30"
    assert seoul.moment(NOW) == "11월\u00a025일\u00a0(수) 08:30"
    assert seoul.short_date(NOW) == "11/25"


def test_another_year_is_named() -> None:
    later = NOW + timedelta(days=400)
    assert Formatter("en", UTC, NOW).date(later) == "Wed\u00a029\u00a0Dec\u00a02027"
    assert Formatter("ko", UTC, NOW).date(later) == "2027년\u00a012월\u00a029일\u00a0(수)"


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(seconds=-20), "just now"),
        (timedelta(minutes=12), "12 min ago"),
        (timedelta(hours=30), "30 h ago"),
        (timedelta(hours=49), "Sun\u00a022\u00a0Nov, 22:30"),
        (timedelta(hours=-2), "Wed\u00a025\u00a0Nov, 01:30"),
    ],
)
def test_how_long_ago(age: timedelta, text: str) -> None:
    assert Formatter("en", UTC, NOW).ago(NOW - age) == text


def test_an_unknown_zone_is_utc() -> None:
    assert zone("Mars/Olympus") is UTC
    assert zone("../etc/passwd") is UTC
