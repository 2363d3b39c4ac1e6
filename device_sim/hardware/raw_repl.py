"""The console of a board as tools speak it: start files, friendly REPL, raw REPL, raw paste; in MicroPython.

Source: MicroPython's documentation, "The MicroPython Interactive Interpreter Mode" (raw and raw-paste mode).
It runs in the VM on a terminal whose Ctrl-C is a signal, as a board's UART makes it an interrupt.
"""

import os
import sys

import micropython

_WINDOW = 128
_BANNER = b"raw REPL; CTRL-B to exit\r\n>"


def main():
    names = {}
    _start(names)
    while True:
        if _friendly():
            names = _raw(names)
        else:
            _say(b"MPY: soft reboot\r\n")
            names = {}
            _start(names)


def _start(names):
    """Run boot.py and main.py, of the image first; Ctrl-C ends them, a reset or deep sleep the process."""
    names["__name__"] = "__main__"
    if os.getenv("RP_FROZEN"):
        micropython.kbd_intr(-1)  # a chip, too, lets nobody interrupt this part
        _execute("import firmware._boot, firmware.boot", names)
        micropython.kbd_intr(3)
        _execute(
            "import time\ntime.sleep(1)\nimport firmware.main\nfirmware.main.main()", names
        )  # as a chip takes
        return
    for file in ("boot.py", "main.py"):
        if file in os.listdir():
            with open(file) as source:
                _execute(source.read(), names)


def _friendly():
    """Wait for Ctrl-A (True) or Ctrl-D (False)."""
    while True:
        try:
            _say(b"\r\n>>> ")
            while True:
                letter = _read()
                if letter == b"\x01":
                    return True
                if letter == b"\x04":
                    return False
        except KeyboardInterrupt:
            pass  # it came beside a letter, not instead of one


def _raw(names):
    said = False
    while True:
        try:
            if not said:
                said = True
                _say(_BANNER)
            done = _take_raw(names)
            if done is None:
                return names
            names = done
        except KeyboardInterrupt:
            pass  # likewise; what was typed so far is gone, as on a board


def _take_raw(names):
    """Do what comes until a soft reset, whose clean names it returns; None when raw mode ends."""
    typed = b""
    while True:
        letter = _read()
        if letter == b"\x02":
            return None
        if letter == b"\x01":
            _say(_BANNER)
            typed = b""
        elif letter == b"\x03":
            typed = b""
        elif letter == b"\x05" and not typed:
            typed = _paste()
            _answer(typed, names)
            typed = b""
        elif letter == b"\x04" and not typed:
            _say(b"OK\r\nMPY: soft reboot\r\n")
            _say(_BANNER)
            return {"__name__": "__main__"}
        elif letter == b"\x04":
            _say(b"OK")
            _answer(typed, names)
            typed = b""
        else:
            typed += letter


def _paste():
    """A program with flow control: the other side sends a window, and another for each answer."""
    if _read() + _read() != b"A\x01":
        return b""
    _say(b"R\x01" + _WINDOW.to_bytes(2, "little") + b"\x01")
    typed = b""
    while True:
        letter = _read()
        if letter == b"\x04":
            _say(b"\x04")
            return typed
        typed += letter
        if len(typed) % _WINDOW == 0:
            _say(b"\x01")


def _answer(typed, names):
    error = _execute(typed.decode(), names, quiet=True)
    _say(b"\x04")
    if error is not None:
        sys.print_exception(error)
    _say(b"\x04>")


def _execute(source, names, quiet=False):
    try:
        exec(source, names)  # noqa: S102 - it is what a REPL does
    except SystemExit:
        raise
    except (Exception, KeyboardInterrupt) as error:
        if not quiet:
            sys.print_exception(error)
        return error
    return None


def _read():
    while True:
        try:
            letter = sys.stdin.buffer.read(1)
        except KeyboardInterrupt:
            return b"\x03"
        if not letter:
            sys.exit(0)
        return letter


def _say(content):
    sys.stdout.buffer.write(content)
