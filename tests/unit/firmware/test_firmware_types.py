"""Every name that the firmware uses exists on a board: strict mypy against the ESP32 stubs."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
STUBS = ("micropython-esp32-stubs", "micropython-stdlib-stubs")


@pytest.fixture(scope="module")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stubs alone: mypy refuses site-packages as a place for stubs."""
    folder = tmp_path_factory.mktemp("stubs")
    for name in STUBS:
        for file in distribution(name).files or []:
            if file.suffix == ".pyi" or file.name == "VERSIONS":
                target = folder / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(file.locate()), target)
    return folder


def check(stubs: Path, *more: str) -> list[str]:
    """What mypy finds in our own files."""
    ran = subprocess.run(
        [
            sys.executable, "-m", "mypy", "--config-file", "firmware/mypy.ini",
            "--custom-typeshed-dir", str(stubs), "--cache-dir", str(stubs / "cache"), *more,
        ],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": str(stubs)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    return [line for line in ran.stdout.splitlines() if ": error:" in line and str(stubs) not in line]


def test_the_firmware_uses_only_what_a_board_has(stubs: Path) -> None:
    found = check(stubs)
    assert not found, "\n".join(found)


def test_the_check_sees_a_name_that_no_board_has(stubs: Path, tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text(
        "import machine, network, time\nmachine.Pin(1).toggel()\nnetwork.WLAN.STA\ntime.monotonic()\n"
    )
    assert len(check(stubs, str(planted))) == 3
