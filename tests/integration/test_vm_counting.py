"""Water meter and page counter: the real firmware in the real MicroPython VM, against a real Mosquitto."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.snmp_printer import SnmpPrinterAgent
from tests.support.vm_board import PASSWORD, Board, Broker, Server, until

pytestmark = [pytest.mark.broker, pytest.mark.vm, pytest.mark.timeout(90)]

SPEED = 60.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    broker = Broker(tmp_path)
    broker.start()
    running = Server(broker.port)
    running.start()
    yield running
    running.stop()
    broker.stop()


@pytest.fixture
def make_board(tmp_path: Path, server: Server) -> Iterator[Callable[..., Board]]:
    boards: list[Board] = []

    def make(kind: str, **config: Any) -> Board:
        boards.append(Board(kind, tmp_path / "board", server._port, SPEED, **config))
        return boards[-1]

    yield make
    for board in boards:
        board.vm.stop()
        assert PASSWORD not in json.dumps(board.facts)


MakeBoard = Callable[..., Board]


def totals(server: Server) -> list[int]:
    """Every total told, once, in the order of its boot and sequence."""
    seen: dict[tuple[str, int], int] = {}
    for event in server.of_type("usage"):
        seen.setdefault((event["b"], event["s"]), event["n"])
    return list(seen.values())


def settled(board: Board, total: int) -> bool:
    """Whether the flash file holds this total."""
    try:
        return bool(json.loads((board.vm._flash / "data" / "total.json").read_text())["total"] == total)
    except (OSError, ValueError):
        return False


def test_totals_survive_a_crash_and_a_power_cut(make_board: MakeBoard, server: Server) -> None:
    board = make_board("flow")
    board.vm.start()
    until(lambda: server.of_type("hello"))
    board.vm.pulse(4500)  # ten litres
    until(lambda: totals(server) == [10_000])
    boot = server.of_type("usage")[0]["b"]
    board.vm.pulse(900)  # two more: saved, not told
    until(lambda: settled(board, 12_000))
    counting = board.vm._world_folder / "counting"
    counting.unlink()
    board.vm.kill()  # the watchdog: RTC memory and the boot id stay
    until(counting.exists)
    board.vm.pulse(1800)
    until(lambda: len(totals(server)) == 2)
    assert totals(server)[1] == 16_000
    assert {event["b"] for event in server.of_type("usage")} == {boot}
    board.vm.pulse(900)
    until(lambda: settled(board, 18_000))
    counting.unlink()
    board.vm.power_cut()  # another boot: its total begins with the two litres that nobody was told of
    until(lambda: len(board.said("boot")) == 2)
    until(counting.exists)
    board.vm.pulse(1800)
    until(lambda: len(totals(server)) == 3)
    assert totals(server)[2] == 6000
    assert server.of_type("usage")[-1]["b"] != boot


def test_the_calibration_comes_from_the_twin(make_board: MakeBoard, server: Server) -> None:
    server.say("d1", "desired", {"v": 1, "rev": 4, "cfg": {"pulses_per_l": 100}}, retain=True)
    board = make_board("flow")
    board.vm.start()
    until(lambda: board.said("desired"))
    board.vm.pulse(1000)
    until(lambda: totals(server) == [10_000])
    until(lambda: any(report["rev"] == 4 for report in server.reports))
    assert server.reports[-1]["cfg"]["pulses_per_l"] == 100


def test_a_new_filter_is_told_by_holding_the_button(make_board: MakeBoard, server: Server) -> None:
    board = make_board("flow", slots={"main": {"capacity": 100_000}})
    board.vm.start()
    until(lambda: server.of_type("hello"))
    board.vm.pulse(450)
    board.vm.hold(True)
    until(lambda: server.of_type("refill"))
    time.sleep(0.5)
    board.vm.hold(False)
    told = [(event["t"], event["n"]) for _, event in server.events if event["t"] in ("usage", "refill")]
    assert list(dict.fromkeys(told)) == [("usage", 1000), ("refill", 100_000)]
    assert len(board.said("refill")) == 1  # once for each time it is held


def test_a_burst_is_said_at_once(make_board: MakeBoard, server: Server) -> None:
    server.say(
        "d1", "desired", {"v": 1, "rev": 1, "cfg": {"burst_ml_min": 1000, "burst_min": 1}}, retain=True
    )
    board = make_board("flow")
    board.vm.start()
    until(lambda: board.said("desired"))

    def alarmed() -> bool:
        board.vm.pulse(4500)
        return any(event["h"].get("alarm") == "burst" for event in server.of_type("hello"))

    until(alarmed)
    assert board.said("alarm")[0]["what"] == "burst"


def test_a_printer_says_what_remains_and_how_finely(make_board: MakeBoard, server: Server) -> None:
    printer = SnmpPrinterAgent()
    printer.loses, printer.noisy = 1, True
    printer.levels = {2: (63, 100), 3: (-3, 100), 4: (1, 3)}
    printer.start()
    slots = {
        "black": {"capacity": 2500},
        "cyan": {"capacity": 1200, "supply": 2},
        "magenta": {"capacity": 1200, "supply": 3},
        "yellow": {"capacity": 1200, "supply": 4},
    }
    wish = {"supply_s": 300, "report_pages": 5, "page_ms": 50}
    server.say("d1", "desired", {"v": 1, "rev": 1, "cfg": wish}, retain=True)
    board = make_board("pages", slots=slots, printer="127.0.0.1", printer_port=printer.port)
    board.vm.start()
    until(lambda: len(server.of_type("level")) >= 3)
    said = {event["k"]: event for event in server.of_type("level")}
    # One answer alone shows no steps: 63 of 100 could be all this printer ever says.
    assert (said["cyan"]["n"], said["cyan"]["q"]) == (756, "coarse")
    assert (said["magenta"]["q"], "n" in said["magenta"]) == ("unknown", False)
    assert (said["yellow"]["n"], said["yellow"]["q"], said["yellow"]["h"]) == (400, "coarse", {"res": 400})
    printer.levels[2] = (62, 100)
    until(lambda: any(event.get("n") == 744 for event in server.of_type("level")))
    fine = next(event for event in server.of_type("level") if event.get("n") == 744)
    assert (fine["k"], fine["q"], fine["h"]) == ("cyan", "ok", {"res": 12})
    for _ in range(20):
        board.vm.pulse(1)
        time.sleep(0.06)
    until(lambda: server.of_type("usage"))
    assert {event["k"] for event in server.of_type("usage")} == {"black"}
    printer.stop()


def test_two_slots_on_one_pulse_input_are_refused(make_board: MakeBoard) -> None:
    board = make_board("pages", slots={"black": {"capacity": 1}, "cyan": {"capacity": 1}})
    board.vm.start()
    assert until(lambda: board.said("sleep"))[0]["ms"] == 3_600_000
    assert "one pulse input" in board.said("error")[0]["why"]
