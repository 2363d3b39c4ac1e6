"""Our orders against the retailers': every night, and first of all after a backup was restored.

UCP lists no orders, so each is asked for by the ids that we kept. What disagrees goes before a person and is
never ordered anew. A restored backup may have forgotten orders, which no id of ours can find: then nothing
leaves until a person has looked and says so (docs/adr/0022).
"""

import fcntl
import json
import logging
import os
from datetime import datetime, timedelta
from pathlib import Path

from sqlmodel import Session, col, func, select

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.failures import log_failure
from replenish_server.households.money import money
from replenish_server.ordering.dispatch import Shops
from replenish_server.ordering.follow import apply_snapshot
from replenish_server.ordering.order_notices import notify_of_order
from replenish_server.ordering.orders import move, plan
from replenish_server.ordering.parcels import orders_in
from replenish_server.ordering.rules import COMPLETE
from replenish_server.ordering.states import UNDERWAY, Event, State, may
from replenish_server.ordering.stops import RESTORED, stop
from replenish_server.ordering.tables import Parcel, PurchaseOrder, RetailerCall
from replenish_server.retailers.port import NotThere, OrderSnapshot, Problem, TryLater
from replenish_server.retailers.tables import Retailer

log = logging.getLogger(__name__)

EVERY = timedelta(hours=24)
_LOOKED_AT = (*UNDERWAY, State.DELIVERED)


class Mark:
    """How many completing calls were ever about to be sent, kept in a file outside the database.

    A database that knows of fewer is an older one: a backup that was restored. The file is written between a
    call's commit and its sending, so whoever dies anywhere leaves a database that knows at least as many.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def raise_to(self, session: Session) -> None:
        """Count what is committed, before any of it is sent; `session` began after the commit."""
        number = _completing_calls(session)
        if self._read() >= number:
            return
        with self._path.with_suffix(".lock").open("w") as lock:  # of threads and of processes
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._read() < number:
                self._write(number)

    def _write(self, number: int) -> None:
        draft = self._path.with_suffix(".tmp")
        with draft.open("w", encoding="utf-8") as file:
            json.dump({"completing_calls": number}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)

    def is_ahead_of(self, session: Session) -> bool:
        """Whether more calls were about to be sent than this database knows of."""
        return self._read() > _completing_calls(session)

    def lower_to(self, session: Session) -> None:
        """A person looked at the retailers: from here on the database counts."""
        if self._path.exists():
            self._path.unlink()
        log.info("action=mark_lowered completing_calls=%d", _completing_calls(session))

    def _read(self) -> int:
        """The number in the file; 0 where there is none. One that cannot be read guards nothing."""
        try:
            return int(json.loads(self._path.read_text(encoding="utf-8"))["completing_calls"])
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, KeyError, TypeError) as error:
            todo = "look at it; after a restored backup nobody would notice what is missing"
            log.warning("action=mark_unreadable path=%s why=%r todo=%s", self._path, error, todo)
            return 0


class Reconciler:
    """Compares our orders with the retailers'.

    Args:
        database: where orders are.
        shops: finds the adapter.
        clock: the server's clock.
        mark: what was about to be sent.
    """

    def __init__(self, database: Database, shops: Shops, clock: Clock, mark: Mark) -> None:
        self._database, self._shops, self._clock, self._mark = database, shops, clock, mark
        self._last: datetime | None = None

    def look_for_a_restore(self) -> bool:
        """At start, before anything leaves: throw the switch if the database is older than what was sent."""
        with self._database.write() as session:
            restored = self._mark.is_ahead_of(session)
            if restored:
                stop(session, RESTORED, self._clock.now(), "")
                log.error("action=backup_restored orders=stopped")
        return restored

    def run(self) -> int:
        """Compare once a day; returns how many orders disagreed."""
        now = self._clock.now()
        if self._last is not None and now - self._last < EVERY:
            return 0
        self._last = now
        return self.compare()

    def compare(self) -> int:
        """Ask for every order that a retailer should have; returns how many disagreed."""
        with self._database.read() as session:
            query = select(PurchaseOrder.parcel_id, PurchaseOrder.retailer_order_id).where(
                col(PurchaseOrder.state).in_(_LOOKED_AT), col(PurchaseOrder.retailer_order_id).is_not(None)
            )
            work = [
                (parcel_id, str(number), self._retailer(session, parcel_id))
                for parcel_id, number in sorted(set(session.exec(query)), key=str)
            ]
        disagreed = 0
        for parcel_id, number, retailer in work:
            try:
                snapshot: OrderSnapshot | None = self._shops(retailer).read_order(number)
            except NotThere:
                snapshot = None
            except TryLater as error:
                log.warning("action=reconcile_later parcel_id=%s why=%s", parcel_id, str(error)[:200])
                continue
            except Exception as error:  # noqa: BLE001 - one order's surprise must not hold up the others
                log_failure(log, error, "action=reconcile_failed parcel_id=%s", parcel_id)
                continue
            with self._database.write() as session:
                disagreed += _compare(session, parcel_id, number, snapshot, self._clock.now())
        return disagreed

    def _retailer(self, session: Session, parcel_id: str) -> Retailer:
        return session.get_one(Retailer, session.get_one(Parcel, parcel_id).retailer_id)


def _compare(
    session: Session, parcel_id: str, number: str, snapshot: OrderSnapshot | None, now: datetime
) -> int:
    """Put what disagrees before a person; what agrees follows the retailer's view."""
    parcel = session.get_one(Parcel, parcel_id)
    orders = [order for order in orders_in(session, parcel) if order.retailer_order_id == number]
    charged = sum(order.total_minor or 0 for order in orders)
    detail = ""
    if snapshot is None:
        detail = f"{number}: not there"
    elif snapshot.total_minor is not None and snapshot.total_minor > charged:
        was, now_is = (money(minor, orders[0].currency) for minor in (charged, snapshot.total_minor))
        detail = f"{number}: {was} → {now_is}"
    for order in orders:
        if not detail and snapshot is not None:
            apply_snapshot(session, order, snapshot, now)
        elif may(State(order.state), Event.MISMATCH):
            move(session, order, Event.MISMATCH, now, Problem.MISMATCH.value)
            order.problem, order.problem_detail = Problem.MISMATCH, detail[:300]
            plan(order)
            session.add(order)
            notify_of_order(session, order, "order_mismatch", now)
    return len(orders) if detail else 0


def _completing_calls(session: Session) -> int:
    query = select(func.count()).select_from(RetailerCall).where(RetailerCall.step == COMPLETE)
    return int(session.exec(query).one())
