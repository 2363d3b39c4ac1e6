"""How numbers, money, quantities and times are written in English and Korean.

It owns the conventions of both languages in a few plain functions (no locale library, no process locale) and
must never decide what is shown, only how.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from replenish_server.web.phrases import translate
from replenish_server.web.views import Lang, Unit

# ISO 4217: digits after the point, where they are not two.
_EXPONENTS = {"KRW": 0, "JPY": 0, "VND": 0, "CLP": 0, "ISK": 0, "PYG": 0, "UGX": 0, "XAF": 0, "XOF": 0}
_EXPONENTS |= {"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3}
_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "KRW": "₩", "INR": "₹"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS: dict[Lang, tuple[str, ...]] = {
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "ko": ("월", "화", "수", "목", "금", "토", "일"),
}
_NBSP = "\u00a0"


def currency_exponent(currency: str) -> int:
    """Digits after the decimal point of a currency (ISO 4217); two where it is not listed."""
    return _EXPONENTS.get(currency.upper(), 2)


def plain_amount(minor: int, currency: str) -> str:
    """Minor units as a bare decimal for an input field: 2490 EUR -> "24.90", 12500 KRW -> "12500"."""
    digits = currency_exponent(currency)
    return f"{minor}" if digits == 0 else f"{minor / 10**digits:.{digits}f}"


def money(minor: int, currency: str, lang: Lang) -> str:
    """Minor units as people write them: "€24.90", "CHF 24.90", "₩12,500"; in Korean won are "12,500원"."""
    code = currency.upper()
    digits = currency_exponent(code)
    whole, rest = divmod(abs(minor), 10**digits)
    number = f"{whole:,}" + (f".{rest:0{digits}d}" if digits else "")
    sign = "-" if minor < 0 else ""
    if lang == "ko" and code == "KRW":
        return f"{sign}{number}원"
    symbol = _SYMBOLS.get(code)
    return f"{sign}{symbol}{number}" if symbol else f"{sign}{code}{_NBSP}{number}"


def quantity(amount: int | float, unit: Unit, lang: Lang) -> str:
    """An amount with its unit: "1,640 g", "1 page", "1,640매"; fractions keep one or two digits."""
    text = f"{amount:,}" if isinstance(amount, int) else _short(amount)
    if unit in ("g", "ml"):
        return f"{text}{_NBSP}{unit}"
    form = "one" if text == "1" else "many"
    return translate(lang, f"unit.{unit}.{form}", n=text)


def _short(value: float) -> str:
    """A rate with as many digits as it deserves: 95.31 -> "95", 3.456 -> "3.5", 0.0432 -> "0.04"."""
    if abs(value) >= 10:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2g}" if 0 < abs(value) < 0.1 else f"{value:.2f}"


def zone(name: str) -> tzinfo:
    """The IANA time zone of that name, UTC when the name is unknown here."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


@dataclass(frozen=True)
class Formatter:
    """Writes everything for one page: in one language, one time zone and seen from one moment."""

    lang: Lang
    tz: tzinfo
    now: datetime

    def money(self, minor: int, currency: str) -> str:
        """Minor units as people of this language write them."""
        return money(minor, currency, self.lang)

    def quantity(self, amount: int | float, unit: Unit) -> str:
        """An amount with its unit."""
        return quantity(amount, unit, self.lang)

    def number(self, value: float) -> str:
        """A number as people say it: one decimal below ten, whole above."""
        return f"{value:.1f}" if value < 10 else f"{value:,.0f}"

    def date(self, moment: datetime) -> str:
        """A day: "Sun 29 Nov", "11월 29일 (일)"; with the year when it is not this one."""
        day = moment.astimezone(self.tz)
        weekday = _WEEKDAYS[self.lang][day.weekday()]
        other_year = day.year != self.now.astimezone(self.tz).year
        if self.lang == "ko":
            text = (f"{day.year}년 " if other_year else "") + f"{day.month}월 {day.day}일 ({weekday})"
        else:
            text = f"{weekday} {day.day} {_MONTHS[day.month - 1]}" + (f" {day.year}" if other_year else "")
        return text.replace(" ", _NBSP)  # a date broken over two lines is hard to read

    def short_date(self, moment: datetime) -> str:
        """A day for a chart's axis: "29 Nov", "11/29"."""
        day = moment.astimezone(self.tz)
        return f"{day.month}/{day.day}" if self.lang == "ko" else f"{day.day} {_MONTHS[day.month - 1]}"

    def clock(self, moment: datetime) -> str:
        """The time of day, 24 hours: "14:05"."""
        return f"{moment.astimezone(self.tz):%H:%M}"

    def moment(self, moment: datetime) -> str:
        """A day with its time: "Sun 29 Nov, 14:05", "11월 29일 (일) 14:05"."""
        joint = " " if self.lang == "ko" else ", "
        return f"{self.date(moment)}{joint}{self.clock(moment)}"

    def left(self, moment: datetime) -> str:
        """How long until then, rounded down: "2 days", "5 h 12 min", "3 min"."""
        minutes = max(0, int((moment - self.now).total_seconds() // 60))
        if minutes >= 48 * 60:
            return translate(self.lang, "life.days", n=minutes // (24 * 60))
        if minutes >= 60:
            return translate(self.lang, "life.hours", h=minutes // 60, m=minutes % 60)
        return translate(self.lang, "life.minutes", m=minutes)

    def ago(self, moment: datetime) -> str:
        """How long ago, up to two days back ("12 min ago"); the plain moment before that or in the future."""
        age = self.now - moment
        if age < timedelta(seconds=-60) or age >= timedelta(hours=48):
            return self.moment(moment)
        minutes = int(age.total_seconds() // 60)
        if minutes < 1:
            return translate(self.lang, "ago.now")
        if minutes < 60:
            return translate(self.lang, "ago.minutes", n=minutes)
        return translate(self.lang, "ago.hours", n=minutes // 60)
