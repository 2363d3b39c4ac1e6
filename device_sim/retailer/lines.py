"""Closes a caller's TCP connection without one byte of answer, which HTTP frameworks do not offer.

A uvicorn protocol that remembers its connections puts a way to cut each one into the ASGI scope; `NoAnswer`
is the response that uses it. Inside a process, where there is no connection, it raises ConnectionCutError.
"""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

from fastapi import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

CUT = "device_sim.cut"


class ConnectionCutError(ConnectionError):
    """What an in-process caller sees where a remote one sees the connection close."""


class NoAnswer(Response):
    """An answer that never comes: the connection closes instead."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Cut the line and wait until the server has noticed, or it would still answer 500."""
        cut: Callable[[], None] | None = scope.get(CUT)
        if cut is None:
            raise ConnectionCutError("the sandbox retailer closed the connection without an answer")
        cut()
        while (await receive())["type"] != "http.disconnect":
            pass


class CuttableProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol, with its open connections on a list."""

    open_lines: ClassVar[dict[Any, asyncio.Transport]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Note the connection under the caller's address and port."""
        super().connection_made(transport)
        self.open_lines[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self.open_lines.pop(self.client, None)
        super().connection_lost(exc)


def with_lines(app: ASGIApp) -> ASGIApp:
    """`app`, told in each HTTP scope how to cut the line that the request came on."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (line := CuttableProtocol.open_lines.get(scope["client"])):
            scope[CUT] = line.abort
        await app(scope, receive, send)

    return wrapped
