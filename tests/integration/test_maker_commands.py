"""A board on the table: the real mpremote on a terminal, with the real firmware in the real VM behind it."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from device_sim import images
from device_sim.bench_board import BenchBoard
from device_sim.vm import ROOT
from replenish_server.cli.main import app
from replenish_server.fleet.authority import Authority
from replenish_server.maker import calibration, flashing
from replenish_server.maker.board import Board, BoardError
from replenish_server.maker.image import check_bytecode, compile_firmware

pytestmark = [pytest.mark.vm, pytest.mark.timeout(120)]

LEVEL = {"kind": "level", "capacity_g": 1500, "setup_name": "Replenish test", "setup_key": "labelled-8"}


@pytest.fixture(scope="module")
def image() -> dict[str, bytes]:
    """Compiled once."""
    return compile_firmware()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BenchBoard]:
    """A board with power and, at first, an empty flash; every test flashes it or finds it flashed."""
    board = BenchBoard(tmp_path_factory.mktemp("bench"))
    board.start()
    yield board
    board.stop()


def on_flash(bench: BenchBoard) -> dict[str, bytes]:
    """What lies there, by path."""
    return {
        str(path.relative_to(bench.flash)): path.read_bytes()
        for path in bench.flash.rglob("*")
        if path.is_file()
    }


def test_a_cut_half_way_leaves_no_program_and_the_next_flash_finishes(
    bench: BenchBoard, image: dict[str, bytes]
) -> None:
    """The cable is pulled while files are written; a few files are enough to see it."""
    few = {path: content for path, content in image.items() if path.count("/") == 1 or "/" not in path}
    with Board(bench.port) as board:
        board.interrupt(30)

        def cut(done: int, of: int) -> None:
            if done == of // 2:
                raise OSError("pulled")

        changed = {path: content + b" " for path, content in few.items()}
        flashing.flash(board, few, LEVEL, renew=False)
        with pytest.raises(OSError, match="pulled"):
            flashing.flash(board, changed, LEVEL, renew=False, progress=cut)
    assert not {"main.py", "boot.py"} & on_flash(bench).keys()
    with Board(bench.port) as board:
        board.interrupt(30)
        flashing.flash(board, few, LEVEL, renew=False)
    assert few.items() <= on_flash(bench).items()


def test_a_board_is_flashed_started_and_flashed_again(bench: BenchBoard, image: dict[str, bytes]) -> None:
    """Only what differs is written; calibration, label and identity stay until somebody says --new."""
    with Board(bench.port) as board:
        board.interrupt(30)
        assert flashing.flash(board, image, LEVEL, renew=False).removed == 0
        board.reset()
        assert next(board.lines(30))["e"] == "setup"  # the new firmware runs, and listens
        calibration_found = {"zero": 84_000, "counts_per_kg": 420_000}
        board.interrupt(30)
        calibration.write_factory(board, dict(calibration_found))
        board.write("data/device.json", b'{"id":"jug-1"}')
        board.write("firmware/core/gone.mpy", b"of an older firmware")
        again = flashing.flash(board, image, LEVEL | {"setup_key": "another"}, renew=False)
        assert (again.written, again.removed, again.known) == (2, 1, "jug-1")
        kept = json.loads(on_flash(bench)["data/factory.json"])
        assert kept == LEVEL | calibration_found
        assert flashing.flash(board, image, LEVEL, renew=True).known == ""
    found = on_flash(bench)
    assert {path: content for path, content in found.items() if path.partition("/")[0] != "data"} == image
    assert set(found) - set(image) == {"data/factory.json"}


def test_an_image_that_holds_the_firmware_is_not_hidden_by_files(
    tmp_path: Path, image: dict[str, bytes], bench: BenchBoard
) -> None:
    """Only settings are written to it, and what hid it goes: else no update of it would ever run."""
    with Board(bench.port) as board:
        board.interrupt(30)
        assert not flashing.is_frozen(board)  # although its file system holds all of it
    built = BenchBoard(tmp_path, frozen=images.tree(tmp_path / "image", ROOT, {}))
    built.start()
    try:
        with Board(built.port) as board:
            board.interrupt(60, built.press_reset)
            assert flashing.is_frozen(board)
            board.make_folders(["firmware"])
            for path in ("firmware/wake.mpy", "main.py", "boot.py"):
                board.write(path, image[path])
            assert flashing.is_frozen(board)
            done = flashing.flash(board, {}, LEVEL, renew=False)
            assert (done.written, done.kept, done.removed, done.known) == (0, 0, 1, "")
            assert board.files("firmware") == []
            board.reset()
            assert next(board.lines(30))["e"] == "setup"  # from the image, with these settings
            board.interrupt(60, built.press_reset)
            assert calibration.kind_of(board) == ("level", "")
        assert on_flash(built) == {}  # all of it lies in the data partition
    finally:
        built.stop()


def test_sensors_are_calibrated_where_they_are(bench: BenchBoard) -> None:
    """Weight, litres, pages; what cannot be is refused with what to do."""
    with Board(bench.port) as board:
        board.interrupt(30)
        bench.set_load_g(0)
        empty = calibration.measure_counts(board, "")
        with pytest.raises(BoardError, match="heavier load"):
            calibration.level_factors(empty, calibration.measure_counts(board, ""), 1000)
        bench.set_load_g(1000)
        zero, slope = calibration.level_factors(empty, calibration.measure_counts(board, ""), 1000)
        assert (abs(zero - 84_000) < 1000, abs(slope - 420_000) < 2000) == (True, True)
        calibration.count_pulses(board)
        bench.pulse(3912)
        assert calibration.flow_factor(calibration.pulses_counted(board), 10) == 391
        with pytest.raises(BoardError, match="arrow"):
            calibration.flow_factor(calibration.pulses_counted(board), 10)
        bench.pulse(20)
        assert calibration.page_factor(calibration.pulses_counted(board), 10) == 2
        with pytest.raises(BoardError, match="no pulse came"):
            calibration.page_factor(0, 10)
        with pytest.raises(BoardError, match="whole number"):
            calibration.page_factor(25, 10)


class Hands(io.RawIOBase):
    """A person who does what is asked, then presses Enter."""

    def __init__(self, *acts: Callable[[], None]) -> None:
        self._acts = list(acts)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._acts:
            return 0
        self._acts.pop(0)()
        buffer[:1] = b"\n"
        return 1


def test_the_command_guides_through_tare_and_a_known_weight(
    bench: BenchBoard, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The factors end up in the board's own settings."""
    hands = Hands(lambda: bench.set_load_g(0), lambda: bench.set_load_g(500))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(hands, 1)))
    app(["device", "calibrate", "--port", bench.port, "--amount", "500"], standalone_mode=False)
    assert "Put the empty container on the sensor" in capsys.readouterr().out
    factory = json.loads(on_flash(bench)["data/factory.json"])
    assert abs(factory["counts_per_kg"] - 420_000) < 4000


def test_without_a_board_the_command_says_what_to_do(tmp_path: Path) -> None:
    """A port that is none; a bytecode that the board cannot read; no certificate authority."""
    ran = CliRunner().invoke(app, ["device", "calibrate", "--port", str(tmp_path / "none")])
    assert ran.exit_code == 2
    assert "cannot be opened" in ran.output
    assert "dialout" in ran.output
    with pytest.raises(BoardError, match="bytecode 5"):
        check_bytecode(0x0105)
    env = {"REPLENISH_DATA_DIR": str(tmp_path)}
    ran = CliRunner().invoke(app, ["device", "flash", "level", "--capacity", "1"], env=env)
    assert (ran.exit_code, "replenish ca init" in ran.output) == (2, True)
    Authority(tmp_path / "ca").init(["localhost"])
    told = ["device", "flash", "button", "--server", "localhost", "--port", str(tmp_path / "none")]
    ran = CliRunner().invoke(app, told, env=env)
    assert "no household" in ran.output  # before the board is looked for, let alone written to
    for wrong in (
        "192.168.1.50",
        "192.168.1.50/24,10.0.0.1",
        "192.168.1.50/24,192.168.1.50",
        "x/24,192.168.1.1",
    ):
        ran = CliRunner().invoke(app, [*told, "--ssid", "home", "--address", wrong], env=env)
        assert (ran.exit_code, "gateway" in ran.output.lower()) == (2, True)
    ran = CliRunner().invoke(app, [*told, "--address", "192.168.1.50/24,192.168.1.1"], env=env)
    assert "--ssid" in ran.output  # an address belongs to a Wi-Fi
    ran = CliRunner().invoke(app, ["device", "flash", "kettle"], env=env)
    assert (ran.exit_code, "unknown kind" in ran.output) == (2, True)
