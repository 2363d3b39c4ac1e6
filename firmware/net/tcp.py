"""A TCP connection with bounded waits. It owns the socket and knows nothing of MQTT.

Name look-up cannot be bounded on MicroPython; the watchdog bounds it.
"""

import errno
import socket

from firmware.app.ports import Link

_TCP_NODELAY = 1
"""Not named by MicroPython's socket; 1 in lwIP and Linux. Without it, Nagle costs 40 ms per answer."""

_TIMEOUTS = (errno.ETIMEDOUT, errno.EAGAIN, 116)  # 116: ESP-IDF's own number for ETIMEDOUT


class TcpLink(Link):
    """TCP to one broker.

    Args:
        host: name or address.
        port: TCP port.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._socket: socket.socket | None = None

    def open(self, timeout_ms: int) -> None:
        address = socket.getaddrinfo(self._host, self._port, 0, socket.SOCK_STREAM)[0][-1]
        self._socket = socket.socket()
        self._socket.settimeout(timeout_ms / 1000)
        self._socket.connect(address)
        self._socket.setsockopt(6, _TCP_NODELAY, 1)  # 6: IPPROTO_TCP

    def send(self, content: bytes) -> None:
        self._connected().sendall(content)

    def receive(self, timeout_ms: int) -> bytes:
        connected = self._connected()
        connected.settimeout(max(1, timeout_ms) / 1000)  # 0 would mean: do not wait at all
        try:
            received = connected.recv(1024)
        except OSError as error:
            if error.errno in _TIMEOUTS:
                return b""
            raise
        if not received:
            raise OSError(errno.ECONNRESET)
        return received

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        if self._socket is None:
            raise OSError(errno.ENOTCONN)
        return self._socket
