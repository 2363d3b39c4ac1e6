"""A writing block is done as a whole or not at all, by whichever way it writes."""

from contextlib import suppress

from sqlmodel import select

from replenish_server.database import Database, append, change, fetch
from replenish_server.replenishment.tables import ForecastFit
from tests.fakes.retailer_house import NOW


def test_a_block_that_rolls_back_by_itself_may_go_on(database: Database) -> None:
    """What it writes after that is kept, by whichever way it is written."""
    with database.write() as session:
        session.add(ForecastFit(version=1, at=NOW, rows=1, households=1))
        session.flush()
        session.rollback()
        append(session, ForecastFit, at=NOW, rows=2, households=1)
        session.add(ForecastFit(at=NOW, rows=3, households=1))
    with database.read() as session:
        assert sorted(session.exec(select(ForecastFit.rows))) == [2, 3]


def test_a_block_that_rolls_back_by_itself_has_done_nothing(database: Database) -> None:
    """By whichever way it wrote; and what it has read says again what stands in the database."""
    with database.write() as session:
        append(session, ForecastFit, at=NOW, rows=1, households=1)
    for also in (False, True):
        with database.write() as session:
            row = fetch(session, ForecastFit, 1)
            assert row is not None
            change(session, row, rows=2)
            append(session, ForecastFit, at=NOW, rows=3, households=1)
            if also:
                session.add(ForecastFit(at=NOW, rows=4, households=1))
            session.rollback()
            assert row.rows == 1
        with database.read() as session:
            assert list(session.exec(select(ForecastFit.rows))) == [1]


def test_what_a_block_does_not_flush_is_written_with_it(database: Database) -> None:
    """Beside what went straight to the driver; and together they are undone."""
    for fails in (True, False):
        with suppress(RuntimeError), database.write() as session:
            append(session, ForecastFit, at=NOW, rows=1, households=1)
            session.add(ForecastFit(at=NOW, rows=1, households=1))
            if fails:
                raise RuntimeError
        with database.read() as session:
            assert len(session.exec(select(ForecastFit.version)).all()) == (0 if fails else 2)
