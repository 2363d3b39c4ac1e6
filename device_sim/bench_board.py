"""A board on a maker's bench: a pseudo-terminal with the real MicroPython VM behind it, flash and all.

It starts what lies on its flash, as a board does, and speaks the raw REPL (hardware/raw_repl.py), so that
mpremote works on it. It knows nothing of what is flashed.
"""

import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import termios
import threading
from dataclasses import asdict
from pathlib import Path

from device_sim.clock import SimClock
from device_sim.hardware.flash_chip import FlashChip
from device_sim.vm import HARDWARE, RESET_EXIT, SLEEP_EXIT, find_vm
from device_sim.world import World, pin_numbers


class BenchBoard:
    """One board; it has power from `start()` to `stop()`.

    Args:
        folder: made when missing; holds flash and world.
        zero: what its load cell counts without a load.
        counts_per_kg: and what a kilogram adds.
        frozen: a folder whose modules count as part of its image; None for an image of MicroPython alone.
    """

    def __init__(
        self, folder: Path, zero: int = 84_000, counts_per_kg: int = 420_000, frozen: Path | None = None
    ) -> None:
        self._frozen = frozen
        self.flash = folder.resolve() / "flash"
        self._world_folder = folder.resolve() / "world"
        for made in (self.flash, self._world_folder):
            made.mkdir(parents=True, exist_ok=True)
        self._world = World(str(SimClock.started_now(1.0)), pin_numbers(), zero, counts_per_kg, wave=[])
        self._lock = threading.Lock()
        self._awake = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._inner, self._console = pty.openpty()  # between the relay and the VM
        self._outer, self._socket = pty.openpty()  # between the relay and a tool
        _make_raw(self._console, interrupts=True)
        _make_raw(self._socket, interrupts=False)
        self.port = os.ttyname(self._socket)
        """What to connect to."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._relay = threading.Thread(target=self._carry, daemon=True)

    def start(self) -> None:
        """Give it power."""
        self._write_world()
        self._relay.start()
        self._thread.start()

    def stop(self) -> None:
        """Take the power away."""
        self._stopping = True
        self._awake.set()
        self._kill()
        self._thread.join()
        self._relay.join()
        for end in (self._inner, self._console, self._outer, self._socket):
            os.close(end)

    def press_reset(self) -> None:
        """Press its reset button."""
        self._awake.set()
        self._kill()

    def set_load_g(self, load_g: float) -> None:
        """Put this many grams on its load cell."""
        self._world.load_g = load_g
        self._write_world()

    def pulse(self, count: int) -> None:
        """Send pulses to its counter."""
        self._world.pulses += count
        self._write_world()

    def _run(self) -> None:
        while not self._stopping:
            self._awake.clear()
            termios.tcflush(self._console, termios.TCIFLUSH)  # nobody heard what was typed in its sleep
            chip = FlashChip(str(self._world_folder), True)
            (self._world_folder / "running").write_text(chip.boot(False))
            chip.close()
            with self._lock:
                self._process = subprocess.Popen(
                    [str(find_vm()), "-c", "import raw_repl; raw_repl.main()"],
                    cwd=self.flash,
                    env=self._environment(),
                    stdin=self._console,
                    stdout=self._console,
                    stderr=self._console,
                    start_new_session=True,
                    preexec_fn=_own_terminal,  # noqa: PLW1509 - one system call, no locks, no allocation
                )
            code = self._process.wait()
            if code == SLEEP_EXIT:
                asked = json.loads((self._world_folder / "sleep.json").read_text())
                self._awake.wait(asked["ms"] / 1000)
            elif code != RESET_EXIT and not self._stopping:
                self._awake.wait(0.2)

    def _environment(self) -> dict[str, str]:
        known = {"MICROPYPATH": f"{HARDWARE}:.", "RP_WORLD": str(self._world_folder)}
        if self._frozen is not None:  # on a board, too, files go before what is in the image
            known |= {"MICROPYPATH": f"{HARDWARE}:.:{self._frozen}", "RP_FROZEN": "1"}
        return known

    def _carry(self) -> None:
        """Bytes from the tool to the VM and back, as a cable does."""
        other = {self._inner: self._outer, self._outer: self._inner}
        while not self._stopping:
            for end in select.select([self._inner, self._outer], [], [], 0.1)[0]:
                os.write(other[end], os.read(end, 4096))

    def _kill(self) -> None:
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)

    def _write_world(self) -> None:
        unfinished = self._world_folder / "world.json.tmp"
        unfinished.write_text(json.dumps(asdict(self._world)))
        unfinished.replace(self._world_folder / "world.json")


def _make_raw(terminal: int, interrupts: bool) -> None:
    """No echo, no lines; Ctrl-C is a signal to the VM, which throws nothing away that follows it."""
    mode = termios.tcgetattr(terminal)
    mode[0] = mode[1] = 0
    mode[3] = (termios.ISIG | termios.NOFLSH) if interrupts else 0
    mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
    for key in (termios.VQUIT, termios.VSUSP):
        mode[6][key] = b"\0"
    termios.tcsetattr(terminal, termios.TCSANOW, mode)


def _own_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
