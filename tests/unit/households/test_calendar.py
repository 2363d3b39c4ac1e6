"""Months, days and quiet hours on the household's own clock."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replenish_server.households.calendar import (
    QuietHours,
    day_of,
    month_of,
    start_of,
)

BERLIN, SEOUL, LORD_HOWE = "Europe/Berlin", "Asia/Seoul", "Australia/Lord_Howe"
ZONES = st.sampled_from(
    [BERLIN, SEOUL, "UTC", "America/New_York", "America/St_Johns", LORD_HOWE, "Asia/Kathmandu"]
)
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))
MINUTES = st.integers(0, 1439)


@pytest.mark.parametrize(
    ("at", "zone", "month"),
    [
        ("2026-11-30T22:59:59+00:00", BERLIN, "2026-11"),
        ("2026-11-30T23:00:00+00:00", BERLIN, "2026-12"),
        ("2026-11-30T14:59:59+00:00", SEOUL, "2026-11"),
        ("2026-11-30T15:00:00+00:00", SEOUL, "2026-12"),
        ("2026-12-31T23:30:00+00:00", BERLIN, "2027-01"),
    ],
)
def test_a_month_begins_at_the_households_midnight(at: str, zone: str, month: str) -> None:
    assert month == month_of(datetime.fromisoformat(at), zone)


@given(now=MOMENTS, zone=ZONES)
def test_a_day_starts_before_it_is_over(now: datetime, zone: str) -> None:
    starts = start_of(day_of(now, zone), zone)
    assert starts <= now < starts + timedelta(hours=26)


@given(now=MOMENTS, zone=ZONES, first=MINUTES, last=MINUTES)
def test_quiet_hours_end_at_the_first_minute_that_is_not_quiet(
    now: datetime, zone: str, first: int, last: int
) -> None:
    """Also over midnight, in skipped hours and in hours that come twice."""
    quiet = QuietHours(first, last)
    end = quiet.end(now, zone)
    assert not quiet.hold(end, zone)
    if quiet.hold(now, zone):
        assert now < end <= now + timedelta(hours=26)
        assert all(
            quiet.hold(now + timedelta(minutes=n), zone)
            for n in range(int((end - now).total_seconds()) // 60)
        )
    else:
        assert end == now


@pytest.mark.parametrize(
    ("first", "last", "at", "hold"),
    [
        (22 * 60, 7 * 60, "2026-05-04T21:59:59+02:00", False),
        (22 * 60, 7 * 60, "2026-05-04T22:00:00+02:00", True),
        (22 * 60, 7 * 60, "2026-05-05T06:59:59+02:00", True),
        (22 * 60, 7 * 60, "2026-05-05T07:00:00+02:00", False),
        (13 * 60, 15 * 60, "2026-05-05T14:00:00+02:00", True),
        (0, 0, "2026-05-05T00:00:00+02:00", False),
    ],
)
def test_quiet_hours_on_a_plain_day(first: int, last: int, at: str, hold: bool) -> None:
    assert hold == QuietHours(first, last).hold(datetime.fromisoformat(at), BERLIN)


def test_an_hour_that_is_skipped_ends_with_it() -> None:
    """Half past two does not exist on 29 March 2026: the quiet ends at three, half an hour early."""
    now = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)
    assert datetime(2026, 3, 29, 1, tzinfo=UTC) == QuietHours(22 * 60, 150).end(now, BERLIN)


def test_an_hour_that_comes_twice_is_quiet_twice() -> None:
    """25 October 2026: from half past one on nothing leaves until three in winter time."""
    quiet = QuietHours(90, 180)
    assert quiet.hold(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), BERLIN)
    end = quiet.end(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), BERLIN)
    assert datetime(2026, 10, 25, 2, tzinfo=UTC) == end


def test_a_day_without_midnight_starts_when_it_starts() -> None:
    """Santiago skips midnight on 6 September 2026."""
    assert datetime(2026, 9, 6, 4, tzinfo=UTC) == start_of(date(2026, 9, 6), "America/Santiago")
