"""Several processes and one PostgreSQL: who has a duty, who lives, and what a cut connection leaves."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from replenish_server.database import Database, Duties, Wakeups, is_alive
from replenish_server.households.tables import Household
from replenish_server.ordering.dispatch import Dispatcher
from replenish_server.ordering.orders import create_order
from replenish_server.ordering.tables import Parcel
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import HOUSEHOLD, NOW, House
from tests.support.cluster import Cluster
from tests.support.mortal_house import wait_until

pytestmark = pytest.mark.postgresql
_CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> {kept}"


@pytest.fixture
def other(shared: House) -> Iterator[Database]:
    """The same database, as another process has it."""
    made = Database(shared.database.url)
    yield made
    made.close()


def cut(cluster: Cluster, database: Database, kept: int = 0) -> None:
    """End every connection to a database but one, as its restart would."""
    cluster.command(_CUT.format(name=database.reading.url.database, kept=kept))


def rename(database: Database, name: str) -> None:
    """A use case."""
    with database.write() as session:
        session.get_one(Household, HOUSEHOLD).name = name


def name_of(database: Database) -> str:
    """What it did."""
    with database.read() as session:
        return session.get_one(Household, HOUSEHOLD).name


def test_one_process_has_a_duty_until_it_is_gone(cluster: Cluster, shared: House, other: Database) -> None:
    """Gone without a word: its connection ends."""
    first, second = Duties(shared.database), Duties(other)
    assert first.has("broker")
    assert first.has("broker")
    assert not second.has("broker")
    assert second.has("follow")
    first.close()
    third = Duties(other)
    assert wait_until(lambda: third.has("broker"))  # the server notices that a connection ended
    assert not third.has("follow")
    cut(cluster, shared.database)
    fourth = Duties(shared.database)
    assert wait_until(lambda: fourth.has("broker"))
    for each in (second, third, fourth):
        each.close()


def test_a_bell_is_heard_in_another_process_also_after_a_restart(
    cluster: Cluster, shared: House, other: Database
) -> None:
    """What was rung while the database was away is not heard: a tick makes that good."""
    heard: SimpleQueue[str] = SimpleQueue()
    here, there = Wakeups(shared.database, heard.put), Wakeups(other, lambda _name: None)
    here.start()
    there.start()

    def arrives(name: str) -> bool:
        there.wake(name)
        with suppress(Empty):
            return heard.get(timeout=0.2) == name
        return False

    assert wait_until(lambda: arrives("evaluate"))
    cut(cluster, shared.database)
    assert wait_until(lambda: arrives("dispatch"))
    here.stop()
    there.stop()


def test_without_other_processes_every_duty_is_ours(house: House) -> None:
    """SQLite."""
    duties = Duties(house.database)
    duties.enter()
    assert duties.has("broker")
    assert duties.number is None


def test_what_a_dead_process_held_is_free_at_once(shared: House, other: Database) -> None:
    """Not after the lease, which is longer than the longest conversation; who lives keeps what he holds."""
    alive, dead = Duties(shared.database), Duties(other)
    alive.enter()
    dead.enter()
    clock = ManualClock(NOW)
    shop: object = None
    ours = Dispatcher(shared.database, lambda _: shop, clock, duties=alive)  # type: ignore[arg-type, return-value]
    theirs = Dispatcher(other, lambda _: shop, clock, duties=dead)  # type: ignore[arg-type, return-value]
    order = shared.order_of(shared.slots["button-1"])  # type: ignore[index]
    with shared.database.write() as session:
        create_order(session, order, NOW)
    assert theirs.next_job() is not None
    assert ours.next_job() is None
    assert ours.release_leases() == 0
    with shared.database.write() as session:
        (parcel,) = session.exec(select(Parcel)).all()
        assert parcel.holder == dead.number
        assert is_alive(session, dead.number or 0)
    dead.close()
    assert wait_until(lambda: ours.release_leases() == 1)
    assert ours.next_job() is not None
    alive.close()


@pytest.mark.parametrize("moment", ["before the first statement", "in the middle", "at the commit"])
def test_a_connection_lost_inside_a_use_case_leaves_nothing(
    cluster: Cluster, shared: House, moment: str
) -> None:
    """The use case fails; the next one works, with no restart of anything."""
    database, before = shared.database, name_of(shared.database)
    if moment == "before the first statement":  # of a pooled connection: nobody notices at all
        cut(cluster, database)
        rename(database, "new")
        assert name_of(database) == "new"
        return

    def lose() -> None:
        with database.write() as session:
            row = session.get_one(Household, HOUSEHOLD)
            if moment == "in the middle":
                cut(cluster, database)
            row.name = "lost"
            session.flush()
            cut(cluster, database)

    with pytest.raises(OperationalError):
        lose()
    assert name_of(database) == before
    rename(database, "new")
    assert name_of(database) == "new"


def test_a_writer_waits_for_a_writer_of_another_process(shared: House, other: Database) -> None:
    """And reads what that one wrote; who only reads waits for nobody."""

    def count(database: Database) -> None:
        for _ in range(20):
            with database.write() as session:
                row = session.get_one(Household, HOUSEHOLD)
                row.cooling_off_minutes += 1

    with shared.database.write() as session:
        before = session.get_one(Household, HOUSEHOLD).cooling_off_minutes
        threads = [threading.Thread(target=count, args=(each,)) for each in (other, shared.database)]
        threads[0].start()
        session.get_one(Household, HOUSEHOLD).name = "1"
        session.flush()
        assert name_of(other) != "1"
    threads[1].start()
    for thread in threads:
        thread.join()
    with other.read() as session:
        assert session.get_one(Household, HOUSEHOLD).cooling_off_minutes == before + 40
    assert name_of(other) == "1"
