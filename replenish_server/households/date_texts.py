"""PURE: how days and moments are written in English and Korean."""

from datetime import datetime

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS = {
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "ko": ("월", "화", "수", "목", "금", "토", "일"),
}
_NBSP = "\u00a0"


def day_text(local: datetime, language: str, this_year: int) -> str:
    """A day: "Sun 29 Nov", "11월 29일 (일)"; with its year when that is not this one.

    Args:
        local: the moment in the reader's time zone.
        language: "ko", anything else is English.
        this_year: the reader's.
    """
    weekday = _WEEKDAYS["ko" if language == "ko" else "en"][local.weekday()]
    other_year = local.year != this_year
    if language == "ko":
        text = (f"{local.year}년 " if other_year else "") + f"{local.month}월 {local.day}일 ({weekday})"
    else:
        text = f"{weekday} {local.day} {_MONTHS[local.month - 1]}" + (f" {local.year}" if other_year else "")
    return text.replace(" ", _NBSP)  # a date broken over two lines is hard to read


def short_day_text(local: datetime, language: str) -> str:
    """A day for a chart's axis: "29 Nov", "11/29"."""
    if language == "ko":
        return f"{local.month}/{local.day}"
    return f"{local.day} {_MONTHS[local.month - 1]}"


def month_text(month: str, language: str) -> str:
    """A month of the calendar, as "2026-06" is stored: "Jun 2026", "2026년 6월"."""
    year, number = month.split("-")
    return f"{year}년 {int(number)}월" if language == "ko" else f"{_MONTHS[int(number) - 1]} {year}"


def moment_text(local: datetime, language: str, this_year: int) -> str:
    """A day with its time: "Sun 29 Nov, 14:05", "11월 29일 (일) 14:05"."""
    joint = " " if language == "ko" else ", "
    return f"{day_text(local, language, this_year)}{joint}{local:%H:%M}"
