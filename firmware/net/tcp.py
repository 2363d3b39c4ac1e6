"""A TCP connection that never waits by itself, but in `wait`. It owns the socket and knows nothing of MQTT.

Name look-up cannot be bounded on MicroPython; the watchdog bounds it.
"""

import errno
import select
import socket

_TCP_NODELAY = 1
"""Not named by MicroPython's socket; 1 in lwIP and Linux. Without it, Nagle costs 40 ms per answer."""

_UNDER_WAY = (errno.EINPROGRESS, 119)  # 119: ESP-IDF's own number for EINPROGRESS
_NOTHING_YET = (errno.EAGAIN, errno.EINPROGRESS, 119)

_BROKEN = select.POLLERR | select.POLLHUP


class TcpWire:
    """TCP to one broker.

    Args:
        host: name or address.
        port: TCP port.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._socket: socket.socket | None = None
        self._poll = select.poll()
        self._opening = False

    def begin(self) -> None:
        self.close()
        address = socket.getaddrinfo(self._host, self._port, 0, socket.SOCK_STREAM)[0][-1]
        self._socket = connecting = socket.socket()
        connecting.setblocking(False)
        self._poll = select.poll()
        self._poll.register(connecting, select.POLLOUT)
        self._opening = True
        try:
            connecting.connect(address)
        except OSError as error:
            if error.errno not in _UNDER_WAY:
                raise

    def is_open(self) -> bool:
        connected = self._connected()
        if not self._opening:
            return True
        found = self._poll.poll(0)
        if not found:
            return False
        if found[0][1] & _BROKEN:
            raise OSError(errno.ECONNREFUSED)
        self._opening = False
        connected.setsockopt(6, _TCP_NODELAY, 1)  # 6: IPPROTO_TCP
        self._poll.modify(connected, select.POLLIN)
        return True

    def write(self, content: memoryview) -> int:
        try:
            return self._connected().send(content)
        except OSError as error:
            if error.errno in _NOTHING_YET:
                return 0
            raise

    def read(self) -> bytes:
        try:
            received = self._connected().recv(512)
        except OSError as error:
            if error.errno in _NOTHING_YET:
                return b""
            raise
        if not received:
            raise OSError(errno.ECONNRESET)
        return received

    def wait(self, timeout_ms: int) -> None:
        self._poll.poll(timeout_ms)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        if self._socket is None:
            raise OSError(errno.ENOTCONN)
        return self._socket
