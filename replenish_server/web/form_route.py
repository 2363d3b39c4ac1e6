"""The way every page's request comes in: whose form it is, how long it may be, and how a refusal looks.

Who may do what is the caller's: a route of a household asks more (`gate`), a desk's signs in by itself.
"""

import time
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from replenish_server.web.errors import error_page
from replenish_server.web.rate_limit import RateLimit
from replenish_server.web.security import MAX_FORM_BYTES, is_same_origin


class FormRoute(APIRoute):
    """A route that answers people: a form from elsewhere is refused before its body is read, and whatever is
    wrong is said on a page."""

    async def refusal(self, request: Request) -> Response | None:
        """Why this request goes no further, or None; asked after the form's origin and before its body."""
        return None

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_for_people(request: Request) -> Response:
            if request.method == "POST":
                if not is_same_origin(request):
                    return error_page(request, 403)
                length = request.headers.get("content-length", "")
                if not length.isdecimal() or int(length) > MAX_FORM_BYTES:
                    return error_page(request, 400)
            refusal = await self.refusal(request)
            if refusal is not None:
                return refusal
            try:
                return await handle(request)
            except (RequestValidationError, HTTPException):
                return error_page(request, 400)

        return handle_for_people


def sign_in_tries() -> RateLimit:
    """Six tries a minute to sign in at a desk from one address, in bursts of ten."""
    return RateLimit(0.1, 10, time.monotonic)
