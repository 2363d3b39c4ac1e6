"""What a connection is made of before anybody speaks."""

import socket
from typing import Any

from firmware.net.tcp import TcpWire


def test_a_connection_is_opened_without_waiting_and_without_nagle() -> None:
    seen: list[Any] = []

    def secured(connected: Any) -> Any:
        seen.append(connected)
        return connected

    with socket.create_server(("127.0.0.1", 0)) as door:
        wire = TcpWire("127.0.0.1", door.getsockname()[1], secured)
        wire.begin()
        while not wire.is_open():
            wire.wait(100)
        assert seen[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert not seen[0].getblocking()
        wire.close()
