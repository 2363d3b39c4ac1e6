"""A thousand needs of a thousand homes, a retailer that fails, a dispatcher that is killed and born again.

Each worker is a process of its own, forked from this one, which has imported everything and runs no thread;
it ends by SIGKILL only.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlmodel import col, func, select

import replenish_server.app  # noqa: F401 - every table has to be known before the first mapper is used
from device_sim.process import free_ports
from replenish_server import operations
from replenish_server.clock import SystemClock
from replenish_server.database import Database
from replenish_server.fleet.registry import NewDevice, Product, add_device
from replenish_server.households.particulars import Address
from replenish_server.households.tables import SlotMandate
from replenish_server.ids import DecisionId, HouseholdId, RetailerId, new_id
from replenish_server.ordering.dispatch import Dispatcher
from replenish_server.ordering.orders import NewOrder, create_order
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import PurchaseOrder, RetailerCall
from replenish_server.replenishment.tables import DecisionRecord
from replenish_server.retailers.directory import RetailerDirectory
from replenish_server.retailers.ucp.connection import Identity
from replenish_server.retailers.ucp.keys import KeyRing

ITEM, CAP_MINOR = "filter-3", 100_000
FAULTS = [
    {"kind": "accept_then_close", "share": 0.18},
    {"kind": "accept_then_500", "share": 0.12},
    {"kind": "error_500", "share": 0.08},
    {"kind": "hang", "share": 0.04, "seconds": 0.5},
]
KEYS: dict[str, dict[str, Any]] = {
    "honours": {},
    "ignores": {"honours_keys": False},
    "forgets": {"key_lifetime_s": 0.8},
}
KILL_AFTER_S = (0.2, 0.6)
PATIENCE_S = 180.0  # so long may pass without one more order at rest; a busy machine is slow, not wrong


@dataclass(frozen=True)
class Outcome:
    """What came of the needs.

    Args:
        needs: how many there were.
        bought: needs with an order at the retailer.
        duplicates: orders at the retailer beyond one for each need.
        missing: needs that are neither placed nor before a person.
        unknown: needs that wait for a person because the outcome is not known.
        other: needs that wait for a person for any other reason.
        kills: how many workers were killed.
        calls: completing calls that were stored.
        seconds: until all was at rest.
    """

    needs: int
    bought: int
    duplicates: int
    missing: int
    unknown: int
    other: int
    kills: int
    calls: int
    seconds: float


def measure(needs: int, keys: str, seed: int) -> Outcome:
    """One run, from nothing to rest."""
    with tempfile.TemporaryDirectory(prefix="replenish-bench-") as folder:
        home = Path(folder)
        KeyRing(home / "keys.json").signer()
        with _process(home, "edge") as base_url, _process(home, "shop") as url:
            faults = {"complete": FAULTS, "seed": seed, **KEYS[keys]}
            _tell(url, "/testing/stock", {"item_id": ITEM, "stock": needs * 3})
            _tell(url, "/testing/faults", faults)
            database = _furnish(home, url, needs)
            started = time.monotonic()
            kills = _until_at_rest(home, base_url, database, random.Random(seed))
            seconds = time.monotonic() - started
            answer = httpx.get(f"{url}/testing/orders", timeout=60, trust_env=False)
            outcome = _count(database, answer.json(), needs, kills, seconds)
            database.close()
            return outcome


@contextmanager
def _process(home: Path, name: str) -> Iterator[str]:
    """The retailer, or our own profile, in a process of its own; yields its origin."""
    (port,) = free_ports(1)
    ready = home / f"{name}.ready"
    commands = {
        "shop": ["device_sim.retailer", "--port", str(port), "--db", str(home / "shop.db")],
        "edge": ["tests.benchmarks.orders.edge", str(port), str(home / "keys.json"), str(ready)],
    }
    command = [
        sys.executable,
        "-m",
        *commands[name],
        *(["--ready-file", str(ready)] if name == "shop" else []),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not ready.exists():
            if process.poll() is not None:
                raise RuntimeError(f"the {name} did not start")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def _tell(url: str, path: str, body: dict[str, Any]) -> None:
    httpx.post(f"{url}{path}", json=body, timeout=30, trust_env=False).raise_for_status()


def _furnish(home: Path, url: str, needs: int) -> Database:
    """As many homes as needs: what is measured is one need each, not a basket."""
    clock = SystemClock()
    database = Database(f"sqlite:///{home / 'replenish.db'}")
    database.migrate()
    retailer = operations.add_retailer(
        database, "Sandbox", url, "sandbox_pay", "success_token", "this benchmark permits it", clock.now()
    )
    address = Address("Ada Park", "ada@example.org", "Lindenstrasse 12", "Berlin", "10969", "DE")
    homes = [
        operations.create_household(database, f"Home {n}", address, "UTC", "en", "EUR", clock.now(), 0)
        for n in range(needs)
    ]
    with database.write() as session:
        for number, household in enumerate(homes):
            _need(session, household, retailer, number, clock)
    return database


def _need(
    session: Any, household: HouseholdId, retailer: RetailerId, number: int, clock: SystemClock
) -> None:
    now = clock.now()
    new = NewDevice("button", f"Button {number}", "Filters", "filter", Product(retailer, ITEM, "Filters", 1))
    _, slot_id = add_device(session, household, new, now)
    mandate = {"mode": "auto", "price_cap_minor": CAP_MINOR, "currency": "EUR", "changed_at": now}
    session.add(SlotMandate(slot_id=slot_id, **mandate))
    decision = DecisionId(new_id("dec"))
    facts = {"kind": "order", "trigger": "press", "data": {}, "at": now, "last_at": now}
    session.add(DecisionRecord(id=decision, slot_id=slot_id, **facts))
    session.flush()
    create_order(
        session,
        NewOrder(
            slot_id, household, retailer, decision, "press", ITEM, "Filters", 1, 1, "EUR", approved=True
        ),
        now,
    )


def _until_at_rest(home: Path, base_url: str, database: Database, rng: random.Random) -> int:
    """Fork a worker, kill it after a moment, and again; returns how many were killed."""
    dispatcher = _dispatcher(home, base_url, database)
    dispatcher.work_on_one()  # what was compiled and read for the first one is there in every fork
    kills, fewest, deadline = 0, None, 0.0
    while left := _leaving(database):
        if fewest is None or left < fewest:
            fewest, deadline = left, time.monotonic() + PATIENCE_S
        if time.monotonic() > deadline:
            break
        database.engine.dispose()  # a forked child shares what was compiled, and must not share a connection
        pid = os.fork()
        if pid == 0:
            _work(home, base_url, database)
        time.sleep(rng.uniform(*KILL_AFTER_S))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        kills += 1
    return kills


def _work(home: Path, base_url: str, database: Database) -> None:
    """The worker's life; it never returns."""
    try:
        dispatcher = _dispatcher(home, base_url, database)
        dispatcher.release_leases()
        while True:
            dispatcher.run()
            time.sleep(0.02)
    finally:
        os._exit(1)


def _dispatcher(home: Path, base_url: str, database: Database) -> Dispatcher:
    clock, keys = SystemClock(), KeyRing(home / "keys.json")
    shops = RetailerDirectory(database, Identity(base_url, keys.signer), clock.now, loopback=True)
    return Dispatcher(database, shops.shop, clock)


def _leaving(database: Database) -> int:
    """How many needs are still on their way."""
    with database.read() as session:
        leaving = PurchaseOrder.state == State.PLACING
        return int(session.exec(select(func.count()).select_from(PurchaseOrder).where(leaving)).one())


def _count(
    database: Database, there: list[dict[str, Any]], needs: int, kills: int, seconds: float
) -> Outcome:
    with database.read() as session:
        orders = session.exec(select(PurchaseOrder)).all()
        stored = select(RetailerCall.parcel_id, RetailerCall.key).where(RetailerCall.step == "complete")
        owner = {key: parcel for parcel, key in session.exec(stored)}
        waits = select(PurchaseOrder.problem).where(col(PurchaseOrder.state) == State.NEEDS_ATTENTION)
        problems = Counter(session.exec(waits))
    made = Counter(owner.get(str(row["idempotency_key"]), str(row["id"])) for row in there)
    at_rest = [order for order in orders if order.retailer_order_id or order.state == State.NEEDS_ATTENTION]
    placed = {order.retailer_order_id for order in orders if order.retailer_order_id}
    unknown = problems.pop("unknown_outcome", 0)
    return Outcome(
        needs=needs,
        bought=len(made),
        duplicates=sum(number - 1 for number in made.values()),
        missing=needs - len(at_rest) + len(placed - {row["id"] for row in there}),
        unknown=unknown,
        other=sum(problems.values()),
        kills=kills,
        calls=len(owner),
        seconds=seconds,
    )
