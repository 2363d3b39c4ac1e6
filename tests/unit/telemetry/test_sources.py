"""Which sequences of a boot are stored: a set of numbers, kept as ranges, whatever order they come in."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from replenish_server.telemetry.sources import Boot, Sources, take, write_ranges
from replenish_server.telemetry.tables import SeenRange
from tests.fakes.retailer_house import House

pytestmark = pytest.mark.both_databases
DEVICE = "level-1"


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
                source = Sources().look_up(connection, [DEVICE])[DEVICE]
                boot = sources.boot(connection, source, f"{number:08x}")
            for seq in batch:
                assert (seq not in seen) is take(connection, boot, seq)
                seen.add(seq)
            write_ranges(connection, [boot])
        assert runs(seen) == ranges(house, number)


def test_a_device_that_restarts_all_the_time_fills_no_memory(house: House) -> None:
    """A few boots are remembered; the others are read again when they speak again."""
    sources = Sources()
    with house.database.write() as session:
        connection = session.connection()
        source = sources.look_up(connection, [DEVICE])[DEVICE]
        for number in range(50):
            boot = sources.boot(connection, source, f"{number:08x}")
            assert take(connection, boot, 1)
            write_ranges(connection, [boot])
        assert len(source.boots) <= 5
        assert not take(connection, sources.boot(connection, source, "00000000"), 1)


def test_who_is_not_registered_is_asked_for_each_time(house: House) -> None:
    """Somebody may register it at any moment, in another process."""
    sources = Sources()
    with house.database.write() as session:
        assert "stranger" not in sources.look_up(session.connection(), ["stranger", DEVICE])
    with house.database.write() as session:
        session.connection().exec_driver_sql(
            "INSERT INTO device(id, household_id, kind, name, created_at)"
            " VALUES('stranger', 'home-1', 'level', '', 0)"
        )
        assert "stranger" in sources.look_up(session.connection(), ["stranger"])
