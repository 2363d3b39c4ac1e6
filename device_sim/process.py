"""Child processes of a simulation: they end with it, whatever ends it, and their output goes to a file."""

import contextlib
import ctypes
import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


# Below what Linux gives to connections by itself (32,768 on): who restarts finds its port free again.
_PORTS = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """TCP ports on loopback that nobody listens on now; all different."""
    found: list[int] = []
    while len(found) < count:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in found:
                found.append(port)
    return found


class Child:
    """A process in a group of its own; it dies with the thread that starts it, so let that one last.

    Args:
        name: for messages.
        command: program and arguments.
        log: where its output goes.
        env: its whole environment.
    """

    def __init__(self, name: str, command: Sequence[str], log: Path, env: Mapping[str, str]) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env),
                start_new_session=True,  # Ctrl-C in the terminal reaches us alone; we end the children
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one libc call, no locks, no allocation
            )

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def running(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def stop(self, patience_s: float = 8.0) -> None:
        """Ask it to end, then make it."""
        for wanted in (signal.SIGTERM, signal.SIGKILL):
            if not self.running():
                return
            try:
                os.killpg(self._process.pid, wanted)
            except ProcessLookupError:
                return
            try:
                self._process.wait(timeout=patience_s)
            except subprocess.TimeoutExpired:
                continue

    def last_words(self) -> str:
        """The end of its output, for an error message."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-1500:]


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
