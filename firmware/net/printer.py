"""Asking a printer for its supplies over SNMP: one UDP question, one bounded wait."""

import socket

from firmware.core import snmp

_SUPPLIES = (1, 3, 6, 1, 2, 1, 43, 11, 1, 1)
_MAXIMUM, _LEVEL = 8, 9
_TIMEOUT_S = 2


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

    def supply(self, index: int) -> tuple[int | None, int | None]:
        self._asked += 1
        oids: list[tuple[int, ...]] = [_SUPPLIES + (column, 1, index) for column in (_LEVEL, _MAXIMUM)]  # noqa: RUF005
        try:
            address = socket.getaddrinfo(self._host, self._port, 0, socket.SOCK_DGRAM)[0][-1]
            asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        except OSError:
            return None, None
        try:
            asking.settimeout(_TIMEOUT_S)
            asking.sendto(snmp.get(self._asked, self._community, oids), address)
            level, maximum = snmp.read_reply(asking.recv(512), self._asked)
            return level, maximum
        except (OSError, snmp.ReplyError, ValueError):
            return None, None
        finally:
            asking.close()
