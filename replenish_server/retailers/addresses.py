"""Which machine a conversation may reach: a name is resolved once, judged, and the judged address is dialled.

Judging the name and letting a library resolve it again would let a stranger's name server answer twice.
Source: RFC 6890 (special-use addresses); UCP overview, profile fetching.
"""

import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import httpcore
import httpx

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNICAST = ipaddress.ip_network("2000::/3")  # all that is assigned to be reached from anywhere
_SPECIAL = (ipaddress.ip_network("3fff::/20"),)  # documentation, younger than the library's list
_MOST_LOOKUPS = 16
_KEPT_S = 30.0  # idle; a router on the way forgets one after minutes, and what is sent then is lost
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)

Lookup = Callable[[str, int], list[Any]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _look_up(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class AddressRefused(httpcore.ConnectError):
    """The name leads to an address that strangers may not send us to."""


def is_permitted(text: str, loopback: bool) -> bool:
    """Whether an address may be dialled: public unicast, or this machine where `loopback` says so."""
    address = _unwrapped(ipaddress.ip_address(text.partition("%")[0]))
    if address.is_loopback:
        return loopback
    if isinstance(address, ipaddress.IPv6Address) and (
        address not in _UNICAST or any(address in network for network in _SPECIAL)
    ):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let every lookup, read, write and handshake inside end `seconds` from now, however slow they are."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


@cache
def trusted() -> ssl.SSLContext:
    """Whom we believe: the usual authorities, or an operator's own (SSL_CERT_FILE, SSL_CERT_DIR). To read
    them takes up to a quarter of a second, which the first order at a shop must not wait for."""
    return httpx.create_ssl_context()


def guarded_pool(loopback: bool, lookup: Lookup = _look_up) -> httpcore.ConnectionPool:
    """HTTP over connections to permitted addresses only; `within` bounds each exchange.

    Args:
        loopback: whether this machine may be reached.
        lookup: of a name and port, as `socket.getaddrinfo` answers.
    """
    return httpcore.ConnectionPool(
        ssl_context=trusted(), keepalive_expiry=_KEPT_S, network_backend=_Guard(loopback, lookup)
    )


class _Guard(httpcore.SyncBackend):
    def __init__(self, loopback: bool, lookup: Lookup) -> None:
        super().__init__()
        self._loopback, self._lookup = loopback, lookup
        self._lookups = threading.BoundedSemaphore(_MOST_LOOKUPS)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Dial the addresses of a name one after the other, if every one of them is permitted."""
        addresses = self._addresses(host, port, _left(timeout))
        if not addresses or not all(is_permitted(text, self._loopback) for text in addresses):
            raise AddressRefused(f"{host!r} leads to a private or special address")
        failure: Exception = httpcore.ConnectError(f"{host!r} cannot be reached")
        for n, address in enumerate(addresses):
            left = _left(timeout)
            # One that does not answer leaves its fair part of the time to those after it.
            share = None if left is None else left / (len(addresses) - n)
            try:
                return _TimedStream(super().connect_tcp(address, port, share, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def _addresses(self, host: str, port: int, seconds: float | None) -> list[str]:
        """The addresses of a name; a name server has no more time than everything else.

        Raises:
            httpcore.ConnectError, httpcore.ConnectTimeout: there is none, or it does not come in time.
        """
        if not self._lookups.acquire(blocking=False):
            raise httpcore.ConnectError("too many names are being looked up")
        found: queue.SimpleQueue[list[Any] | OSError | UnicodeError] = queue.SimpleQueue()

        def look_up() -> None:
            try:
                found.put(self._lookup(host, port))
            except (OSError, UnicodeError) as error:
                found.put(error)
            finally:
                self._lookups.release()

        # The library's call cannot be interrupted: it is left behind, and may not keep the server alive.
        threading.Thread(target=look_up, name="name-lookup", daemon=True).start()
        try:
            answer = found.get(timeout=seconds)
        except queue.Empty:
            raise httpcore.ConnectTimeout(f"the name {host!r} was not resolved in time") from None
        if isinstance(answer, Exception):
            raise httpcore.ConnectError(f"{host!r} has no address: {answer}") from answer
        return list(dict.fromkeys(str(entry[4][0]) for entry in answer))


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
