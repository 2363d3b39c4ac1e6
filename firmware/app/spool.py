"""Where records are until the server has them: in RTC memory during a wake, then in one small file each.

It owns both places and says `recorded` once a record outlives a power cut, or once the server has it. It
never decides that a record was delivered, and never talks to the network.
"""

import json

from firmware.app.console import say, say_error
from firmware.core import queue
from firmware.core.ring import Ring

if __debug__:
    from firmware.const import const

_TYPES = const(False)
if _TYPES:
    from collections.abc import Callable

    from firmware.app.ports import Files


class Spool:
    """All records of one device.

    Args:
        files: the folder on flash.
        ring: what RTC memory still holds of a wake that did not end well.
        keep: keeps the ring's present content in RTC memory.
    """

    def __init__(self, files: "Files", ring: Ring, keep: "Callable[[], None]") -> None:
        self._files = files
        self._ring = ring
        self._keep = keep

    def names(self) -> list[str]:
        """Names of all records, oldest first."""
        found = set(self._ring.records)
        found.update(name for name in self._files.names() if queue.parse_name(name))
        return sorted(found)

    def read(self, name: str) -> bytes | None:
        """Content of a record, or None."""
        return self._ring.records.get(name) or self._files.read(name)

    def add(self, name: str, content: bytes, lasting: bool) -> None:
        """Take a record.

        Args:
            name: its name.
            content: of at most `ring.LONGEST` bytes, or it goes to flash.
            lasting: to flash at once, because nothing that comes later would say the same.
        """
        if not lasting and not self._ring.fits(name, content):
            self.spill()
        if lasting or not self._ring.fits(name, content):
            try:
                self._files.write(name, content)
            except OSError as error:
                say_error("flash", error)  # full or worn out: the ring may still carry it to the server
                if not self._ring.fits(name, content):
                    raise
            else:
                _say_recorded(name, content)
                return
        self._ring.records[name] = content
        self._keep()

    def spill(self) -> None:
        """Write to flash what lies in RTC memory only, oldest first; what flash does not take stays."""
        for name in sorted(self._ring.records):
            content = self._ring.records[name]
            try:
                self._files.write(name, content)
            except OSError as error:
                say_error("flash", error)
                return
            self._let_go(name)
            _say_recorded(name, content)

    def delivered(self, name: str) -> None:
        """The server has this record: let it go."""
        content = self._ring.records.get(name)
        self._files.remove(name)
        if content is not None:
            self._let_go(name)
            _say_recorded(name, content)

    def drop(self, name: str) -> None:
        """Lose a record: it is torn, or there is no room for it."""
        self._files.remove(name)
        if name in self._ring.records:
            self._let_go(name)

    def _let_go(self, name: str) -> None:
        del self._ring.records[name]
        self._keep()


def _say_recorded(name: str, content: bytes) -> None:
    parsed, record = queue.parse_name(name), queue.decode(content)
    if parsed and record:
        say("recorded", b=parsed[1], s=parsed[2], t=json.loads(record[2])["t"])
