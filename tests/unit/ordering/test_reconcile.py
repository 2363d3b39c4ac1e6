"""Our orders against the retailer's, and a backup that has forgotten what was sent."""

import logging
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from replenish_server.database import append
from replenish_server.households.notices import list_notices
from replenish_server.ordering.dispatch import Dispatcher
from replenish_server.ordering.follow import Follower
from replenish_server.ordering.orders import NotAllowed, approve, create_order
from replenish_server.ordering.person_reports import report_found
from replenish_server.ordering.reconcile import Mark, Reconciler
from replenish_server.ordering.states import State
from replenish_server.ordering.stops import RESTORED, stopped_scopes
from replenish_server.ordering.tables import Parcel, PurchaseOrder, RetailerCall
from replenish_server.retailers.port import (
    Journal,
    NotThere,
    OrderSnapshot,
    Placed,
    Progress,
    Quote,
    TryLater,
)
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import HOUSEHOLD, NOW, House
from tests.fakes.retailer_port import NamesItsPrice


@dataclass
class Remembers(NamesItsPrice):
    """Says of its orders what the test wants."""

    said: Exception | OrderSnapshot | None = field(default=None)

    def read_order(self, retailer_order_id: str) -> OrderSnapshot:
        """As the test says."""
        if isinstance(self.said, Exception):
            raise self.said
        return self.said or super().read_order(retailer_order_id)


@pytest.fixture
def shop() -> Remembers:
    """It asks 24.90."""
    return Remembers(iter([(2490, "EUR")] * 9))


def placed(house: House, shop: Remembers, mark: Mark) -> str:
    """An order that the shop has."""
    new = house.order_of(house.slots["level-1"])
    with house.database.write() as session:
        order_id = create_order(session, new, NOW)
    Dispatcher(house.database, lambda _: shop, ManualClock(NOW), mark.raise_to).run()
    return order_id


def reconciler(house: House, shop: Remembers, mark: Mark) -> Reconciler:
    """An hour later."""
    return Reconciler(house.database, lambda _: shop, ManualClock(NOW + timedelta(hours=1)), mark)


def read(house: House, order_id: str) -> PurchaseOrder:
    """As it is kept."""
    with house.database.read() as session:
        return session.get_one(PurchaseOrder, order_id)


@pytest.mark.parametrize(
    ("said", "disagrees", "state"),
    [
        (None, 0, State.PLACED),
        (OrderSnapshot("ord_1", Progress.SHIPPED, "", 2490), 0, State.SHIPPED),
        (OrderSnapshot("ord_1", Progress.PROCESSING, "", 2480), 0, State.PLACED),
        (OrderSnapshot("ord_1", Progress.PROCESSING, "", 2491), 1, State.NEEDS_ATTENTION),
        (NotThere("gone"), 1, State.NEEDS_ATTENTION),
        (TryLater("busy"), 0, State.PLACED),
    ],
)
def test_what_disagrees_goes_before_a_person_and_is_never_ordered_anew(
    house: House,
    shop: Remembers,
    tmp_path: Path,
    said: Exception | OrderSnapshot | None,
    disagrees: int,
    state: State,
) -> None:
    """Charged more, or not there; a cheaper one and a silent shop are no quarrel."""
    mark = Mark(tmp_path / "sent")
    order_id = placed(house, shop, mark)
    shop.said = said
    assert disagrees == reconciler(house, shop, mark).compare()
    order = read(house, order_id)
    assert state == order.state
    if disagrees:
        assert "mismatch" == order.problem
        with house.database.write() as session, pytest.raises(NotAllowed):
            approve(session, order_id, 10**6, NOW)
        with house.database.read() as session:
            assert "order_mismatch" in [row.kind for row in list_notices(session, HOUSEHOLD, 9)]
        with house.database.write() as session:
            report_found(session, order_id, NOW)
        assert State.PLACED == read(house, order_id).state
    assert 1 == len(shop.bought)


def test_it_compares_once_a_day(house: House, shop: Remembers, tmp_path: Path) -> None:
    """However often it is woken."""
    mark = Mark(tmp_path / "sent")
    placed(house, shop, mark)
    shop.said = NotThere("gone")
    compares = reconciler(house, shop, mark)
    assert [1, 0] == [compares.run(), compares.run()]


@pytest.mark.sqlite
def test_an_older_backup_stops_every_order_until_a_person_has_looked(
    house: House, shop: Remembers, tmp_path: Path
) -> None:
    """The backup knows the need and not that it was ordered: without the switch it would be ordered again."""
    mark = Mark(tmp_path / "sent")
    new = house.order_of(house.slots["level-1"])
    with house.database.write() as session:
        create_order(session, new, NOW)
    with house.database.read() as session:  # everything into the one file that is copied
        session.connection().exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(house.database.path, tmp_path / "backup.db")
    Dispatcher(house.database, lambda _: shop, ManualClock(NOW), mark.raise_to).run()
    assert 1 == len(shop.bought)
    assert not reconciler(house, shop, mark).look_for_a_restore()
    house.database.close()
    for more in ("-wal", "-shm"):
        house.database.path.with_name(house.database.path.name + more).unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.db", house.database.path)
    assert reconciler(house, shop, mark).look_for_a_restore()
    with house.database.read() as session:
        assert {RESTORED} == stopped_scopes(session)
        assert [State.PLACING] == [order.state for order in session.exec(select(PurchaseOrder))]
    Dispatcher(house.database, lambda _: shop, ManualClock(NOW), mark.raise_to).run()
    assert 1 == len(shop.bought)


class Killed(BaseException):
    """As a process dies: nothing of ours catches it."""


@dataclass
class LooksAtTheMark(NamesItsPrice):
    """Notes what the file says when the completing call leaves, first or again."""

    path: Path = Path()
    seen: list[str] = field(default_factory=list)

    def place(self, quote: Quote, journal: Journal) -> Placed:
        """As UCP and cXML do: stored, held, sent."""
        stored = journal.find("complete")
        stored or journal.prepare("complete", "POST", "https://shop.test/", b"{}")
        journal.hold()
        self.seen.append(self.path.read_text(encoding="utf-8"))
        return super().place(quote, journal)


@pytest.mark.parametrize("when", ["before the file", "after the file"])
def test_a_death_between_the_commit_and_the_sending_is_no_alarm(
    house: House, tmp_path: Path, when: str
) -> None:
    """The database knows of the call, whether the file does or not; the next worker writes it and sends."""
    path = tmp_path / "sent"
    mark, shop = Mark(path), LooksAtTheMark(iter([(2490, "EUR")] * 9), path=path)

    def die(session: Session) -> None:
        if when == "after the file":
            mark.raise_to(session)
        raise Killed

    new = house.order_of(house.slots["level-1"])
    with house.database.write() as session:
        create_order(session, new, NOW)
    with pytest.raises(Killed):
        Dispatcher(house.database, lambda _: shop, ManualClock(NOW), die).run()
    assert (shop.bought, shop.seen) == ([], [])
    with house.database.read() as session:
        assert 1 == len(session.exec(select(RetailerCall)).all())
    assert not reconciler(house, Remembers(iter([])), mark).look_for_a_restore()
    successor = Dispatcher(house.database, lambda _: shop, ManualClock(NOW), mark.raise_to)
    successor.release_leases()
    if house.database.shared:  # its lease is not over by itself
        with house.database.write() as session:
            session.exec(select(Parcel)).one().lease_until = None
    successor.run()
    assert [(2490, "EUR")] == shop.bought
    assert ['{"completing_calls": 1}'] == shop.seen


def test_the_mark_counts_what_is_committed_whoever_writes_it_last(house: House, tmp_path: Path) -> None:
    """Eight threads at once; the file never falls behind what one of them was about to send."""
    mark, calls = Mark(tmp_path / "sent"), threading.Barrier(8)
    new = house.order_of(house.slots["level-1"])
    with house.database.write() as session:
        parcel_id = session.get_one(PurchaseOrder, create_order(session, new, NOW)).parcel_id

    def one(number: int) -> None:
        with house.database.write() as session:
            append(
                session,
                RetailerCall,
                key=f"key-{number}",
                parcel_id=parcel_id,
                attempt=number,
                step="complete",
                method="POST",
                url="https://shop.test/",
                body=b"{}",
                prepared_at=NOW,
            )
        calls.wait(60)
        with house.database.read() as session:
            mark.raise_to(session)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(1, 9)))
    assert '{"completing_calls": 8}' == (tmp_path / "sent").read_text(encoding="utf-8")
    with house.database.read() as session:
        assert not mark.is_ahead_of(session)


@dataclass
class Surprises(NamesItsPrice):
    """Fails in a way that nobody foresaw when it is asked about its first order; ships all others."""

    def read_order(self, retailer_order_id: str) -> OrderSnapshot:
        """As said."""
        if retailer_order_id == "ord_1":
            raise LookupError(retailer_order_id)
        return OrderSnapshot(retailer_order_id, Progress.SHIPPED, "", 2490)


@pytest.mark.parametrize("who", ["follower", "reconciler"])
def test_one_order_that_surprises_holds_up_no_other(
    house: House, tmp_path: Path, who: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told, with its trace, and asked about again when its turn comes."""
    mark, clock = Mark(tmp_path / "sent"), ManualClock(NOW + timedelta(hours=1))
    shop = Surprises(iter([(2490, "EUR")] * 9))
    wanted = [house.order_of(slot_id) for slot_id in house.slots.values()]
    with house.database.write() as session:
        ids = [create_order(session, new, NOW) for new in wanted]
    Dispatcher(house.database, lambda _: shop, ManualClock(NOW), mark.raise_to).run()
    with caplog.at_level(logging.ERROR):
        if who == "follower":
            follower = Follower(house.database, lambda _: shop, clock)
            assert [len(ids), 0] == [follower.run(), follower.run()]
        else:
            assert 0 == Reconciler(house.database, lambda _: shop, clock, mark).compare()
    states = {order.retailer_order_id: order.state for order in (read(house, order_id) for order_id in ids)}
    assert states == {"ord_1": State.PLACED, "ord_2": State.SHIPPED}
    assert [record.exc_info is not None for record in caplog.records] == [True]
