"""Which sequences of a boot are stored: a set of numbers, kept as ranges, whatever order they come in."""

import contextlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from replenish_server.telemetry.deduplication import Boot, StoredRanges, settle, take, write_ranges
from replenish_server.telemetry.sources import Sources
from replenish_server.telemetry.tables import SeenRange
from tests.fakes.retailer_house import House

pytestmark = pytest.mark.both_databases
DEVICE = "level-1"
TOPIC = f"rp/1/{DEVICE}/up/ev"


def ranges(house: House, number: int) -> list[tuple[int, int]]:
    """The stored rows of a boot."""
    with house.database.read() as session:
        query = select(SeenRange.low, SeenRange.high).where(SeenRange.boot == number)
        return [(low, high) for low, high in session.exec(query.order_by(col(SeenRange.low)))]


def runs(numbers: set[int]) -> list[tuple[int, int]]:
    """The fewest ranges that hold exactly these numbers."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(
        st.lists(st.one_of(st.integers(0, 30), st.integers(2**32 - 5, 2**32 - 1)), max_size=20), max_size=6
    ),
    number=st.integers(0, 2**32 - 1),
    remembers=st.booleans(),
)
def test_ranges_are_the_set_of_what_was_taken(
    house: House, batches: list[list[int]], number: int, remembers: bool
) -> None:
    """Each is new exactly once, whether the boot is remembered between batches or read again."""
    seen: set[int] = set()
    sources = Sources()
    boot: Boot | None = None
    with house.database.write() as session:
        session.connection().exec_driver_sql("DELETE FROM seen_range")
    for batch in batches:
        with house.database.write() as session:
            connection = session.connection()
            if boot is None or not remembers:
                (source,) = Sources().speakers(connection, [TOPIC])
                assert source is not None
                boot = sources.boot(connection, source, f"{number:08x}")
            for seq in batch:
                assert (seq not in seen) is take(connection, boot, seq)
                seen.add(seq)
            write_ranges(connection, [boot])
        assert runs(seen) == ranges(house, number)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(
        st.tuples(
            st.lists(st.tuples(st.integers(1, 6), st.integers(0, 12)), max_size=15),
            st.sampled_from(["same", "same", "same", "failed", "another"]),
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_what_waits_in_the_log_is_known_to_every_writer(
    house: House, batches: list[tuple[list[tuple[int, int]], str, bool]]
) -> None:
    """Whether a batch goes to the log or not, fails, or is another process's, each sequence is new once."""
    with house.database.write() as session:
        for table in ("seen_range", "seen_log"):
            session.connection().exec_driver_sql(f"DELETE FROM {table}")
    seen: set[tuple[int, int]] = set()
    sources = Sources(StoredRanges(few=2, most=5))
    for batch, writer, urgent in batches:
        if writer == "another":
            sources = Sources(StoredRanges(few=2, most=5))
        fresh, boots = set(seen), {}
        with contextlib.suppress(InterruptedError), house.database.write() as session:
            connection = session.connection()
            (source,) = sources.speakers(connection, [TOPIC])
            assert source is not None
            for number, seq in batch:
                name = f"{number:08x}"
                boot = source.known_boot(name) or sources.boot(connection, source, name)
                boots[name] = boot
                assert ((number, seq) not in fresh) is take(connection, boot, seq)
                fresh.add((number, seq))
            sources.ranges.write(connection, boots.values(), urgent)
            sources.written(connection)
            if writer == "failed":
                sources.forget()
                raise InterruptedError
        seen = seen if writer == "failed" else fresh
    with house.database.write() as session:
        settle(session.connection())
    for number in range(1, 7):
        covered = {seq for low, high in ranges(house, number) for seq in range(low, high + 1)}
        assert {seq for boot, seq in seen if boot == number} == covered


def test_a_device_that_restarts_all_the_time_fills_no_memory(house: House) -> None:
    """A few boots are remembered; the others are read again when they speak again."""
    sources = Sources()
    with house.database.write() as session:
        connection = session.connection()
        (source,) = sources.speakers(connection, [TOPIC])
        assert source is not None
        for number in range(50):
            boot = sources.boot(connection, source, f"{number:08x}")
            assert take(connection, boot, 1)
            write_ranges(connection, [boot])
        assert len(source.boots) <= 5
        assert not take(connection, sources.boot(connection, source, "00000000"), 1)


def test_who_is_not_registered_is_asked_for_each_time(house: House) -> None:
    """Somebody may register it at any moment, in another process."""
    sources, stranger = Sources(), "rp/1/stranger/up/ev"
    with house.database.write() as session:
        nobody, device = sources.speakers(session.connection(), [stranger, TOPIC])
        assert (nobody is None, device is None) == (True, False)
    with house.database.write() as session:
        session.connection().exec_driver_sql(
            "INSERT INTO device(id, household_id, kind, name, created_at)"
            " VALUES('stranger', 'home-1', 'level', '', 0)"
        )
        assert None not in sources.speakers(session.connection(), [stranger, "rp/1/stranger/up/st"])


def test_who_is_remembered_is_bounded_and_nobody_is_forgotten_in_mid_batch(house: House) -> None:
    """When there are too many, those of the batch are asked for again, also those that were remembered."""
    sources, other = Sources(kept=1), "rp/1/button-1/up/ev"
    for topics in ([TOPIC, other], [TOPIC, other], [other], [TOPIC]):
        with house.database.write() as session:
            sources.begin()
            assert None not in sources.speakers(session.connection(), topics)
            sources.written(session.connection())


def test_of_a_crowd_in_the_log_each_range_is_settled_once(house: House) -> None:
    """However often it grew since: only as it is now."""
    stored, boots = StoredRanges(few=1, most=1000), [Boot(DEVICE, f"{n:08x}", n, 0, -1) for n in range(1, 4)]
    for seq in range(5):
        with house.database.write() as session:
            for boot in boots:
                assert take(session.connection(), boot, seq)
            stored.write(session.connection(), boots, urgent=False)
    with house.database.write() as session:
        raw: Any = session.connection().connection.dbapi_connection
        before = getattr(raw, "total_changes", None)  # SQLite counts rows, PostgreSQL does not
        settle(session.connection())
        assert before is None or raw.total_changes - before == len(boots) + 5  # and five rows of the log
    assert [(0, 4)] == ranges(house, 1) == ranges(house, 2) == ranges(house, 3)


def test_the_boots_of_a_first_batch_are_read_at_once(house: House) -> None:
    """Each with its newest range, or none; what is then taken is what it was."""
    sources = Sources()
    with house.database.write() as session:
        connection = session.connection()
        (source,) = sources.speakers(connection, [TOPIC])
        assert source is not None
        for low, high in ((0, 3), (7, 9)):
            write_ranges(connection, [Boot(DEVICE, "000000ff", 255, low, high, changed=True)])
        sources.recall(connection, [(source, "000000ff"), (source, "000000fe")])
        known, fresh = source.boots
        assert [False, False, True] == [take(connection, known, seq) for seq in (2, 8, 10)]
        assert [True, False] == [take(connection, fresh, 0) for _ in range(2)]
