"""The watchdog of a simulated board: kills a VM that did not feed it in time. It looks at nothing else."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

_LOOK_S = 0.1


class Watchdog:
    """Runs from `start` to `stop`.

    Args:
        path: the file that the fake `machine.WDT` writes at each feed: its time-out in ms.
        bite: ends the VM.
        scale: real seconds per second of the time-out; below 1 it bites earlier.
    """

    def __init__(self, path: Path, bite: Callable[[], None], scale: float) -> None:
        path.unlink(missing_ok=True)  # until the firmware makes a watchdog, there is none
        self._path = path
        self._bite = bite
        self._scale = scale
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Start; once."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when it no longer bites."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        fed, since = -1, time.monotonic()
        while not self._over.wait(_LOOK_S):
            try:
                stamp, timeout_ms = self._path.stat().st_mtime_ns, int(self._path.read_text())
            except (OSError, ValueError):
                continue
            if stamp != fed:
                fed, since = stamp, time.monotonic()
            elif time.monotonic() - since > timeout_ms / 1000 * self._scale:
                self._bite()
                return
