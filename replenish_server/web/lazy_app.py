"""An ASGI application that is imported and built at its first request: most homes use few of them."""

import asyncio
import threading
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

# One after the other: they import the same libraries, and some of those import each other in circles.
_BUILDING = threading.Lock()


class LazyApp:
    """To be mounted in place of the application.

    Args:
        build: imports what it needs, and makes the application; called once, in a thread, by the first
            request. Where it fails, that request does, and the next one tries again.
    """

    def __init__(self, build: Callable[[], ASGIApp]) -> None:
        self._build = build
        self._built: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        application = self._built
        if application is None:
            application = await asyncio.to_thread(self._once)
        await application(scope, receive, send)

    def _once(self) -> ASGIApp:
        with _BUILDING:
            if self._built is None:
                self._built = self._build()
            return self._built
