"""PURE: moments and days as programs write them: RFC 3339 text, never a number that could mean either."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def _spelled_moment(value: Any) -> Any:
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise ValueError("write it with its offset, such as 2026-06-01T07:00:00Z")
    return value


def _spelled_day(value: Any) -> Any:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("write a day as text, such as 2026-08-15")
    return value


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("it lies outside the years 1 to 9999") from error


Moment = Annotated[
    AwareDatetime, BeforeValidator(_spelled_moment), AfterValidator(_in_utc), Field(strict=False)
]
Day = Annotated[date, BeforeValidator(_spelled_day), Field(strict=False)]
