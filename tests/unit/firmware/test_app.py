"""The programs over played ports: what is sent, what is kept, how long a wake may last."""

import json
from typing import Any

import pytest

from firmware.app import button, level
from firmware.core import queue
from tests.unit.firmware.fake_board import Bench, Heard, Packets


def storing(answer: str = "") -> Any:
    """A server that stores every event at once, and answers presses."""

    def on_publish(message: Heard) -> list[tuple[str, bytes]]:
        if not message.topic.endswith("/ev"):
            return []
        event = json.loads(message.payload)
        ack: dict[str, Any] = {"b": event["b"], "s": [event["s"]]}
        answers = [("ack", json.dumps(ack).encode())]
        if answer and event["t"] == "press":
            answers.append(("ack", json.dumps({**ack, "r": answer}).encode()))
        return answers

    return on_publish


def wake_level(bench: Bench) -> int:
    return level.wake(bench.node(), bench.cell, bench.air, bench.broker)


def press(bench: Bench, held_ms: int = 200) -> tuple[int, bool]:
    bench.contact.edges = [bench.clock.ms, bench.clock.ms + held_ms]
    return button.wake(bench.node(), bench.contact, bench.lamp, bench.air, bench.broker, True)


@pytest.fixture
def scale() -> Bench:
    return Bench("level")


@pytest.fixture
def knob() -> Bench:
    return Bench("button")


def test_connect_subscribe_and_publish_leave_in_one_write(scale: Bench) -> None:
    scale.broker.on_publish = storing()
    assert wake_level(scale) == 1800
    assert [first >> 4 for first, _ in Packets(scale.broker.writes[0])] == [1, 8, 3, 3, 3]
    assert [message.retained for message in scale.broker.published] == [False, False, True]
    assert scale.broker.open_links == 0
    assert not scale.air.on


def test_a_quiet_wake_does_not_touch_the_radio(scale: Bench) -> None:
    scale.broker.on_publish = storing()
    wake_level(scale)
    writes = len(scale.broker.writes)
    scale.clock.ms += 1_800_000
    wake_level(scale)
    assert len(scale.broker.writes) == writes


def test_an_acknowledgement_of_the_broker_lets_nothing_go(scale: Bench) -> None:
    started = scale.clock.ms
    sleep_s = wake_level(scale)
    assert len(scale.spool.content) == 2
    assert scale.clock.ms - started <= 4000
    assert 29 <= sleep_s <= 30


def test_failures_back_off_and_a_good_wake_ends_them(scale: Bench) -> None:
    scale.air.works = False
    waits = []
    for _ in range(12):
        scale.clock.ms += 1000 * wake_level(scale)
        waits.append(scale.node().state.retry_at_s - scale.clock.now_s())
    assert scale.node().state.failures >= 2
    scale.air.works = True
    scale.broker.on_publish = storing()
    scale.clock.ms += 3_600_000
    wake_level(scale)
    assert scale.spool.content == {}
    assert scale.node().state.failures == 0


def test_a_refused_publish_keeps_the_record_and_stops(scale: Bench) -> None:
    scale.broker.puback = 0x87
    wake_level(scale)
    assert len(scale.spool.content) == 2
    scale.broker.puback, scale.broker.connack = 0, 0x86  # bad user name or password
    scale.clock.ms += 40_000
    wake_level(scale)
    assert len(scale.spool.content) == 2
    assert scale.node().state.failures == 2


def test_who_is_not_wanted_asks_once_a_day_and_tells_it_when_heard_again(knob: Bench) -> None:
    knob.broker.puback = 0x87
    began = knob.clock.ms
    while knob.clock.ms - began < 10 * 86_400_000:
        sleep_s, armed = button.wake(knob.node(), knob.contact, knob.lamp, knob.air, knob.broker, False)
        assert armed
        knob.clock.ms += 1000 * sleep_s
    talks = [write for write in knob.broker.writes if write[0] == 0x10]
    assert 4 + 8 <= len(talks) <= 4 + 10
    knob.broker.puback, knob.broker.on_publish = 0, storing("placed")
    press(knob)  # a person waits: tried at once
    assert knob.lamp.shown[-1] == "placed"
    assert _told(knob) == 0x87
    assert knob.spool.content == {}
    knob.clock.ms += 86_400_000
    button.wake(knob.node(), knob.contact, knob.lamp, knob.air, knob.broker, False)
    assert "refused" not in knob.node().health()


def _told(bench: Bench) -> Any:
    statements = [message for message in bench.broker.published if message.topic.endswith("/st")]
    return json.loads(statements[-1].payload)["h"]["refused"]


def test_a_backlog_leaves_oldest_first_eight_at_a_time(scale: Bench) -> None:
    scale.air.works = False
    node = scale.node()
    for grams in range(30):
        node.record("level", {"q": "ok", "n": grams})
    scale.air.works = True
    scale.broker.on_publish = storing()
    wake_level(scale)
    events = [json.loads(message.payload) for message in scale.broker.published if "/ev" in message.topic]
    assert [event["s"] for event in events] == list(range(32))
    assert scale.spool.content == {}


def test_a_full_spool_drops_the_oldest_and_says_how_many(scale: Bench) -> None:
    node = scale.node()
    for grams in range(queue.LIMIT + 5):
        node.record("level", {"q": "ok", "n": grams})
    assert len(node.pending()) == queue.LIMIT
    assert queue.parse_name(node.pending()[0]) == (6, "00c0ffee", 5)
    assert node.health()["drop"] == 5


def test_a_flash_that_takes_nothing_does_not_stop_a_press(knob: Bench) -> None:
    node = knob.node()

    def full(name: str, content: bytes) -> None:
        raise OSError(28)

    knob.spool.write = full  # type: ignore[method-assign]
    assert node.record("press", {"g": "short"}) == 0
    again = knob.node()  # a crash here: RTC memory holds the record, and its number is not used again
    assert again.state.seq == 1
    assert len(again.pending()) == 1
    knob.broker.on_publish = storing("placed")
    press(knob)
    assert knob.lamp.shown[-1] == "placed"
    assert knob.node().pending() == []
    for _ in range(30):
        node = knob.node()
        try:
            node.record("press", {"g": "short"})
        except OSError:  # no room anywhere: said, and the number is gone all the same
            break
    assert knob.node().state.seq == node.state.seq
    assert len(node.pending()) >= 8


def test_a_delivered_report_never_touches_the_flash(scale: Bench) -> None:
    scale.broker.on_publish = storing()
    wake_level(scale)
    assert (scale.spool.writes, len(scale.broker.published)) == (0, 3)
    scale.air.works = False
    scale.cell.grams = 900
    scale.clock.ms += 86_400_000
    wake_level(scale)
    assert scale.spool.writes == len(scale.node().pending()) == 2
    scale.chip.frame = b""  # a power cut in sleep takes nothing
    assert len(scale.node().pending()) == 2


def test_a_crash_in_a_wake_leaves_its_records_in_rtc_memory(scale: Bench) -> None:
    node = scale.node()
    for grams in range(20):  # more than fit: the ring spills
        node.record("level", {"q": "ok", "n": grams})
    assert 8 <= scale.spool.writes <= 19
    again = scale.node()
    assert len(again.pending()) == 20
    again.settle()
    assert len(scale.spool.content) == 20


def test_the_same_revision_writes_nothing(scale: Bench) -> None:
    scale.broker.on_publish = storing()
    scale.broker.on_subscribe = [b'{"v":1,"rev":2,"slots":{"main":{"threshold":100}}}']
    wake_level(scale)
    assert scale.data.writes == 1
    scale.cell.grams = 900
    scale.clock.ms += 1_800_000
    wake_level(scale)
    assert scale.data.writes == 1
    assert len([message for message in scale.broker.published if "/st" in message.topic]) == 2
    scale.broker.on_subscribe = [b'{"v":1,"rev":1}']  # a server that was restored: still the authority
    scale.cell.grams = 800
    scale.clock.ms += 1_800_000
    wake_level(scale)
    assert scale.node().settings.rev == 1


def test_unreadable_saved_settings_do_not_stop_a_device(scale: Bench) -> None:
    for content in (b"{", b'{"v":1}', b'{"v":1,"rev":1,"cfg":{"measure_s":"x"}}', b'{"v":1,"rev":1}'):
        scale.data.content["desired.json"] = content
        assert scale.node().settings.rev == 0
        assert "desired.json" not in scale.data.content


@pytest.mark.parametrize("answer", ["placed", "waiting", "already", "refused"])
def test_the_light_shows_what_became_of_a_press(knob: Bench, answer: str) -> None:
    knob.broker.on_publish = storing(answer)
    sleep_s, armed = press(knob)
    assert knob.lamp.shown == ["on", answer]
    assert armed
    assert sleep_s > 86_000


def test_no_answer_in_four_seconds_is_sent_and_no_network_is_offline(knob: Bench) -> None:
    knob.broker.on_publish = storing()
    started = knob.clock.ms
    press(knob)
    assert knob.clock.ms - started <= 4000 + 1000
    knob.air.works = False
    press(knob)
    assert knob.lamp.shown == ["on", "sent", "on", "offline"]
    assert len(knob.spool.content) == 1


def test_a_silent_broker_costs_a_wake_less_than_four_seconds(knob: Bench) -> None:
    knob.broker.answer = lambda first, body: None  # type: ignore[method-assign]
    started = knob.clock.ms
    knob.node().record_hello()
    button.wake(knob.node(), knob.contact, knob.lamp, knob.air, knob.broker, False)
    assert 3000 <= knob.clock.ms - started <= 4000
    assert len(knob.spool.content) == 1


def test_a_server_that_dribbles_does_not_keep_a_battery_awake(knob: Bench) -> None:
    """Always something new in time, never an end: the rest waits for the next wake."""
    node = knob.node()
    for _ in range(300):
        node.record("press", {"g": "short"})

    def slow(message: Heard) -> list[tuple[str, bytes]]:
        knob.clock.ms += 200
        return storing()(message)  # type: ignore[no-any-return]

    knob.broker.on_publish = slow
    started = knob.clock.ms
    button.wake(node, knob.contact, knob.lamp, knob.air, knob.broker, False)
    assert 25_000 <= knob.clock.ms - started <= 36_000
    assert 100 <= len(knob.node().pending()) <= 200


def test_a_press_is_on_flash_before_anything_is_sent(knob: Bench) -> None:
    there: list[int] = []
    knob.broker.on_publish = lambda message: there.append(len(knob.spool.content)) or []  # type: ignore[func-returns-value]
    press(knob)
    assert there[0] == 1


def test_the_time_of_a_retained_document_is_not_believed(knob: Bench) -> None:
    knob.broker.on_publish = storing()
    knob.broker.on_subscribe = [b'{"v":1,"rev":1,"now":1777896000}']
    press(knob)
    assert (knob.node().settings.rev, knob.node().state.offset_s) == (1, 0)


def test_an_answer_to_another_press_is_not_shown(knob: Bench) -> None:
    knob.air.works = False
    press(knob)
    knob.air.works = True

    def first_only(message: Heard) -> list[tuple[str, bytes]]:
        document = json.loads(message.payload)
        if document.get("t") == "press" and document["s"] == 0:
            return [("ack", b'{"b":"00c0ffee","s":[0],"r":"refused"}')]
        return storing()(message)  # type: ignore[no-any-return]

    knob.broker.on_publish = first_only
    press(knob)
    assert knob.lamp.shown[-1] == "sent"


def test_a_spark_records_no_press(knob: Bench) -> None:
    press(knob, held_ms=20)
    kinds = [json.loads(queue.decode(content)[2])["t"] for content in knob.spool.content.values()]  # type: ignore[index]
    assert kinds == ["hello"]
    assert knob.lamp.shown == ["on", "none"]


def test_a_message_above_what_the_broker_takes_is_kept_said_and_in_nobodys_way(
    knob: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    """Maximum Packet Size (MQTT 5, 3.2.2.3.6): a press passes, the longer hello and report do not."""
    broker = knob.broker
    broker.on_publish = storing("placed")
    broker.largest, broker.connack_properties = 110, b"\x27\x00\x00\x00\x6e"
    press(knob)
    assert broker.too_large == 1  # nobody knew
    for _ in range(3):
        started = knob.clock.ms
        press(knob)
        assert knob.lamp.shown[-1] == "placed"
        assert knob.clock.ms - started < 2000
    node = knob.node()
    assert [json.loads(queue.decode(node.content(name))[2])["t"] for name in node.pending()] == ["hello"]  # type: ignore[index]
    assert (broker.too_large, node.state.refused, node.state.failures) == (1, 0x95, 4)
    assert "larger than the 110 bytes the broker takes; kept" in capsys.readouterr().out
    broker.largest, broker.connack_properties = 0, b""
    press(knob)  # learns that there is no limit any more
    press(knob)
    assert (knob.node().pending(), knob.node().state.refused) == ([], 0)
    told = [json.loads(each.payload)["h"].get("refused") for each in broker.published if each.retained]
    assert told == [0x95]


def test_what_was_held_back_is_not_sent_when_it_turns_out_too_large(knob: Bench) -> None:
    broker = knob.broker
    broker.on_publish = storing("placed")
    broker.connack_properties = b"\x21\x00\x02"
    press(knob)
    broker.largest, broker.connack_properties = 110, b"\x21\x00\x02\x27\x00\x00\x00\x6e"
    knob.clock.ms += 86_400_000
    press(knob)  # the press fits, the hello behind it waits for a PUBACK
    press(knob)
    assert (broker.too_large, knob.lamp.shown[-1], len(knob.node().pending())) == (0, "placed", 1)


def test_a_stuck_button_does_not_wake_for_ever(knob: Bench) -> None:
    knob.broker.on_publish = storing("placed")
    sleep_s, armed = press(knob, held_ms=60_000)
    assert not armed
    assert sleep_s <= 3600


def test_a_daily_hello(knob: Bench) -> None:
    knob.broker.on_publish = storing()
    for _ in range(3):
        sleep_s, _ = button.wake(knob.node(), knob.contact, knob.lamp, knob.air, knob.broker, False)
        knob.clock.ms += 1000 * sleep_s
    events = [json.loads(message.payload) for message in knob.broker.published if "/ev" in message.topic]
    assert [event["t"] for event in events] == ["hello"] * 3
    assert [event["s"] for event in events] == [0, 1, 2]
