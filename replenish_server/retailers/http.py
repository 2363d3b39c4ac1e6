"""HTTP to a shop: permitted addresses, no redirects, bounded bodies and time, one error for "no answer"."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx

from replenish_server.retailers.addresses import AddressRefused, GuardedTransport, within

MAX_BODY_BYTES = 1 << 20
LONGEST_WAIT_S = 3600.0  # a shop may slow us down, not put us off for ever
READ_WITHIN_S = 5.0  # a whole exchange that changes nothing: profile, session, order, catalogue
CHANGE_WITHIN_S = 10.0  # a whole exchange that changes something; a shop's bank may take a while
_TIMEOUT = httpx.Timeout(CHANGE_WITHIN_S, connect=READ_WITHIN_S)
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


class ShopClient:
    """One connection pool to one shop.

    Args:
        headers: sent with every request.
        transport: for tests; None is the network.
        loopback: whether this machine may be reached, and without TLS; for the demo and tests.
    """

    def __init__(
        self,
        headers: Mapping[str, str],
        transport: httpx.BaseTransport | None = None,
        loopback: bool = False,
    ) -> None:
        self._loopback = loopback
        self._client = httpx.Client(
            # A compressed answer could unfold to any size, and its digest is over other bytes than we read.
            headers={"Accept-Encoding": "identity", **headers},
            timeout=_TIMEOUT,
            follow_redirects=False,
            transport=transport or GuardedTransport(loopback),
        )

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
            headers: beside those of the client.
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
            with within(READ_WITHIN_S if method == "GET" else CHANGE_WITHIN_S):
                return self._exchange(method, url, body, headers, enough)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ValueError) as error:
            if isinstance(error.__cause__, AddressRefused):
                raise Forbidden(str(error)) from error
            raise NoAnswer(f"{type(error).__name__}: {error}") from error

    def _exchange(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str] | None,
        enough: Callable[[bytes], bool] | None,
    ) -> Answer:
        with self._client.stream(method, url, content=body, headers=dict(headers or {})) as response:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise NoAnswer("the answer came compressed")
            streams = response.headers.get("content-type", "").startswith("text/event-stream")
            chunks, size = [], 0
            for chunk in response.iter_bytes():
                size += len(chunk)
                if size > MAX_BODY_BYTES:
                    raise NoAnswer(f"the answer exceeds {MAX_BODY_BYTES} bytes")
                chunks.append(chunk)
                if streams and enough and chunk.endswith((b"\n", b"\r")) and enough(b"".join(chunks)):
                    break
            return Answer(response.status_code, response.headers, b"".join(chunks))

    def close(self) -> None:
        """Close the pool."""
        self._client.close()
