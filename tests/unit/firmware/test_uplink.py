"""The lasting conversation: it never waits, comes back by itself, and keeps what is not stored."""

import json
from collections.abc import Callable

import pytest

from firmware.app.node import Node
from firmware.app.uplink import Uplink
from tests.unit.firmware.fake_board import Bench, BrokerWire, Heard
from tests.unit.firmware.test_app import storing


class Line:
    """A meter, its uplink, and time that passes between steps only."""

    def __init__(self) -> None:
        self.bench = Bench("flow")
        self.wire = BrokerWire(self.bench.broker)
        self.node: Node = self.bench.node()
        self.uplink = Uplink(self.node, self.bench.air, self.wire)

    def run(self, seconds: float, rest_ms: int = 500) -> None:
        """Let time pass; where nothing happens before the next try, `rest_ms` at once."""
        clock = self.bench.clock
        until = clock.ms + 1000 * seconds
        while clock.ms < until:
            before = clock.ms
            next_ms = self.uplink.step()
            assert clock.ms == before, "a step took time"
            assert 0 <= next_ms <= 500
            clock.ms += rest_ms if next_ms == 500 else max(1, next_ms)

    def events(self) -> list[int]:
        """Sequences that reached the broker, in order, with repeats."""
        published = self.bench.broker.published
        return [json.loads(each.payload)["s"] for each in published if each.topic.endswith("/ev")]


@pytest.fixture
def line() -> Line:
    return Line()


def test_records_leave_as_they_are_made_over_one_connection(line: Line) -> None:
    line.bench.broker.on_publish = storing()
    for total in range(20):
        line.node.record("usage", {"k": "main", "n": total})
        line.run(5)
    assert line.events() == list(range(20))
    assert line.node.pending() == []
    assert line.wire.begun == 1
    assert len([each for each in line.bench.broker.published if each.retained]) == 1  # up/st, once


def test_a_quiet_broker_is_asked_and_one_that_does_not_answer_is_left(line: Line) -> None:
    line.bench.broker.on_publish = storing()
    line.run(600)
    assert 10 <= line.bench.broker.pings <= 14
    assert line.wire.begun == 1
    line.wire.answers = False
    line.run(120)
    assert line.wire.begun >= 2
    line.node.record("usage", {"k": "main", "n": 1})
    line.wire.answers = True
    line.run(60)
    assert line.node.pending() == []


def test_a_broker_that_wants_to_hear_of_us_more_often_does(line: Line) -> None:
    """Server Keep Alive goes before ours (MQTT 5, 3.2.2.3.14)."""
    line.bench.broker.on_publish = storing()
    line.bench.broker.connack_properties = b"\x13\x00\x14"
    line.run(600)
    assert 38 <= line.bench.broker.pings <= 42  # each 15 s of the 20
    assert line.wire.begun == 1


@pytest.mark.parametrize("window", [1, 2, 9])
def test_no_more_is_under_way_than_the_broker_takes(line: Line, window: int) -> None:
    """Receive Maximum is learnt at the first CONNACK and kept, so that the next first write respects it."""
    line.bench.broker.on_publish = storing()
    line.bench.broker.connack_properties = bytes((0x21, 0, window))
    line.bench.broker.window = window
    for total in range(20):
        line.node.record("usage", {"k": "main", "n": total})
    line.run(120)
    assert line.node.pending() == []
    assert line.events() == list(range(20))
    begun, too_many = line.wire.begun, line.bench.broker.too_many
    assert (begun, too_many > 0) == ((1, False) if window == 9 else (2, True))
    for total in range(20, 40):
        line.node.record("usage", {"k": "main", "n": total})
    line.wire.cut = True
    line.run(60)
    assert line.node.pending() == []
    assert line.wire.begun == begun + 1
    assert line.bench.broker.too_many == too_many  # never again


def test_what_is_too_large_for_the_broker_waits_and_the_rest_goes_on(line: Line) -> None:
    """Maximum Packet Size (MQTT 5, 3.2.2.3.6), over one connection and the next."""
    broker = line.bench.broker
    broker.on_publish = storing()
    broker.largest, broker.connack_properties = 110, b"\x27\x00\x00\x00\x6e"
    for total in range(20):
        line.node.record("usage", {"k": "main", "n": total})
        if total == 5:
            line.node.record_hello()
        line.run(60)
    assert len(line.node.pending()) == 1
    assert (broker.too_large, line.wire.begun) == (1, 2)  # the report left before anybody knew
    broker.largest, broker.connack_properties = 0, b""
    line.wire.cut = True
    line.run(120)
    assert line.node.pending() == []
    assert line.node.state.refused == 0


@pytest.mark.parametrize("trouble", ["closed", "mute", "no wifi", "cut"])
def test_trouble_is_bounded_backs_off_and_ends(line: Line, trouble: str) -> None:
    def set_trouble(on: bool) -> None:
        line.wire.listens = not (on and trouble == "closed")
        line.wire.answers = not (on and trouble == "mute")
        line.bench.air.works = not (on and trouble == "no wifi")

    line.bench.broker.on_publish = storing()
    line.run(2)
    set_trouble(True)
    line.wire.cut = True
    begun = line.wire.begun
    for total in range(10):
        line.node.record("usage", {"k": "main", "n": total})
        line.run(360)
        line.wire.cut = line.wire.cut or trouble == "cut"
    assert line.wire.begun - begun <= 60, "a fleet must not hammer its broker"
    set_trouble(False)
    line.run(700)
    assert line.node.pending() == []
    assert line.node.state.failures == 0
    assert set(line.events()) == set(range(10))


def test_what_the_server_does_not_store_is_sent_again_later_and_later(line: Line) -> None:
    line.node.record("usage", {"k": "main", "n": 7})
    line.run(3600)
    assert line.wire.begun == 1, "the broker is not to blame"
    assert 3 <= len(line.events()) <= 12
    line.bench.broker.on_publish = storing()
    line.run(3700)
    assert line.node.pending() == []


def test_who_is_not_wanted_asks_once_a_day(line: Line) -> None:
    line.bench.broker.connack = 0x87
    line.run(86_400, 30_000)
    assert line.wire.begun <= 6
    line.bench.broker.connack, line.bench.broker.on_publish = 0, storing()
    line.node.record("usage", {"k": "main", "n": 7})
    while line.node.pending():
        line.run(600, 30_000)
    assert line.node.pending() == []
    told = [json.loads(each.payload) for each in line.bench.broker.published if each.topic.endswith("/st")]
    assert told[0]["h"]["refused"] == 0x87


def test_settings_that_come_later_are_taken_and_reported(line: Line) -> None:
    def settings(message: Heard) -> list[tuple[str, bytes]]:
        return [*answer(message), ("desired", b'{"v":1,"rev":1,"cfg":{"report_ml":900}}')]

    answer: Callable[[Heard], list[tuple[str, bytes]]] = storing()
    line.bench.broker.on_publish = answer
    line.run(5)
    line.bench.broker.on_publish = settings
    line.node.record("usage", {"k": "main", "n": 7})
    line.run(5)
    assert line.node.settings.values["cfg.report_ml"] == 900
    told = [json.loads(each.payload)["rev"] for each in line.bench.broker.published if each.retained]
    assert told == [0, 1]


def test_reconnects_of_a_fleet_are_spread() -> None:
    lines = [Line() for _ in range(20)]
    waits = []
    for number, each in enumerate(lines):
        each.bench.chip.next_random = number * 7919
        each.bench.broker.on_publish = storing()
        each.run(2)
        each.wire.cut = True
        each.run(1)
        waits.append(each.node.state.retry_at_s - each.bench.clock.now_s())
    assert len(set(waits)) >= 8
    assert max(waits) <= 15
