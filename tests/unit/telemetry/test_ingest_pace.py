"""How long a batch waits for company: readings for a press that is on its way, and a press for nobody."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from replenish_server.telemetry.ingest import Ingest
from replenish_server.telemetry.session import Delivery
from replenish_server.telemetry.store import Incoming
from tests.fakes.retailer_house import NOW, House
from tests.support.mortal_house import wait_until

LEVEL = b'{"v":1,"b":"0000000a","s":1,"t":"level","n":900}'
PRESS = b'{"v":1,"b":"0000000a","s":1,"t":"press","g":"short","c":2}'


@dataclass
class Broker:
    """Delivers one message or a crowd, and notes how long it was asked to wait before it was stored."""

    topic: str
    payload: bytes
    count: int = 1
    waits_s: list[float] = field(default_factory=list)
    stored: threading.Event = field(default_factory=threading.Event)
    on_stored: Callable[[], None] = lambda: None
    _delivered: bool = False

    def receive(self, wait_s: float) -> Delivery | None:
        """The message first, then nothing."""
        if not self._delivered:
            self._delivered = True
            message = Incoming(self.topic, self.payload, False, NOW)
            return Delivery([message] * self.count, [b"\x00\x01"] * self.count, 1)
        if not self.stored.is_set():
            self.waits_s.append(wait_s)
        return None

    def acknowledge(self, _delivery: Delivery) -> None:
        """It is stored."""
        self.on_stored()
        self.stored.set()

    def publish_acks(self, acks: Any) -> None:
        """Nobody listens."""

    def keep_alive(self) -> None:
        """There is nothing to keep."""

    def stop(self) -> None:
        """Nothing to end."""


@pytest.mark.parametrize(
    ("topic", "payload", "way_s", "least_s", "most_s"),
    [
        ("rp/1/level-1/up/ev", LEVEL, 0.0, 0.0, 0.02),
        ("rp/1/level-1/up/ev", LEVEL, 600.0, 500.0, 600.0),
        ("rp/1/button-1/up/ev", PRESS, 600.0, None, None),
    ],
    ids=["a reading", "a reading while a press is on its way", "a press"],
)
def test_who_waits(
    house: House, topic: str, payload: bytes, way_s: float, least_s: float | None, most_s: float | None
) -> None:
    """The commit of a reading must not stand in the way of a call that a person waits for."""
    broker = Broker(topic, payload)
    house.database.turnstile.make_way(way_s)
    ingest = Ingest(house.database, broker, lambda _s, _p: {}, lambda _p: None)  # type: ignore[arg-type]
    ingest.start()
    assert broker.stored.wait(60)
    ingest.stop()
    if least_s is None or most_s is None:
        assert broker.waits_s == []
    else:
        assert least_s <= broker.waits_s[0] <= most_s


@pytest.mark.parametrize(("count", "catches_up"), [(1, False), (199, False), (200, True)])
def test_who_catches_up_says_so_until_it_is_over(house: House, count: int, catches_up: bool) -> None:
    """What is due meanwhile may wait for the end of it."""
    broker = Broker("rp/1/level-1/up/ev", LEVEL, count)
    said: list[bool] = []
    broker.on_stored = lambda: said.append(ingest.catching_up)
    ingest = Ingest(house.database, broker, lambda _s, _p: {}, lambda _p: None)  # type: ignore[arg-type]
    ingest.start()
    assert broker.stored.wait(60)
    assert said == [catches_up]
    assert wait_until(lambda: not ingest.catching_up)
    ingest.stop()
