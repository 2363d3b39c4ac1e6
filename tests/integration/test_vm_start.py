"""A board that always comes back: damaged file system, errors at every stage, endless loops, safe mode."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from device_sim import images
from device_sim.vm import ROOT
from tests.support.vm_board import Board, Broker, Server, until

pytestmark = [pytest.mark.broker, pytest.mark.vm, pytest.mark.timeout(90)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    broker = Broker(tmp_path_factory.mktemp("broker"))
    broker.start()
    running = Server(broker.port)
    running.start()
    yield running
    running.stop()
    broker.stop()


@pytest.fixture
def make_board(tmp_path: Path, server: Server) -> Iterator[Callable[..., Board]]:
    boards: list[Board] = []
    server.events.clear()

    def make(kind: str, changes: dict[str, str] | None = None, speed: float = 7200.0, **config: Any) -> Board:
        board = Board(kind, tmp_path / f"board{len(boards)}", server._port, speed, **config)
        if changes:
            board.vm.firmware_root = images.tree(tmp_path / f"tree{len(boards)}", ROOT, changes)
        boards.append(board)
        return board

    yield make
    for board in boards:
        board.vm.stop()
    server.say("d1", "desired", "", retain=True)


MakeBoard = Callable[..., Board]


def life(board: Board) -> dict[str, Any]:
    """What the board keeps of its own starts."""
    saved = board.light.parent / "nvs.json"
    kept = json.loads(saved.read_text()) if saved.exists() else {}
    return dict(json.loads(bytes.fromhex(kept.get("life", b"{}".hex()))))


def test_a_damaged_file_system_is_made_anew_and_told(make_board: MakeBoard, server: Server) -> None:
    board = make_board("level", littlefs=True)
    board.vm.set_load_g(1000)
    board.vm.start()
    until(lambda: server.of_type("level"))
    until(lambda: board.said("sleep"))
    assert life(board) == {}
    board.vm.damage_files()
    board.vm.power_cut()
    until(lambda: any(event["h"].get("fault") == "flash" for event in server.of_type("hello")))
    assert ["made anew" in fact["why"] for fact in board.said("error")] == [True]
    until(lambda: life(board) == {})  # told, so forgotten
    assert len({event["b"] for event in server.of_type("level")}) == 2  # and it goes on measuring


PLANTED = {
    "import": ("firmware/app/level.py", "raise ValueError('planted')\n"),
    "syntax": ("firmware/app/node.py", "def :\n"),
    "start": ("firmware/hal/board.py", "raise MemoryError\n"),
    "count": ("firmware/app/guard.py", "1 // 0\n"),
}


@pytest.mark.parametrize("stage", list(PLANTED))
def test_an_error_at_any_stage_of_a_start_ends_in_sleep_or_reset(make_board: MakeBoard, stage: str) -> None:
    path, text = PLANTED[stage]
    board = make_board("level", {path: text})
    board.vm.start()
    until(lambda: len(board.said("wake")) >= 3)
    assert {fact["cause"] for fact in board.said("wake")} <= {"power", "timer", "reset"}
    assert not board.said("exit")  # never the console


def test_five_failed_boots_lead_to_safe_mode_which_reports(make_board: MakeBoard, server: Server) -> None:
    board = make_board(
        "level", {"firmware/core/tracker.py": "def track(*_):\n    raise ValueError('planted')\n"}
    )
    board.vm.start()
    hello = until(lambda: [each for each in server.of_type("hello") if each["h"].get("mode") == "safe"])[0]
    assert len(board.said("wake")) == 6
    assert [fact["why"] for fact in board.said("error")] == ["ValueError: planted"] * 5
    waits = [fact["ms"] for fact in board.said("sleep")]
    assert waits[0] < waits[4] <= 3_600_000  # backing off
    assert hello["h"]["fw"]


def test_the_watchdog_ends_an_endless_loop(make_board: MakeBoard) -> None:
    loop = "def track(*_):\n    while True:\n        pass\n"
    board = make_board("level", {"firmware/core/tracker.py": loop}, watchdog_scale=0.01)
    board.vm.start()
    until(lambda: life(board).get("failed") == 3)  # the third start of the same
    assert [fact["cause"] for fact in board.said("wake")] == ["power", "crash", "crash"]


def test_network_settings_that_lead_nowhere_are_left_and_good_ones_kept(
    make_board: MakeBoard, server: Server
) -> None:
    board = make_board("level", speed=36_000.0)
    server.reports.clear()
    board.vm.start()
    until(lambda: server.reports)
    nowhere = {"ssid": "elsewhere", "key": "12345678"}
    server.say("d1", "desired", {"v": 1, "rev": 1, "net": nowhere}, retain=True)
    until(lambda: server.reports[-1].get("net") == {"state": "reverted", "why": "no answer in two tries"})
    assert [fact["state"] for fact in board.said("network")] == ["trial", "trial", "trial", "reverted"]
    assert server.reports[-1]["rev"] == 1
    assert {"net": {"state": "trial"}} in [{"net": report.get("net")} for report in server.reports]
    # The access point is renamed, after the board was told so.
    server.say("d1", "desired", {"v": 1, "rev": 2, "net": nowhere | {"ssid": "renamed"}}, retain=True)
    until(lambda: board.said("network")[-1]["state"] == "trial")
    board.vm.set_network("renamed", "12345678")
    until(lambda: server.reports[-1].get("net") == {"state": "kept"})
    board.vm.power_cut()
    until(lambda: len([fact for fact in board.said("wake") if fact["cause"] == "power"]) == 2)
    seen = len(server.events)
    until(lambda: len(server.events) > seen)
    assert "12345678" not in json.dumps([board.facts, server.reports])


def test_a_low_battery_is_spared_and_an_empty_one_writes_and_sends_nothing(
    make_board: MakeBoard, server: Server
) -> None:
    board = make_board("level")
    board.vm.set_load_g(1500)
    board.vm.set_battery_mv(2200)
    board.vm.start()
    until(lambda: board.said("sleep"))
    assert board.said("sleep")[0]["ms"] >= 7_200_000
    (hello,) = server.of_type("hello")
    assert (hello["h"]["mode"], hello["h"]["next"]) == ("sparing", 86_400)
    board.vm.set_battery_mv(1900)
    until(lambda: board.said("sleep")[-1]["ms"] == 86_400_000)
    assert board.said("wake")[-1]["cause"] == "timer"
    assert len(server.of_type("level")) == 1
