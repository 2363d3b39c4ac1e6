"""Asking a printer for its supplies over SNMP: one UDP question; its answer when it comes. It never waits.

A host name is looked up at each question, and MicroPython cannot bound that; give the printer's address.
"""

import socket

from firmware.core import snmp

_SUPPLIES = (1, 3, 6, 1, 2, 1, 43, 11, 1, 1)
_MAXIMUM, _LEVEL = 8, 9
_LONGEST = 512
_AT_ONCE = 8
"""Datagrams looked at in one call: a flood must not stop the loop."""


class SnmpPrinter:
    """One printer.

    Args:
        host: name or address.
        port: 161, but in tests.
        community: what it lets read; "public" on almost every printer.
    """

    def __init__(self, host: str, port: int, community: str) -> None:
        self._host = host
        self._port = port
        self._community = community
        self._asked = 0
        self._version = snmp.V1
        self._socket: socket.socket | None = None

    def ask(self, index: int) -> None:
        if self._socket is not None:  # the last question went unanswered: it may speak the other version only
            self._version = snmp.V2C if self._version == snmp.V1 else snmp.V1
        self.close()
        self._asked = self._asked % 0x7FFF_FFFF + 1
        oids: list[tuple[int, ...]] = [_SUPPLIES + (column, 1, index) for column in (_LEVEL, _MAXIMUM)]  # noqa: RUF005
        address = socket.getaddrinfo(self._host, self._port, 0, socket.SOCK_DGRAM)[0][-1]
        self._socket = asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        asking.setblocking(False)
        asking.sendto(snmp.get(self._asked, self._community, oids, self._version), address)

    def answer(self) -> tuple[int | None, int | None] | None:
        for _ in range(_AT_ONCE):
            if self._socket is None:
                return None
            try:
                values = snmp.read_reply(self._socket.recv(_LONGEST), self._asked)
            except OSError:
                return None  # nothing yet, or nobody listens there
            except (snmp.ReplyError, ValueError):
                continue  # not what we asked for: the answer may still come
            self.close()
            return (values[0], values[1]) if len(values) == 2 else (None, None)
        return None

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
