"""What a board recorded outlives a power cut at every single operation on its flash."""

import json
import subprocess
from pathlib import Path

import pytest

from device_sim.vm import find_vm

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "device_sim" / "hardware" / "power_cuts.py"

pytestmark = [pytest.mark.vm, pytest.mark.timeout(120)]


def test_a_power_cut_at_every_flash_operation_loses_nothing() -> None:
    ran = subprocess.run(
        [str(find_vm()), str(PROGRAM)],
        env={"MICROPYPATH": f"{ROOT / 'device_sim' / 'hardware'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    last = ran.stdout.splitlines()[-1]
    assert last.startswith("result ")
    result = json.loads(last.removeprefix("result "))
    assert result["cuts"] >= 60
    assert (result["lost"], result["conflicts"]) == (0, 0)
