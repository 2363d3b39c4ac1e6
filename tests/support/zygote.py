"""A server process in a tenth of a second: a parent that has imported everything forks one per start.

Importing the server takes two seconds, and the laws start it some hundred times. What is forked is the whole
server, or another function, in a process of its own; `kill -9` of it is a true process death.
"""

import ctypes
import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path

_PR_SET_PDEATHSIG = 1


class Zygote:
    """The parent process; ends with this one."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def fork(self, env: dict[str, str], log: Path, run: str = "") -> "ForkedServer":
        """Start one server with this environment, or `run`, a "module:function"; its output goes to `log`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"env": env, "log": str(log), "run": run}) + "\n")
        self._process.stdin.flush()
        return ForkedServer(int(self._process.stdout.readline()), log)

    def close(self) -> None:
        """End the parent."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()


class ForkedServer:
    """One forked server; has the shape of `device_sim.process.Child`."""

    def __init__(self, pid: int, log: Path) -> None:
        self.name, self.pid, self.log = "server", pid, log

    def running(self) -> bool:
        """Whether it still runs."""
        try:
            state = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
        return state not in "ZX"

    def kill(self) -> None:
        """`kill -9`."""
        if self.running():
            os.kill(self.pid, signal.SIGKILL)

    def stop(self) -> None:
        """The laws never end a server gently."""
        self.kill()

    def last_words(self) -> str:
        """The end of its output."""
        return self.log.read_text(errors="replace")[-1500:]


def _serve(env: dict[str, str], log: str, run: str) -> None:
    """In the child: become a server, or run what was named."""
    import logging

    from replenish_server.serve import run_server
    from replenish_server.settings import Settings

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number in (1, 2):
        os.dup2(output, number)
    os.environ.update(env)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", force=True)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    if run:
        module, _, function = run.partition(":")
        getattr(importlib.import_module(module), function)()
    else:
        run_server(Settings())


def _main() -> None:
    import numpy  # noqa: F401 - imported for the children

    import replenish_server.app  # noqa: F401

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps what was killed
    for line in sys.stdin:
        wish = json.loads(line)
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                _serve(wish["env"], wish["log"], wish["run"])
            except BaseException:  # noqa: BLE001 - nobody above would say what it was
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _main()
