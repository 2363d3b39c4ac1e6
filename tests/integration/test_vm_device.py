"""Simulated boards, which run the real firmware in the real MicroPython VM, against a real Mosquitto.

The test plays the server: it says "stored" (`down/ack`) when it wants to.
"""

import json
import os
import random
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from device_sim.vm import VmMissingError, find_vm
from tests.support.vm_board import PASSWORD, Board, Broker, Server, until

pytestmark = [pytest.mark.broker, pytest.mark.vm, pytest.mark.timeout(60)]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    running = Broker(tmp_path)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def server(broker: Broker) -> Iterator[Server]:
    running = Server(broker.port)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def make_board(tmp_path: Path, broker: Broker) -> Iterator[Callable[..., Board]]:
    try:
        find_vm()
    except VmMissingError:
        if os.environ.get("CI"):
            raise
        pytest.skip("no MicroPython VM")
    boards: list[Board] = []

    def make(kind: str, speed: float = 3600.0, **config: Any) -> Board:
        boards.append(Board(kind, tmp_path / f"board{len(boards)}", broker.port, speed, **config))
        return boards[-1]

    yield make
    for board in boards:
        board.vm.stop()
        assert PASSWORD not in json.dumps(board.facts)


MakeBoard = Callable[..., Board]


def test_a_press_is_saved_sent_stored_and_answered_with_light(make_board: MakeBoard, server: Server) -> None:
    server.answer = "placed"
    board = make_board("button")
    board.vm.start()
    until(lambda: board.said("sleep"))
    assert [kind for _, _, kind in board.vm.recorded] == ["hello"]
    assert server.events[0][1]["h"] == {"bat": 3000, "rssi": 0, "drop": 0, "next": 86400, "fw": "0.1.0"}
    until(lambda: server.reports)
    assert server.reports[0]["cfg"] == {"hold_ms": 800}
    board.vm.press("short")
    until(lambda: len(board.said("sleep")) == 2)
    press = server.of_type("press")[0]
    assert {key: press[key] for key in "vgc"} == {"v": 1, "g": "short", "c": 1}
    assert "k" not in press
    assert board.said("answer")[0]["r"] == "placed"
    assert board.lit_ms()[-1] >= 850
    assert board.vm.pending() == 0


@pytest.mark.parametrize("gesture", ["long", "double"])
def test_gestures(make_board: MakeBoard, server: Server, gesture: str) -> None:
    server.answer = "already"
    board = make_board("button")
    board.vm.press(gesture)
    board.vm.start()
    until(lambda: board.said("answer"))
    assert [event["g"] for event in server.of_type("press")] == [gesture]


def test_a_record_is_kept_until_the_server_itself_says_stored(make_board: MakeBoard, server: Server) -> None:
    server.acknowledges = False
    board = make_board("level", speed=1.0)
    board.vm.set_load_g(1200)
    board.vm.start()
    asleep = until(lambda: board.said("sleep"))[0]
    assert len(server.events) == 2  # the broker has acknowledged both ...
    assert board.vm.pending() == 2  # ... and both are kept
    assert board.said("error")[0]["at"] == "server"
    assert asleep["ms"] <= 31_000
    # Another boot id's acknowledgement lets nothing go, and neither does a strange one.
    board.vm.power_cut()
    until(lambda: len(board.said("wake")) == 2)
    server.say("d1", "ack", {"b": "00000000", "s": [0, 1]})
    server.say("d1", "ack", "not json")
    until(lambda: len(board.said("sleep")) == 2)
    assert board.vm.pending() == 4
    server.acknowledges = True
    board.vm.power_cut()
    until(lambda: board.vm.pending() == 0)
    # What never lay on flash is said to be recorded once the server has it.
    until(lambda: server.keys() == {(boot, seq) for boot, seq, _ in board.vm.recorded})
    # A record of an earlier boot has an age that nobody knows: too old to order anything.
    first_boot = board.vm.recorded[0][0]
    again = [event for _, event in server.events if event["b"] == first_boot][-1]
    assert again["a"] >= 86_400
    assert again["c"] == 0


def test_without_a_network_a_press_waits_and_the_light_says_so(
    make_board: MakeBoard, server: Server, broker: Broker
) -> None:
    board = make_board("button", speed=60.0)
    board.vm.start()
    until(lambda: board.said("sleep"))
    broker.stop()
    board.vm.press()
    until(lambda: board.said("answer"))
    assert board.said("answer")[0]["r"] == "offline"
    board.vm.set_wifi(False)
    board.vm.press()
    until(lambda: len(board.said("answer")) == 2, 20)  # not for ever; `make bench-firmware` says how long
    assert "no Wi-Fi" in board.said("error")[-1]["why"]
    assert board.vm.pending() == 2
    board.vm.set_wifi(True)
    broker.start()
    until(lambda: board.vm.pending() == 0, 25)
    presses = [(event["b"], event["s"]) for event in server.of_type("press")]
    assert [key[:2] for key in board.vm.recorded if key[2] == "press"] == list(dict.fromkeys(presses))
    # Ages are counted in simulated time since the press, not since the sending.
    assert all(event["a"] > 30 for event in server.of_type("press"))


def test_a_server_that_stores_but_decides_late_shows_sent(make_board: MakeBoard, server: Server) -> None:
    board = make_board("button")
    board.vm.press()
    board.vm.start()
    until(lambda: board.said("answer"))
    assert board.said("answer")[0]["r"] == "sent"
    assert board.vm.pending() == 0


def test_settings_are_clamped_applied_saved_and_reported_once(make_board: MakeBoard, server: Server) -> None:
    wish = {"cfg": {"measure_s": 1, "report_s": 600}, "slots": {"main": {"threshold": 99_999}}}
    server.say("d1", "desired", {"v": 1, "rev": 3, "now": int(time.time()), **wish}, retain=True)
    board = make_board("level", speed=6000.0, capacity_g=2000)
    board.vm.set_load_g(1800)
    board.vm.start()
    until(lambda: len(server.of_type("level")) >= 3)
    assert board.said("desired") == [
        {"e": "desired", "rev": 3, "lim": ["cfg.measure_s", "slots.main.threshold"]}
    ]
    assert [report["rev"] for report in server.reports] == [0, 3]
    report = server.reports[1]
    assert report["cfg"] == {"measure_s": 60, "report_s": 600, "report_g": 20}
    assert report["slots"] == {"main": {"threshold": 2000, "watch": 0}}
    assert report["lim"] == ["cfg.measure_s", "slots.main.threshold"]
    # A document that cannot be used changes nothing and is reported once, with its reason.
    server.say("d1", "desired", {"v": 9, "rev": 4}, retain=True)
    until(lambda: len(server.reports) == 3)
    assert (server.reports[2]["rev"], server.reports[2]["err"]) == (3, "unknown v")
    seen = len(server.of_type("level"))
    until(lambda: len(server.of_type("level")) >= seen + 2)
    assert len(server.reports) == 3
    # After a power cut the saved settings are in force at once, and reported anew.
    board.vm.power_cut()
    until(lambda: len(server.reports) >= 4)
    assert server.reports[3]["rev"] == 3
    assert server.reports[3]["lim"] == report["lim"]


def test_a_live_document_sets_the_clock_a_retained_one_does_not(
    make_board: MakeBoard, server: Server
) -> None:
    server.acknowledges = False
    server.say("d1", "desired", {"v": 1, "rev": 1, "now": 1}, retain=True)
    board = make_board("level", speed=1.0)
    board.vm.set_load_g(1200)
    board.vm.start()
    until(lambda: board.said("desired"))
    server.say("d1", "desired", {"v": 1, "rev": 1, "now": int(time.time())}, retain=True)
    until(lambda: board.said("sleep"))
    assert {event["c"] for _, event in server.events} == {1}
    server.acknowledges = True
    board.vm.kill()
    board.vm.power_cut()
    until(lambda: board.vm.pending() == 0)


def test_low_is_told_three_times_over_an_hour(make_board: MakeBoard, server: Server) -> None:
    board = make_board("level", speed=7200.0)
    board.vm.set_load_g(1200)
    board.vm.start()
    until(lambda: board.said("sleep"))
    board.vm.set_load_g(400)
    until(lambda: len(server.of_type("level")) == 4)
    assert [event["n"] // 10 in (39, 40) for event in server.of_type("level")[1:]] == [True] * 3
    board.vm.set_load_g(None)  # the cable is off
    until(lambda: len(server.of_type("level")) == 5)
    last = server.of_type("level")[4]
    assert last["q"] == "unknown"
    assert "n" not in last


def test_a_distance_sensor_measures_behind_the_same_port(make_board: MakeBoard, server: Server) -> None:
    # 300 mm to the floor of an empty container, 60 mm less for each kilogram: one millimetre is 16 g.
    board = make_board("level", speed=7200.0, sensor="tof", zero=300_000, counts_per_kg=-60_000)
    board.vm.set_load_g(1500)
    board.vm.start()
    until(lambda: board.said("sleep"))
    assert abs(server.of_type("level")[0]["n"] - 1500) <= 16
    board.vm.set_load_g(1300)  # a jump waits for a second reading that agrees
    until(lambda: len(server.of_type("level")) == 2)
    assert abs(server.of_type("level")[1]["n"] - 1300) <= 16
    assert [abs(fact["step"] + 200) <= 32 for fact in board.said("level") if fact["step"]] == [True]
    board.vm.set_load_g(None)  # no target: its number is not believed
    until(lambda: len(server.of_type("level")) == 3)
    assert server.of_type("level")[2]["q"] == "unknown"


def test_kill_9_at_any_moment_loses_nothing(make_board: MakeBoard, server: Server) -> None:
    chance = random.Random(20261124)
    board = make_board("level", speed=20_000.0)
    board.vm.start()
    for step in range(14):
        board.vm.set_load_g(300 + 70 * (step % 20))
        if step % 4 == 3:  # one wake in five ends as it should, or the board would go into safe mode
            slept = len(board.said("sleep"))
            until(lambda slept=slept: len(board.said("sleep")) > slept)
        seen, saved = len(board.said("wake")), len(board.vm.recorded)
        until(lambda seen=seen: len(board.said("wake")) > seen)
        if step % 2:
            time.sleep(chance.uniform(0.005, 0.06))  # at any moment, most of them before it saved anything
            board.vm.power_cut()
        else:  # power has just come back, so this wake saves what it is: somewhere behind that
            until(lambda saved=saved: len(board.vm.recorded) > saved)
            time.sleep(chance.uniform(0.0, 0.03))
            board.vm.kill()
    until(lambda: board.vm.pending() == 0)
    recorded = [(boot, seq) for boot, seq, _ in board.vm.recorded]
    assert len(recorded) >= 6
    assert len(set(recorded)) == len(recorded), "a sequence number was used twice"
    assert set(recorded) <= server.keys()
    numbers: dict[tuple[str, int], Any] = {}
    for _, event in server.events:
        body = {key: value for key, value in event.items() if key not in "ac"}
        assert numbers.setdefault((event["b"], event["s"]), body) == body


def test_a_long_backlog_arrives_in_order(make_board: MakeBoard, server: Server, broker: Broker) -> None:
    board = make_board("level", speed=3600.0)
    board.vm.set_load_g(1000)
    board.vm.set_wifi(False)
    spool = board.vm._spool
    from firmware.core import event, queue

    for order in range(60):
        body = event.record("0123abcd", order, "level", {"q": "ok", "n": 1000})
        (spool / queue.name(order + 1, "0123abcd", order)).write_bytes(queue.encode(5, 0, body))
    (spool / queue.name(61, "0123abcd", 61)).write_bytes(b"torn")
    board.vm.set_wifi(True)
    board.vm.start()
    until(lambda: board.vm.pending() == 0)
    arrived = [event["s"] for _, event in server.events if event["b"] == "0123abcd"]
    assert arrived == list(range(60))
    assert any("torn record" in fact["why"] for fact in board.said("error"))
    assert len(board.said("wake")) == 1  # eight at a time, in one connection


def test_a_device_that_the_broker_refuses_keeps_its_records_and_says_why(
    make_board: MakeBoard, broker: Broker, tmp_path: Path
) -> None:
    broker.stop()
    (tmp_path / "acl").write_text("user server\ntopic readwrite rp/1/#\n")  # devices may write nothing
    broker.start()
    board = make_board("level", speed=1.0)
    board.vm.start()
    until(lambda: board.said("sleep"))
    error = board.said("error")[0]
    assert (error["at"], "0x87" in error["why"]) == ("puback", True)
    assert board.vm.pending() == 2


def test_why_a_broker_sends_us_away_is_read_though_the_line_is_cut_behind_it(make_board: MakeBoard) -> None:
    """Who closes with something unread resets the connection: the refusal and the reset arrive together."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        board = make_board("button", speed=1.0, port=door.getsockname()[1])
        board.vm.start()
        visitor = door.accept()[0]
        visitor.recv(1)
        visitor.sendall(b"\x20\x03\x00\x87\x00")
        visitor.close()
        until(lambda: board.said("sleep"))
    assert [fact["why"] for fact in board.said("error")] == ["refused with reason 0x87; records kept"]


def test_a_reserved_address_is_used_in_its_wifi_and_every_other_try_goes_without(
    make_board: MakeBoard, server: Server, broker: Broker, tmp_path: Path
) -> None:
    """Nobody answers under it, as when somebody else has taken it: the next try asks the router for one."""
    reserved = ["192.168.1.50", "255.255.255.0", "192.168.1.1", "192.168.1.1"]
    away = make_board("button", address=["another", *reserved])
    away.vm.start()
    until(lambda: away.said("acked"))
    server.forget_subscription()
    broker.stop()
    board = make_board("button", speed=36_000.0, address=["simulated", *reserved])
    board.vm.start()
    until(lambda: len(board.said("sleep")) >= 3)
    broker.start()
    until(server.is_listening)
    server.answer = "placed"
    until(lambda: board.vm.pending() == 0)
    joins = len(board.said("error"))
    board.vm.press()
    until(lambda: board.said("answer"))
    joined = [(tmp_path / f"board{n}" / "world" / "joined.log").read_text().split() for n in (0, 1)]
    assert set(joined[0]) == {"dhcp"}
    assert joined[1][:joins] == (["192.168.1.50", "dhcp"] * joins)[:joins]
    assert joined[1][-1] == "192.168.1.50"


def test_without_its_settings_a_board_says_so_and_sleeps(make_board: MakeBoard) -> None:
    board = make_board("button")
    (board.vm._flash / "data" / "device.json").write_text("{")
    board.vm.start()
    assert until(lambda: board.said("sleep"))[0]["ms"] == 3_600_000
    assert board.said("error")[0]["at"] == "device"


def test_stop_leaves_no_process(make_board: MakeBoard, server: Server) -> None:
    board = make_board("level", speed=50_000.0)
    board.vm.start()
    until(lambda: board.said("wake"))
    board.vm.stop()
    board.vm.stop()
    world = str(board.light.parent).encode()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            assert world not in environ.read_bytes()
        except OSError:
            continue  # ended meanwhile, or not ours
