"""Which machine a conversation may reach: a name is resolved once, judged, and the judged address is dialled.

Judging the name and letting a library resolve it again would let a stranger's name server answer twice.
Source: RFC 6890 (special-use addresses); UCP overview, profile fetching.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import httpcore
import httpx

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefused(httpcore.ConnectError):
    """The name leads to an address that strangers may not send us to."""


def is_permitted(text: str, loopback: bool) -> bool:
    """Whether an address may be dialled: public unicast, or this machine where `loopback` says so."""
    address = _unwrapped(ipaddress.ip_address(text.partition("%")[0]))
    if address.is_loopback:
        return loopback
    return address.is_global and not address.is_multicast and not address.is_reserved


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let every read, write and handshake inside end `seconds` from now, however slowly bytes trickle in."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


class GuardedTransport(httpx.HTTPTransport):
    """HTTP over connections to permitted addresses only; `within` bounds each exchange.

    Args:
        loopback: whether this machine may be reached.
    """

    def __init__(self, loopback: bool) -> None:
        context = httpx.create_ssl_context()  # an operator's own authorities: SSL_CERT_FILE, SSL_CERT_DIR
        super().__init__(verify=context)
        # The library offers no way to hand a pool a backend of its own; tests dial real sockets through it.
        self._pool = httpcore.ConnectionPool(ssl_context=context, network_backend=_Guard(loopback))


class _Guard(httpcore.SyncBackend):
    def __init__(self, loopback: bool) -> None:
        super().__init__()
        self._loopback = loopback

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Dial the first address of a name, if every address of it is permitted."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(f"{host!r} has no address: {error}") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not addresses or not all(is_permitted(text, self._loopback) for text in addresses):
            raise AddressRefused(f"{host!r} leads to a private or special address")
        stream = super().connect_tcp(addresses[0], port, _left(timeout), local_address, socket_options)
        return _TimedStream(stream)


class _TimedStream(httpcore.NetworkStream):
    """A stream whose every step ends at the deadline of the exchange that uses it."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


def _left(timeout: float | None) -> float | None:
    """The shorter of the step's own bound and what is left of the exchange, in seconds."""
    deadline = _deadline.get()
    if deadline is None:
        return timeout
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the exchange took too long")
    return left if timeout is None else min(timeout, left)


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
