"""PURE: the household's own calendar: months, days, and quiet hours over midnight and clock changes."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_MINUTE = timedelta(minutes=1)


def month_of(now: datetime, time_zone: str) -> str:
    """The household's month of a moment, such as "2026-11"."""
    return now.astimezone(ZoneInfo(time_zone)).strftime("%Y-%m")


def day_of(now: datetime, time_zone: str) -> date:
    """The household's day of a moment."""
    return now.astimezone(ZoneInfo(time_zone)).date()


def start_of(day: date, time_zone: str) -> datetime:
    """The moment at which a day begins for the household, in UTC; without midnight, the moment after."""
    return datetime.combine(day, time(), ZoneInfo(time_zone)).astimezone(UTC)


@dataclass(frozen=True)
class QuietHours:
    """Hours of the household's wall clock in which nothing leaves by itself.

    Args:
        from_min: first quiet minute of the day, 0 to 1439.
        until_min: first minute that is not quiet any more; before `from_min` the hours go over midnight, and
            equal to it there are none.
    """

    from_min: int
    until_min: int

    def hold(self, now: datetime, time_zone: str) -> bool:
        """Whether a moment is quiet. The wall clock says so: an hour that comes twice is quiet twice."""
        local = now.astimezone(ZoneInfo(time_zone))
        minute = local.hour * 60 + local.minute
        if self.from_min <= self.until_min:
            return self.from_min <= minute < self.until_min
        return minute >= self.from_min or minute < self.until_min

    def end(self, now: datetime, time_zone: str) -> datetime:
        """The first moment from `now` on that is not quiet, in UTC, to the minute.

        Minutes are tried one by one: there are at most 1,500 of them, and no rule about skipped or repeated
        hours can then be wrong.
        """
        at = now.astimezone(UTC)
        if not self.hold(at, time_zone):
            return at
        at = at.replace(second=0, microsecond=0)
        while self.hold(at, time_zone):
            at += _MINUTE
        return at
