"""SQLite's log is copied before a commit has to, whole, and only where it is long."""

import pytest
from sqlmodel import select

from replenish_server.database.wal import WriteAheadLog
from replenish_server.replenishment.tables import ForecastFit
from tests.fakes.retailer_house import NOW, House

pytestmark = pytest.mark.sqlite


def write(house: House) -> int:
    """One commit of some pages; returns how long the log's file is after it, in bytes."""
    with house.database.write() as session:
        session.add(ForecastFit(at=NOW, rows=1, households=1, model={"text": "y" * 80_000}))
    return house.database.path.with_name(f"{house.database.path.name}-wal").stat().st_size


def test_a_log_that_was_copied_is_begun_anew(house: House) -> None:
    """By the next commit; as long as nobody copies it, it grows."""
    log = WriteAheadLog(house.database.reading, house.database.turnstile)
    first, second = write(house), write(house)
    log.commits = 2
    assert not log.copy_if_long()
    assert first < second < write(house)
    grown = write(house)
    log.commits = 1000
    assert log.copy_if_long()
    assert log.commits == 0
    assert write(house) == grown


def test_a_log_that_somebody_reads_is_copied_later(house: House) -> None:
    """What a reader began with may not be overwritten; nobody waits for him."""
    log = WriteAheadLog(house.database.reading, house.database.turnstile)
    write(house)
    with house.database.read() as session:
        session.exec(select(ForecastFit.rows)).all()
        write(house)
        log.commits = 1000
        assert not log.copy_if_long()
    log.commits = 10**6  # it has learnt how little a commit is, of a number that was not true either
    assert log.copy_if_long()
