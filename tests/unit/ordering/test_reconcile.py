"""Our orders against the retailer's, and a backup that has forgotten what was sent."""

import logging
import shutil
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from replenish_server.households.notices import list_notices
from replenish_server.ordering.dispatch import Dispatcher
from replenish_server.ordering.follow import Follower
from replenish_server.ordering.orders import NotAllowed, approve, create_order
from replenish_server.ordering.person_reports import report_found
from replenish_server.ordering.reconcile import Mark, Reconciler
from replenish_server.ordering.states import State
from replenish_server.ordering.stops import RESTORED, stopped_scopes
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.retailers.port import NotThere, OrderSnapshot, Progress, TryLater
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


def test_a_death_before_the_commit_is_a_false_alarm_and_no_more(
    house: House, shop: Remembers, tmp_path: Path
) -> None:
    """The file is written first; a person's look takes it back."""
    mark = Mark(tmp_path / "sent")
    with house.database.write() as session:
        mark.raise_to(session)
    assert reconciler(house, shop, mark).look_for_a_restore()
    with house.database.read() as session:
        mark.lower_to(session)
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
