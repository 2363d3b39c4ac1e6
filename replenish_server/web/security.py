"""What keeps other sites out of the household's pages: hosts, origins, and the headers of every answer.

It must never depend on a secret or on state: each check reads one request. Sessions are another room's.
"""

from collections.abc import Awaitable, Callable, Collection
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
MAX_FORM_BYTES: Final = 16 * 1024  # the longest form here is a few hundred bytes

HEADERS: Final = {
    # No inline script or style anywhere, nothing from another site, and no site may frame an order button.
    "content-security-policy": (
        "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    # Not "no-referrer": with that, browsers send "Origin: null" with our own forms.
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
}


def is_same_origin(connection: HTTPConnection) -> bool:
    """Whether the browser says that this request was sent by one of our own pages.

    `Sec-Fetch-Site` decides where it is present (no page can forge it). Browsers leave it out on plain HTTP
    in the home network; then `Origin` must name the very host that was asked. Neither present: not ours.
    """
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = connection.headers.get("origin")
    if origin is None:
        return False
    try:
        parts = urlsplit(origin)
        claimed = (parts.scheme, parts.hostname, parts.port or _default_port(parts.scheme))
        asked = urlsplit(f"//{connection.headers.get('host', '')}")
        here = connection.url.scheme
        return claimed == (here, asked.hostname, asked.port or _default_port(here))
    except ValueError:
        return False


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def host_name(header: str) -> str | None:
    """The host of a Host header without its port, lower case, IPv6 in brackets; None if it is none."""
    text = header.strip().lower()
    if not text or any(c in text for c in "/@?#\\, \t"):
        return None
    if text.startswith("["):
        name, closing, port = text.partition("]")
        name += closing
    else:
        name, colon, port = text.partition(":")
        port = colon + port
    if port and not (port.startswith(":") and port[1:].isdigit()):
        return None
    return name.rstrip(".") or None


class HostAllowList:
    """Answers only under names it was given: a foreign name that resolves to us (DNS rebinding) gets nothing.

    Args:
        app: the application behind it.
        allowed: host names without port; IPv6 addresses in brackets.
        refuse: makes the answer for any other name.
    """

    def __init__(
        self, app: ASGIApp, allowed: Collection[str], refuse: Callable[[HTTPConnection], Response]
    ) -> None:
        self._app = app
        self._allowed = frozenset(name.lower() for name in allowed)
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        hosts = [value.decode("latin-1") for key, value in scope["headers"] if key == b"host"]
        if len(hosts) == 1 and host_name(hosts[0]) in self._allowed:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._refuse(HTTPConnection(scope))(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})


class SecurityHeaders:
    """Puts `HEADERS` on every HTTP answer; an answer that brings its own value of one keeps it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _adding_headers(send))


def _adding_headers(send: Send) -> Callable[[Message], Awaitable[None]]:
    async def forward(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return forward
