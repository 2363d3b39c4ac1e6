"""Schema and units of work, of a real SQLite file and of a real PostgreSQL alike."""

import sqlite3
import threading
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import BigInteger, Integer, NullPool, create_engine, inspect, text
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError
from sqlmodel import SQLModel, func, select

import replenish_server.app
import replenish_server.database
from replenish_server.database import Database, UtcTime, state_after, state_before
from replenish_server.households.tables import Household
from replenish_server.replenishment.tables import ForecastFit

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def household(created_at: datetime = NOW) -> Household:
    """A row with a time."""
    return Household(
        id="h",
        name="0",
        buyer_name="",
        buyer_email="",
        street="",
        locality="",
        postal_code="",
        country="DE",
        created_at=created_at,
    )


def alembic_config(database: Database) -> Config:
    """Alembic on this database, as `Database.migrate` sets it up."""
    config = Config()
    folder = Path(replenish_server.database.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    config.attributes["engine"] = database.writing.execution_options(migrates=True)
    return config


def _differs(_context: object, _found: object, _wanted: object, found: object, wanted: object) -> bool | None:
    """Every integer has 64 bits in PostgreSQL; about the rest Alembic knows better."""
    return False if isinstance(found, BigInteger) and isinstance(wanted, Integer) else None


def test_the_migrated_schema_is_the_models_schema(database: Database) -> None:
    """Nothing to add, to drop or to change."""
    url = database.url.replace("postgresql://", "postgresql+psycopg://")
    with closing(create_engine(url, poolclass=NullPool).connect()) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": _differs})
        assert [] == compare_metadata(context, SQLModel.metadata)


def test_upgrading_twice_changes_nothing_and_keeps_rows(database: Database) -> None:
    """Every start migrates."""
    with database.write() as session:
        session.add(household())
    database.migrate()
    with database.read() as session:
        assert session.get_one(Household, "h").created_at == NOW


def test_downgrade_leaves_nothing_but_alembic(database: Database) -> None:
    """And up again works."""
    command.downgrade(alembic_config(database), "base")
    assert {"alembic_version"} == set(inspect(database.engine).get_table_names())
    database.migrate()
    assert "purchase_order" in inspect(database.engine).get_table_names()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 15000)],
)
def test_a_commit_survives_a_power_cut(file: Database, pragma: str, value: object) -> None:
    """WAL, FULL (2), and keys that hold, on every connection."""
    for _ in range(2):
        with file.engine.connect() as connection:
            assert value == connection.execute(text(f"PRAGMA {pragma}")).scalar()


def test_nobody_else_reads_the_file(tmp_path: Path) -> None:
    """Pre-shared keys, tokens and addresses are in it, and in its log."""
    database = Database(f"sqlite:///{tmp_path / 'new' / 'replenish.db'}")
    database.migrate()
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "new").iterdir()}
    database.close()
    assert modes == dict.fromkeys(["replenish.db", "replenish.db-shm", "replenish.db-wal"], 0o600)


def test_two_transactions_that_read_before_they_write_both_succeed(database: Database) -> None:
    """BEGIN IMMEDIATE: the second waits and then reads what the first wrote; deferred, it would fail."""
    with database.write() as session:
        session.add(household())
    inside, failures = threading.Event(), []

    def count(first: bool) -> None:
        try:
            with database.write() as session:
                row = session.get_one(Household, "h")
                number = int(row.name)
                if first:
                    inside.set()
                    second.join(timeout=0.2)  # the second tries to begin meanwhile
                row.name = str(number + 1)
                session.add(row)
        except OperationalError as error:
            failures.append(error)

    second = threading.Thread(target=lambda: (inside.wait(), count(first=False)))
    one = threading.Thread(target=count, args=(True,))
    second.start()
    one.start()
    one.join()
    second.join()
    assert [] == failures
    with database.read() as session:
        assert session.get_one(Household, "h").name == "2"


def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    """It sees the last commit."""
    with database.write() as session:
        session.add(household())
    with database.write() as writing:
        writing.get_one(Household, "h").name = "new"
        writing.flush()
        with database.read() as session:
            assert session.get_one(Household, "h").name == "0"


def test_a_block_that_raises_leaves_nothing(database: Database) -> None:
    """Rolled back whole."""

    def fail() -> None:
        with database.write() as session:
            session.add(household())
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.read() as session:
        assert session.get(Household, "h") is None


def test_a_naive_time_is_refused(database: Database) -> None:
    """It would silently mean the machine's own zone."""
    with pytest.raises(StatementError, match="without a zone"), database.write() as session:
        session.add(household(datetime(2026, 5, 4, 12)))


@pytest.mark.parametrize(
    "moment",
    [
        NOW,
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
        datetime(2026, 5, 4, 14, tzinfo=timezone(timedelta(hours=2))),
        datetime(9999, 12, 31, tzinfo=UTC),
    ],
)
def test_times_come_back_as_the_same_moment_in_utc(database: Database, moment: datetime) -> None:
    """Whole milliseconds, aware."""
    with database.write() as session:
        session.add(household(moment))
    with database.read() as session:
        found = session.get_one(Household, "h").created_at
    assert moment == found
    assert found.tzinfo is UTC


def test_times_keep_their_order_in_the_database() -> None:
    """They are numbers there."""
    column = UtcTime()
    moments = [NOW + timedelta(milliseconds=n) for n in (-2, -1, 0, 1)]
    stored = [column.process_bind_param(moment, None) for moment in moments]  # type: ignore[arg-type]
    assert sorted(stored) == stored  # type: ignore[type-var]


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "mysql://u:secret@localhost/x", "data.db"]
)
def test_a_database_that_this_release_does_not_speak_is_refused(url: str) -> None:
    """With what to use instead, and without the password."""
    with pytest.raises(ValueError, match="use sqlite:///") as refused:
        Database(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_a_password_is_not_in_the_name(scheme: str) -> None:
    """Names are printed."""
    made = Database(f"{scheme}://u:secret@localhost/x")
    assert "secret" not in made.name
    assert made.shared


def test_quantities_beyond_32_bits_are_kept_and_summed(database: Database) -> None:
    """100 t of detergent in milligrams; and a sum is an int, whatever the database makes of it."""
    with database.write() as session:
        for version in (1, 2):
            session.add(ForecastFit(version=version, at=NOW, rows=100_000_000_000, households=1))
    with database.read() as session:
        total = session.exec(select(func.sum(ForecastFit.rows)).where(ForecastFit.rows > 3_000_000_000)).one()
    assert total == 200_000_000_000
    assert type(total) is int


def test_text_that_postgresql_refuses_is_no_error(database: Database) -> None:
    """A path or a form may hold a NUL; nothing has such an id, and a name shows that there was something."""
    with database.write() as session:
        row = household()
        row.name = "a\0b"
        session.add(row)
    with database.read() as session:
        assert session.get(Household, "h\0") is None
        assert session.get_one(Household, "h").name in ("a\0b", "a\ufffdb")


def test_a_writer_knows_whether_others_wrote_since(database: Database) -> None:
    """What it keeps in its memory is true as long as nobody did; reading does not count."""
    with database.write() as session:
        session.add(household())
        session.flush()
        left = state_after(session.connection())
    with database.read() as session:
        session.get_one(Household, "h")
    with database.write() as session:
        assert left == state_before(session.connection())
        left = state_after(session.connection())
    other = Database(database.url)
    with other.write() as session:
        session.get_one(Household, "h").name = "1"
    other.close()
    with database.write() as session:
        assert left != state_before(session.connection())


def test_rows_that_are_kept_for_ever_refuse_to_change(database: Database) -> None:
    """Receipts: the database itself says no."""
    with database.write() as session:
        session.add(household())
        session.flush()
        run = session.connection().exec_driver_sql
        if database.shared:
            run("SET session_replication_role = 'replica'")  # the order that it is for is no part of this
            run("ALTER TABLE receipt ENABLE ALWAYS TRIGGER receipt_refuses_update")
        else:
            run("PRAGMA defer_foreign_keys = ON")
        run("INSERT INTO receipt VALUES (?, ?, ?, ?, ?, ?, ?)", ("r", "o", "p", 1, 1, "{}", "s"))
        with pytest.raises(IntegrityError, match="a receipt is never changed"):
            run("UPDATE receipt SET sha256 = ?", ("t",))
        session.rollback()


def test_orders_get_parcels_and_keep_their_conversations(file: Database) -> None:
    """Up from the schema before parcels, and down again, with an order in hand."""
    config = alembic_config(file)
    with file.write() as session:
        session.add(household())
    command.downgrade(config, "0007")
    order = {
        "id": "ord-1", "slot_id": "s", "household_id": "h", "retailer_id": "r", "decision_id": "d",
        "trigger": "press", "item_id": "i", "product_name": "p", "packs": 1, "pack_amount": 1,
        "state": "placing", "currency": "EUR", "attempt": 3, "checkout_id": "chk-7", "failures": 2,
        "fence": 9, "created_at": 1, "state_since": 1, "reminders": 0,
    }  # fmt: skip
    call = {
        "key": "k", "order_id": "ord-1", "attempt": 3, "step": "complete", "method": "POST", "url": "u",
        "body": b"b", "prepared_at": 1,
    }  # fmt: skip
    shop = {"id": "r", "name": "", "url": "", "payment_handler": "", "payment_token": "", "created_at": 1}
    with closing(sqlite3.connect(file.path)) as connection:  # no slot, no decision: keys are off here
        for table, row in (("retailer", shop), ("purchase_order", order), ("retailer_call", call)):
            marks = ", ".join(f":{name}" for name in row)
            connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", row)
        connection.commit()
    for _ in range(2):
        command.upgrade(config, "head")
        with file.read() as session:
            joined = "SELECT p.attempt, p.checkout_id, p.fence, c.key FROM purchase_order o"
            joined += " JOIN parcel p ON p.id = o.parcel_id JOIN retailer_call c ON c.parcel_id = p.id"
            assert [(3, "chk-7", 9, "k")] == [tuple(row) for row in session.execute(text(joined))]
        command.downgrade(config, "0007")


def test_writers_lend_each_other_a_connection_that_ended_well(file: Database) -> None:
    """It finds the pages as it left them; one in which something went wrong is cleaned first."""
    said = []
    for fails in (False, False, True, False):
        with suppress(RuntimeError), file.write() as session:
            session.add(ForecastFit(at=NOW, rows=1, households=1))
            said.append(session.connection().connection.dbapi_connection)
            if fails:
                session.flush()
                raise RuntimeError
    assert said[0] is said[1] is said[2]
    file.close()
    with file.write() as session:
        assert len(session.exec(select(ForecastFit.version)).all()) == 3
