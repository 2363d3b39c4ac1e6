"""HTTP to a shop: permitted addresses, no redirects, bounded bodies and time, one error for "no answer".

It speaks through httpcore, the part of httpx that knows the wire: what httpx adds (cookies, redirects,
encodings, authentication) no shop needs, and a press waited for it as long as for a sync of the disk.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Protocol
from urllib.parse import urlsplit

import httpcore
import httpx

from replenish_server.retailers.addresses import AddressRefused, guarded_pool, within

MAX_BODY_BYTES = 1 << 20
LONGEST_WAIT_S = 3600.0  # a shop may slow us down, not put us off for ever
READ_WITHIN_S = 5.0  # a whole exchange that changes nothing: profile, session, order, catalogue
CHANGE_WITHIN_S = 10.0  # a whole exchange that changes something; a shop's bank may take a while
_TIMEOUTS = {
    "timeout": {
        "connect": READ_WITHIN_S,
        "read": CHANGE_WITHIN_S,
        "write": CHANGE_WITHIN_S,
        "pool": CHANGE_WITHIN_S,
    }
}
_FAILURES = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    httpx.HTTPError,  # of another wire
    httpx.InvalidURL,
    ValueError,
)
# A compressed answer could unfold to any size, and its digest is over other bytes than we read.
_USUAL = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "replenish"}
_LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


class NoAnswer(Exception):
    """No complete answer came; whether the shop acted on the request is unknown."""


class Forbidden(NoAnswer):
    """The address is none that we may call: nothing was sent, and asking again will not help."""


@dataclass(frozen=True)
class Answer:
    """A complete answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def wait_s(self) -> float | None:
        """Retry-After in seconds, at most `LONGEST_WAIT_S`; a date counts from the answer's own."""
        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return min(float(text[:10]), LONGEST_WAIT_S)
        until, now = _http_date(text), _http_date(self.headers.get("date", ""))
        if until is None or now is None:
            return None
        return min(max((until - now).total_seconds(), 0.0), LONGEST_WAIT_S)


def is_loopback(url: str) -> bool:
    """Whether an address names this machine."""
    try:
        return urlsplit(url).hostname in _LOOPBACK_HOSTS
    except ValueError:
        return False


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


class Wire(Protocol):
    """What carries one request, and its answer piece by piece: `httpcore.ConnectionPool`."""

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send it; the answer is open until it is closed."""

    def close(self) -> None:
        """Hang up."""


class ShopClient:
    """One connection pool to one shop.

    Args:
        headers: sent with every request.
        transport: another way to the shop, as httpx has them; None is the network.
        loopback: whether this machine may be reached, and without TLS; for the demo and tests.
    """

    def __init__(
        self,
        headers: Mapping[str, str],
        transport: httpx.BaseTransport | None = None,
        loopback: bool = False,
    ) -> None:
        self._loopback = loopback
        self._headers = _by_name(_USUAL) | _by_name(headers)
        self._wire: Wire = guarded_pool(loopback) if transport is None else _Carried(transport)

    def send(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        enough: Callable[[bytes], bool] | None = None,
    ) -> Answer:
        """Send one request.

        Args:
            method: of HTTP.
            url: absolute.
            body: None where there is none.
            headers: beside those of the client, or in their place.
            enough: says of a stream of events whether what came so far is all that is wanted; the server may
                keep it open.

        Raises:
            Forbidden: the URL is not https, or leads to a private or special address.
            NoAnswer: the connection failed, the exchange took too long, or the answer exceeds
                `MAX_BODY_BYTES` or came compressed.
        """
        if not url.startswith("https://") and not (self._loopback and is_loopback(url)):
            raise Forbidden(f"only https is called, not {url[:100]!r}")
        try:
            request = self._request(method, url, body, headers or {})
            with within(READ_WITHIN_S if method == "GET" else CHANGE_WITHIN_S):
                response = self._wire.handle_request(request)
                try:
                    return _read(response, enough)
                finally:
                    response.close()
        except AddressRefused as error:
            raise Forbidden(str(error)) from error
        except _FAILURES as error:
            raise NoAnswer(f"{type(error).__name__}: {error}") from error

    def _request(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> httpcore.Request:
        where, host = _address(url)
        lines = [(b"Host", host), *(self._headers | _by_name(headers)).values()]
        if body is not None or method != "GET":
            lines.append((b"Content-Length", b"%d" % len(body or b"")))
        return httpcore.Request(method, where, headers=lines, content=body, extensions=_TIMEOUTS)

    def close(self) -> None:
        """Close the pool."""
        self._wire.close()


def _by_name(headers: Mapping[str, str]) -> dict[str, tuple[bytes, bytes]]:
    """As they are sent, by their name in lower case, so that each stands there once.

    Raises:
        UnicodeEncodeError: a value is not ASCII.
    """
    return {name.lower(): (name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()}


@lru_cache(maxsize=128)
def _address(url: str) -> tuple[httpcore.URL, bytes]:
    """Where a request goes, and the host that it names there (RFC 9112, section 3.2)."""
    parsed = httpx.URL(url)
    where = httpcore.URL(
        scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path
    )
    return where, parsed.netloc


def _read(response: httpcore.Response, enough: Callable[[bytes], bool] | None) -> Answer:
    headers = httpx.Headers(response.headers)
    if headers.get("content-encoding", "identity") != "identity":
        raise NoAnswer("the answer came compressed")
    streams = headers.get("content-type", "").startswith("text/event-stream")
    chunks, size = [], 0
    for chunk in response.iter_stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise NoAnswer(f"the answer exceeds {MAX_BODY_BYTES} bytes")
        chunks.append(chunk)
        if streams and enough and chunk.endswith((b"\n", b"\r")) and enough(b"".join(chunks)):
            break
    return Answer(response.status, headers, b"".join(chunks))


class _Carried:
    """A wire of httpx's own kind."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        """As a transport has it; what it raises stays its own."""
        url = httpx.URL(
            scheme=request.url.scheme.decode(),
            host=request.url.host.decode(),
            port=request.url.port,
            raw_path=request.url.target,
        )
        answer = self._transport.handle_request(
            httpx.Request(
                request.method.decode(),
                url,
                headers=request.headers,
                content=b"".join(request.stream),  # type: ignore[arg-type]  # ours are never asynchronous
                extensions=request.extensions,
            )
        )
        return httpcore.Response(
            answer.status_code,
            headers=answer.headers.raw,
            content=answer.stream,
            extensions=answer.extensions,
        )

    def close(self) -> None:
        """Likewise."""
        self._transport.close()
