"""Bounded HTTP to a shop: no redirects, limited bodies, and one error for "no answer"."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

MAX_BODY_BYTES = 1 << 20
LONGEST_WAIT_S = 3600.0  # a shop may slow us down, not put us off for ever
_TIMEOUT = httpx.Timeout(10.0, connect=5.0)


class NoAnswer(Exception):
    """No complete answer came; whether the shop acted on the request is unknown."""


@dataclass(frozen=True)
class Answer:
    """A complete answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def wait_s(self) -> float | None:
        """Retry-After in seconds, at most `LONGEST_WAIT_S`, where the shop gave a number."""
        text = self.headers.get("retry-after", "")
        return min(float(text), LONGEST_WAIT_S) if text.isascii() and text.isdigit() else None


class ShopClient:
    """One connection pool to one shop.

    Args:
        headers: sent with every request.
        transport: for tests; None is the network.
    """

    def __init__(self, headers: Mapping[str, str], transport: httpx.BaseTransport | None = None) -> None:
        self._client = httpx.Client(
            headers=dict(headers), timeout=_TIMEOUT, follow_redirects=False, transport=transport
        )

    def send(
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request.

        Raises:
            NoAnswer: the connection failed, timed out, or the answer exceeds `MAX_BODY_BYTES`.
        """
        try:
            with self._client.stream(method, url, content=body, headers=dict(headers or {})) as response:
                chunks, size = [], 0
                for chunk in response.iter_bytes():
                    size += len(chunk)
                    if size > MAX_BODY_BYTES:
                        raise NoAnswer(f"the answer exceeds {MAX_BODY_BYTES} bytes")
                    chunks.append(chunk)
                return Answer(response.status_code, response.headers, b"".join(chunks))
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise NoAnswer(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Close the pool."""
        self._client.close()
