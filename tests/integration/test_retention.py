"""A year of readings in a real database: what it takes, and what those who read still see."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from replenish_server.database import Database
from replenish_server.fleet.tables import Slot
from replenish_server.replenishment.readings import level_samples
from replenish_server.telemetry.retention import Retention
from replenish_server.telemetry.store import Incoming, ReadingStore
from replenish_server.telemetry.tables import Reading
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import NOW, House, build_house

EVERY = timedelta(minutes=15)
RAW_DAYS, HOURLY_DAYS = 40, 400
DEVICE_YEAR_BYTES = 600_000  # stated in docs/telemetry.md


def message(
    seq: int, grams: int, at: datetime, kind: str = "level", came_at: datetime | None = None
) -> Incoming:
    """A reading of the level sensor, which came at once or later."""
    came_at = came_at or at
    body = {"v": 1, "b": "0000000a", "s": seq, "t": kind, "n": grams, "a": (came_at - at).total_seconds()}
    return Incoming("rp/1/level-1/up/ev", json.dumps(body).encode(), False, came_at)


def used(database: Database) -> int:
    """Bytes in pages that hold something."""
    with database.engine.connect() as connection:
        pages, free, size = (
            int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
            for name in ("page_count", "freelist_count", "page_size")
        )
    return (pages - free) * size


@pytest.fixture(scope="module")
def year(
    template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[House, ManualClock, int]]:
    """A household whose sensor has spoken every 15 minutes for 500 days; and the bytes before it did."""
    house = build_house(template, tmp_path_factory.mktemp("year"))
    before, store, clock = used(house.database), ReadingStore(), ManualClock(NOW)
    begin, count = NOW - timedelta(days=500), 500 * 96
    for start in range(0, count, 4000):
        batch = [
            message(n + 1, 2000 - n % 1900, begin + n * EVERY) for n in range(start, min(start + 4000, count))
        ]
        if start == 4000:
            batch.append(message(count + 1, 2000, NOW - timedelta(days=450), "refill"))
        with house.database.write() as session:
            store.store(session, batch)
    yield house, clock, before
    house.database.close()


def levels(session: Session, since: datetime, before: datetime) -> list[tuple[datetime, int | None]]:
    """Level readings as everybody sees them."""
    query = select(Reading.occurred_at, Reading.number).where(
        Reading.device_id == "level-1",
        Reading.slot_key == "main",
        Reading.type == "level",
        col(Reading.occurred_at) >= since,
        col(Reading.occurred_at) < before,
    )
    return sorted(session.exec(query))


def test_a_device_year_takes_half_a_megabyte(year: tuple[House, ManualClock, int]) -> None:
    """Recent readings are untouched; older ones stand for an hour, the oldest for a day; refills stay."""
    house, clock, before = year
    raw_from = (NOW - timedelta(days=RAW_DAYS)).replace(minute=0)
    hourly_from = (NOW - timedelta(days=HOURLY_DAYS)).replace(hour=0, minute=0)
    with house.database.read() as session:
        recent = levels(session, raw_from, NOW)
        everything = levels(session, NOW - timedelta(days=501), NOW)
    rolled = Retention(house.database, clock, RAW_DAYS, HOURLY_DAYS).run()
    assert rolled > 30_000
    assert Retention(house.database, clock, RAW_DAYS, HOURLY_DAYS).run() == 0
    with house.database.read() as session:
        assert recent == levels(session, raw_from, NOW)
        hourly = levels(session, hourly_from, raw_from)
        daily = levels(session, NOW - timedelta(days=501), hourly_from)
        refills = session.exec(select(Reading.number).where(Reading.type == "refill")).all()
    assert abs(len(hourly) - (HOURLY_DAYS - RAW_DAYS) * 24) <= 24
    assert abs(len(daily) - 100) <= 2
    assert set(hourly) | set(daily) <= set(everything)
    assert [2000] == list(refills)
    a_year = (used(house.database) - before) * 365 / 500
    assert a_year < DEVICE_YEAR_BYTES, a_year


def test_a_forecast_of_old_days_reads_through_the_rollups(year: tuple[House, ManualClock, int]) -> None:
    """`level_samples` asks the same question as ever, and hears one answer for an hour."""
    house, clock, _ = year
    Retention(house.database, clock, RAW_DAYS, HOURLY_DAYS).run()
    with house.database.read() as session:
        slot = session.get_one(Slot, house.slots["level-1"])
        start = datetime(2026, 1, 10, tzinfo=UTC)
        samples = level_samples(session, slot, start, start + timedelta(days=1))
    assert len(samples) == 24
    assert all(sample.good and sample.level is not None for sample in samples)


def test_what_comes_a_hundred_days_late_joins_its_hour_and_comes_once(
    year: tuple[House, ManualClock, int],
) -> None:
    """Rolled-up readings are still known by their sequence; a new one makes the hour's range wider."""
    house, clock, _ = year
    keeper = Retention(house.database, clock, RAW_DAYS, HOURLY_DAYS)
    keeper.run()
    hour = (NOW - timedelta(days=100)).replace(minute=0)
    with house.database.read() as session:
        (before,) = levels(session, hour, hour + timedelta(hours=1))
    known = 500 * 96 - 100 * 96
    with house.database.write() as session:
        late = [message(seq, grams, hour, came_at=NOW) for seq, grams in ((known, 1), (90_001, 1999))]
        ReadingStore().store(session, late)
    keeper.run()
    with house.database.read() as session:
        assert [before] == levels(session, hour, hour + timedelta(hours=1))
        ((high, number),) = session.connection().exec_driver_sql(
            "SELECT high, readings FROM rollup WHERE at_ms >= ? AND at_ms < ?",
            tuple(int(at.timestamp() * 1000) for at in (hour, hour + timedelta(hours=1))),
        )
    assert (1999, 5) == (high, number)
