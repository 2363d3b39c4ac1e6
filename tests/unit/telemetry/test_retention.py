"""Rolling up on either database: what is old becomes an hour or a day, once, and what comes late joins it."""

from datetime import timedelta

import pytest
from sqlmodel import select

from replenish_server.telemetry.retention import Retention
from replenish_server.telemetry.store import Incoming, ReadingStore
from replenish_server.telemetry.tables import Reading
from tests.benchmarks.ingest.load import level_event
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import NOW, House

pytestmark = pytest.mark.both_databases
RAW_DAYS, HOURLY_DAYS = 40, 400
DAYS = 3


def days(first_seq: int, ago: int) -> list[Incoming]:
    """Three days of readings, one every 15 minutes, that began so many days ago at midnight."""
    midnight = (NOW - timedelta(days=ago)).replace(hour=0, minute=0)
    return [
        Incoming(
            "rp/1/level-1/up/ev",
            level_event(first_seq + n, n % 4 + 1),
            False,
            midnight + n * timedelta(minutes=15),
        )
        for n in range(DAYS * 96)
    ]


def numbers(house: House, ago: int) -> list[int | None]:
    """What everybody sees of them."""
    midnight = (NOW - timedelta(days=ago)).replace(hour=0, minute=0)
    with house.database.read() as session:
        query = select(Reading.number, Reading.occurred_at).order_by(Reading.occurred_at)  # type: ignore[arg-type]
        between = (midnight, midnight + timedelta(days=DAYS))
        return [number for number, at in session.exec(query) if between[0] <= at < between[1]]


def test_old_readings_become_hours_and_days_and_a_late_one_joins_its_hour(house: House) -> None:
    """Recent ones stay; nothing is rolled up twice; what comes again is still known."""
    store, keeper = ReadingStore(), Retention(house.database, ManualClock(NOW), RAW_DAYS, HOURLY_DAYS)
    ages = {"raw": 10, "hourly": 100, "daily": 450}
    streams = {age: days(1 + 1000 * n, ago) for n, (age, ago) in enumerate(ages.items())}
    for batch in reversed(streams.values()):
        with house.database.write() as session:
            store.store(session, batch)
    assert keeper.run() == 2 * DAYS * 96 + DAYS * 24  # the oldest twice: to hours, and on to days
    assert keeper.run() == 0
    assert len(numbers(house, ages["raw"])) == DAYS * 96
    assert numbers(house, ages["hourly"]) == [4] * DAYS * 24
    assert numbers(house, ages["daily"]) == [4] * DAYS
    hourly = streams["hourly"]
    again = [Incoming(one.topic, one.payload, False, NOW) for one in hourly]
    age_s = (NOW - hourly[5].received_at) // timedelta(seconds=1)
    late = level_event(900_000, 77).replace(b'"a":0', b'"a":%d' % age_s)
    with house.database.write() as session:
        store.store(session, [*again, Incoming(hourly[5].topic, late, False, NOW)])
    keeper.run()
    assert numbers(house, ages["hourly"]) == [4] * DAYS * 24
    with house.database.read() as session:
        kept = session.connection().exec_driver_sql("SELECT high, readings FROM rollup WHERE high = 77").all()
    assert [(77, 5)] == [tuple(row) for row in kept]
