"""Nothing is lost, whatever fails: one fault after the other, and the power at every flash operation."""

import json
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from device_sim.vm import find_vm
from tests.benchmarks.firmware_net import DEVICE, ROOT, shipped_broker
from tests.support.shipped_broker import ShippedBroker
from tests.support.slow_proxy import SlowProxy
from tests.support.vm_board import PASSWORD, Board, Server, until

PRESSES = 6
SPEED = 600.0
_FAILED_WAKE_MS = 4000


class Scene:
    """A button behind a network, a broker and a server; each part can fail.

    Args:
        folder: for files.
        broker: running.
        way: how the button logs in.
    """

    def __init__(self, folder: Path, broker: ShippedBroker, way: str) -> None:
        self.broker = broker
        self.server: Server = broker.server()
        self.server.answer = "placed"
        self.server.start()
        self.proxy = SlowProxy(broker.ports[way]).start()
        config = {"password": PASSWORD} if way == "plain" else broker.board_config(DEVICE, way)
        config |= {"host": "127.0.0.1", "port": self.proxy.port, "device_id": DEVICE}
        self.board = Board("button", folder, 0, SPEED, **config)
        self.chance = random.Random(20261126)
        self.board.vm.start()
        until(lambda: self.board.said("sleep"))

    def press(self) -> None:
        """Press, and wait until the record is kept."""
        kept = len(self.board.vm.recorded)
        self.board.vm.press()
        until(lambda: len(self.board.vm.recorded) > kept)

    def end(self) -> tuple[int, int, int]:
        """Wait until the board holds nothing more; (recorded, lost, repeats)."""
        until(lambda: self.board.vm.pending() == 0, 120)
        time.sleep(0.2)  # what is still on its way to the server's list
        self.board.vm.stop()
        self.proxy.stop()
        self.server.stop()
        recorded = {(boot, seq) for boot, seq, _ in self.board.vm.recorded}
        repeats = len(self.server.events) - len(self.server.keys())
        return len(recorded), len(recorded - self.server.keys()), repeats


def broker_kill(scene: Scene) -> None:
    """`kill -9` while presses leave."""
    for _ in range(PRESSES):
        scene.press()
        time.sleep(scene.chance.uniform(0, 0.1))
        scene.broker.kill()
        scene.press()
        scene.broker.start()


def device_kill(scene: Scene) -> None:
    """`kill -9` of the VM some milliseconds after each record: the watchdog bites."""
    for _ in range(PRESSES):
        scene.press()
        time.sleep(scene.chance.uniform(0, 0.1))
        scene.board.vm.kill()


def access_point_down(scene: Scene) -> None:
    """No Wi-Fi for as long as the presses last."""
    scene.board.vm.set_wifi(False)
    for _ in range(PRESSES // 2):
        scene.press()
    until(lambda: len(failed_wakes_ms(scene.board.facts)) >= 3)
    scene.board.vm.set_wifi(True)


def network_gone_while_publishing(scene: Scene) -> None:
    """The connection stands and nothing passes any more, from somewhere in the conversation on."""
    for _ in range(PRESSES // 2):
        scene.press()
        time.sleep(scene.chance.uniform(0, 0.02))
        scene.proxy.forwards = False
        asleep = len(scene.board.said("sleep"))
        until(lambda asleep=asleep: len(scene.board.said("sleep")) > asleep)
        scene.proxy.forwards = True
    scene.proxy.forwards = False
    scene.press()
    failed = len(failed_wakes_ms(scene.board.facts))
    until(lambda: len(failed_wakes_ms(scene.board.facts)) > failed + 1)
    scene.proxy.forwards = True


def puback_lost(scene: Scene) -> None:
    """The broker has the press, and its answer never arrives."""
    for _ in range(PRESSES // 2):
        scene.proxy.returns = False
        answers = len(scene.board.said("answer"))
        scene.press()
        until(lambda answers=answers: len(scene.board.said("answer")) > answers)
        scene.proxy.returns = True


FAULTS: tuple[tuple[Callable[[Scene], None], str], ...] = (
    (broker_kill, "psk"),
    (device_kill, "psk"),
    (access_point_down, "psk"),
    (network_gone_while_publishing, "psk"),
    (puback_lost, "plain"),  # over TLS an answer that is lost ends the handshake before any press
)


def fault_rows(row: Any) -> list[dict[str, Any]]:
    """Rows of each fault, of failed wakes, and of power cuts; `row` makes one."""
    rows, awake_ms = [], []
    for fault, way in FAULTS:
        with shipped_broker() as (folder, broker):
            scene = Scene(folder / "board", broker, way)
            fault(scene)
            recorded, lost, repeats = scene.end()
            awake_ms += failed_wakes_ms(scene.board.facts)
        said = f"{recorded} recorded, {repeats} sent more than once and stored once by (b, s)"
        rows.append(row(f"lost_after_{fault.__name__}", lost, "events", "== 0", lost == 0, said))
    worst = max(awake_ms)
    said = f"worst of {len(awake_ms)} wakes by the timer that reached nobody, on the VM"
    rows.append(row("failed_wake_awake", worst, "ms", "<= 4000", worst <= _FAILED_WAKE_MS, said))
    return [*rows, power_cut_row(row)]


def failed_wakes_ms(facts: list[dict[str, Any]]) -> list[int]:
    """How long the board was awake in each wake by the timer that ended in an error of the network."""
    found, cause, failed = [], "", False
    for fact in facts:
        if fact["e"] == "wake":
            cause, failed = fact["cause"], False
        elif fact["e"] == "error":
            failed = True
        elif fact["e"] == "sleep" and failed and cause == "timer":
            found.append(fact["awake"])
    return found


def power_cut_row(row: Any) -> dict[str, Any]:
    """A board's life with a cut in the middle of every operation on its littlefs (device_sim/hardware)."""
    hardware = ROOT / "device_sim" / "hardware"
    ran = subprocess.run(
        [str(find_vm()), str(hardware / "power_cuts.py")],
        env={"MICROPYPATH": f"{hardware}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(ran.stdout.splitlines()[-1].removeprefix("result "))
    lost = result["lost"] + result["conflicts"]
    said = f"{result['cuts']} cuts, RTC memory lost in half of them; at most {result['most_repeats']} repeats"
    name = "lost_after_power_cut_at_every_flash_operation"
    return dict(row(name, lost, "events", "== 0", lost == 0, said))
