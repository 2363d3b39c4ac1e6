"""A TCP connection, plain or under TLS, that never waits by itself, but in `wait`. It knows nothing of MQTT.

A TLS handshake happens within `write` and `read`. All waits are on the raw socket: a TLS object has no
descriptor, so polling it would wake the processor each millisecond. Name look-up cannot be bounded on
MicroPython; the watchdog bounds it.
"""

import errno
import select
import socket

if __debug__:
    from firmware.const import const

_TYPES = const(False)
if _TYPES:
    from collections.abc import Callable
    from typing import Any

_TCP_NODELAY = const(1)
"""Not named by MicroPython's socket; 1 in lwIP and Linux. Without it, Nagle costs 40 ms per answer."""

_IPPROTO_TCP = const(6)
_ESP_EINPROGRESS = const(119)  # ESP-IDF's own number for it
_CERTIFICATE = const("certificate: ")


class TcpWire:
    """A connection to one broker.

    Args:
        host: name or address.
        port: TCP port.
        secured: makes a TLS stream of a connected socket (firmware.net.psk, firmware.net.certificate); None
            for plain TCP.
    """

    def __init__(self, host: str, port: int, secured: "Callable[[Any], Any] | None") -> None:
        self._host = host
        self._port = port
        self._secured = secured
        self._socket: Any = None
        self._stream: Any = None
        """What is written to and read from, once it is open: the socket, or TLS over it."""
        self._poll: Any = None

    def begin(self) -> None:
        self.close()
        address = socket.getaddrinfo(self._host, self._port, 0, socket.SOCK_STREAM)[0][-1]
        self._socket = socket.socket()
        self._socket.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLOUT)
        try:
            self._socket.connect(address)
        except OSError as error:
            if error.errno not in (errno.EINPROGRESS, _ESP_EINPROGRESS):
                raise

    def is_open(self) -> bool:
        if self._stream is None:
            if self._socket is None:
                raise OSError(errno.ENOTCONN)
            found = self._poll.poll(0)
            if not found:
                return False
            if found[0][1] & (select.POLLERR | select.POLLHUP):
                raise OSError(errno.ECONNREFUSED)
            self._socket.setsockopt(_IPPROTO_TCP, _TCP_NODELAY, 1)
            self._poll.modify(self._socket, select.POLLIN)
            self._stream = self._secured(self._socket) if self._secured else self._socket
        return True

    def write(self, content: memoryview) -> int:
        try:
            return self._stream.write(content) or 0 if self._stream else 0
        except ValueError as error:  # so MicroPython says that a certificate was refused
            raise OSError(_CERTIFICATE + str(error).strip())  # noqa: B904 - MicroPython cannot chain

    def read(self, count: int) -> bytes:
        try:
            received: bytes | None = self._stream.read(count) if self._stream else b""
        except ValueError as error:
            raise OSError(_CERTIFICATE + str(error).strip())  # noqa: B904
        if received == b"":
            raise OSError(errno.ECONNRESET)
        return received or b""

    def wait(self, timeout_ms: int) -> None:
        self._poll.poll(timeout_ms)

    def close(self) -> None:
        for opened in (self._stream, self._socket):
            try:
                if opened:
                    opened.close()
            except OSError:
                pass  # the peer is gone
        self._stream = self._socket = None
