"""The demo as a stranger runs it: both journeys end well, and nothing stays behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from replenish_server.fleet.broker import find_mosquitto
from tests.e2e.conftest import need

pytestmark = [pytest.mark.broker, pytest.mark.vm, pytest.mark.timeout(240)]


def _start(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    need("Mosquitto", find_mosquitto() is not None)
    env = {**os.environ, "TMPDIR": str(tmp_path), "REPLENISH_DEMO_MARK": str(tmp_path)}
    command = [sys.executable, "-m", "replenish_server", "demo", *arguments]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _left_behind(tmp_path: Path) -> list[str]:
    """Processes that still carry the demo's mark in their environment, and files in its folder."""
    found = [str(path) for path in tmp_path.iterdir()]
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"REPLENISH_DEMO_MARK={tmp_path}".encode() in environ.read_bytes():
                found.append(environ.parent.name)
        except OSError:
            continue
    return found


def test_until_order_ends_with_both_orders_delivered(tmp_path: Path) -> None:
    """`replenish demo --until-order --json` exits 0 with a level order and a press order delivered."""
    demo = _start(tmp_path, "--until-order", "--timeout", "180", "--json")
    output, _ = demo.communicate(timeout=230)
    result = json.loads(output.splitlines()[-1])
    assert (0, True) == (demo.returncode, result["ok"]), output
    ways = {order["trigger"]: order["states"] for order in result["orders"]}
    done = ["placing", "placed", "shipped", "delivered"]
    assert ["cooling_off", *done] == ways["level"][:5]  # nobody touched it: it can be canceled for a while
    assert done == ways["press"][:4]
    assert [] == _left_behind(tmp_path)


def test_ctrl_c_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    """Interrupted in full swing, the demo ends with status 0 and leaves nothing."""
    demo = _start(tmp_path)
    assert demo.stdout is not None
    for line in demo.stdout:
        if "reads" in line:
            break
    demo.send_signal(signal.SIGINT)
    output, _ = demo.communicate(timeout=60)
    assert 0 == demo.returncode, output
    time.sleep(0.2)
    assert [] == _left_behind(tmp_path)
