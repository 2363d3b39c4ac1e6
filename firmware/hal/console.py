"""The serial console as lines. It never waits: a board that is alone goes on."""

import select
import sys

_LONGEST = 512


class SerialConsole:
    """Standard input: the UART or the USB of a board."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)
        self._typed = ""
        self._ended = False

    def line(self) -> str | None:
        while not self._ended and self._poll.poll(0):
            letter = sys.stdin.read(1)
            if not letter:
                self._ended = True
                return None
            if letter in "\r\n":
                typed, self._typed = self._typed, ""
                if typed:
                    return typed
            else:
                self._typed = (self._typed + letter)[-_LONGEST:]
        return None
