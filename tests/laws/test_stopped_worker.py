"""A worker is stopped inside a call to the retailer, past its lease; another finishes; then it wakes.

Real processes and SIGSTOP: what sleeps cannot know how long. It changes nothing any more, and one need stays
one order, also where the shop ignores keys and would sell the same session again.
"""

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import inspect
from sqlmodel import SQLModel, select

from replenish_server.households.tables import LedgerEntry
from replenish_server.ordering.orders import create_order
from replenish_server.ordering.states import State
from replenish_server.ordering.tables import OrderEvent, Parcel, PurchaseOrder, Receipt, RetailerCall
from tests.fakes.forgetful_shop import ForgetfulShop
from tests.fakes.mortality import Fate
from tests.fakes.retailer_house import NOW, House
from tests.laws.conftest import FreshHouse
from tests.support.dispatch_worker import FileClock, shopfront
from tests.support.mortal_house import wait_until
from tests.support.zygote import ForkedServer, Zygote

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.law, pytest.mark.timeout(120)]

LEASE = timedelta(seconds=90)
TABLES: tuple[type[SQLModel], ...] = (Parcel, PurchaseOrder, RetailerCall, OrderEvent, Receipt, LedgerEntry)


@dataclass
class Stage:
    """One order, a shop, and two workers.

    Args:
        house: its database.
        shop: what it buys from.
        stop_at: the end of the path of the request in which the first worker is stopped.
        answers_late: whether the shop carries that request out only after the other worker is done.
    """

    house: House
    shop: ForgetfulShop
    stop_at: str
    answers_late: bool
    inside: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def answer(
        self, worker: str, request: httpx.Request, ask: "Callable[[], httpx.Response]"
    ) -> httpx.Response:
        """The first worker's call waits until the test says so; the shop has acted on it, or will."""
        if worker != "first" or self.inside.is_set() or not request.url.path.endswith(self.stop_at):
            return ask()
        answer = None if self.answers_late else ask()
        self.inside.set()
        assert self.go_on.wait(60)
        return answer or ask()

    def rows(self) -> list[dict[str, Any]]:
        """Everything that is kept of orders and money."""
        with self.house.database.read() as session:
            found = [row for table in TABLES for row in session.exec(select(table))]
            return [{a.key: getattr(row, a.key) for a in inspect(row).mapper.column_attrs} for row in found]

    def state(self) -> str:
        """Of the order."""
        with self.house.database.read() as session:
            return session.exec(select(PurchaseOrder)).one().state


@pytest.fixture
def workers(zygote: Zygote) -> Iterator["Callable[..., ForkedServer]"]:
    """Starts workers; none outlives the test."""
    started: list[ForkedServer] = []

    def start(name: str, stage: Stage, port: int, folder: Path) -> ForkedServer:
        env = {
            "WORKER_NAME": name,
            "WORKER_SHOP": str(port),
            "WORKER_DATABASE": str(stage.house.database.url),
            "WORKER_CLOCK": str(folder / "clock"),
        }
        started.append(zygote.fork(env, folder / f"{name}.log", "tests.support.dispatch_worker:work"))
        return started[-1]

    yield start
    for worker in started:
        worker.kill()


@pytest.mark.parametrize(
    ("stop_at", "answers_late", "honours_keys"),
    [
        ("/checkout-sessions", False, False),
        ("/checkout-sessions", True, False),
        ("/complete", False, False),
        ("/complete", False, True),
        ("/complete", True, True),
    ],
    ids=["create done", "create late", "complete done, no keys", "complete done", "complete late"],
)
def test_who_wakes_after_the_lease_changes_nothing(
    fresh_house: FreshHouse,
    workers: "Callable[..., ForkedServer]",
    tmp_path: Path,
    stop_at: str,
    answers_late: bool,
    honours_keys: bool,
) -> None:
    """Stopped in the middle of a request, overtaken, woken; a completion that comes late at a shop that
    ignores keys is the one case in which no client can be safe (docs/adr/0019)."""
    stage = Stage(fresh_house(), ForgetfulShop(Fate(), honours_keys), stop_at, answers_late)
    clock = FileClock(tmp_path / "clock")
    clock.set(NOW)
    slot = stage.house.slots["level-1"]
    order = stage.house.order_of(slot)
    with stage.house.database.write() as session:
        create_order(session, order, NOW)
    with shopfront(stage.shop, stage.answer) as port:
        first = workers("first", stage, port, tmp_path)
        assert stage.inside.wait(60), first.last_words()
        os.kill(first.pid, signal.SIGSTOP)
        clock.set(NOW + LEASE + timedelta(seconds=1))
        second = workers("second", stage, port, tmp_path)
        assert wait_until(lambda: stage.state() == State.PLACED, 60), second.last_words()
        second.kill()
        kept = stage.rows()
        stage.go_on.set()
        os.kill(first.pid, signal.SIGCONT)
        assert wait_until(lambda: "action=parcel_overtaken" in first.log.read_text(), 60), first.last_words()
        first.kill()
    assert stage.rows() == kept
    assert len(stage.shop.orders) == 1
    assert len({key for _, key, _ in stage.shop.completes}) == 1
