"""How numbers, money, quantities and times are written in English and Korean.

It owns the conventions of both languages in a few plain functions (no locale library, no process locale) and
must never decide what is shown, only how.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from replenish_server.households.date_texts import day_text, moment_text, month_text, short_day_text
from replenish_server.households.money import currency_exponent, money
from replenish_server.web.phrases import translate
from replenish_server.web.views import Lang, Unit

_NBSP = "\u00a0"
_Day = date  # in the class below, that name is a way to write one


def plain_amount(minor: int, currency: str) -> str:
    """Minor units as a bare decimal for an input field: 2490 EUR -> "24.90", 12500 KRW -> "12500"."""
    digits = currency_exponent(currency)
    return f"{minor}" if digits == 0 else f"{minor / 10**digits:.{digits}f}"


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
        """Minor units as people write them."""
        return money(minor, currency)

    def quantity(self, amount: int | float, unit: Unit) -> str:
        """An amount with its unit."""
        return quantity(amount, unit, self.lang)

    def number(self, value: float) -> str:
        """A number as people say it: one decimal below ten, whole above."""
        return f"{value:.1f}" if value < 10 else f"{value:,.0f}"

    def date(self, moment: datetime) -> str:
        """A day: "Sun 29 Nov", "11월 29일 (일)"; with the year when it is not this one."""
        return day_text(moment.astimezone(self.tz), self.lang, self._this_year())

    def day(self, day: _Day) -> str:
        """A day of the household's calendar, written as `date` writes a moment's."""
        return day_text(datetime(day.year, day.month, day.day, tzinfo=self.tz), self.lang, self._this_year())

    def short_date(self, moment: datetime) -> str:
        """A day for a chart's axis: "29 Nov", "11/29"."""
        return short_day_text(moment.astimezone(self.tz), self.lang)

    def month(self, month: str) -> str:
        """A month of the calendar: "Jun 2026", "2026년 6월"."""
        return month_text(month, self.lang)

    def clock(self, moment: datetime) -> str:
        """The time of day, 24 hours: "14:05"."""
        return f"{moment.astimezone(self.tz):%H:%M}"

    def moment(self, moment: datetime) -> str:
        """A day with its time: "Sun 29 Nov, 14:05", "11월 29일 (일) 14:05"."""
        return moment_text(moment.astimezone(self.tz), self.lang, self._this_year())

    def _this_year(self) -> int:
        return self.now.astimezone(self.tz).year

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
