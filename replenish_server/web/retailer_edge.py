"""What retailers see of us: our profiles, one per release, and the webhook that they call about orders.

An order waits for it, so that it is there from the start, and needs no more than Starlette.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from replenish_server.retailers.port import TryLater
from replenish_server.retailers.ucp import NEWEST, RELEASES
from replenish_server.retailers.ucp.documents import Unreadable
from replenish_server.retailers.ucp.profile import own_profile, own_profile_path
from replenish_server.retailers.ucp.release import Release
from replenish_server.retailers.ucp.webhooks import Delivery, DeliveryRefused

_MAX_BODY_BYTES = 1 << 20
_CACHED = {"Cache-Control": "public, max-age=300"}


def build_retailer_edge(
    base_url: str, keys: Callable[[bool], list[dict[str, Any]]], take_in: Callable[[Delivery], None]
) -> list[Route]:
    """Routes for retailers.

    Args:
        base_url: how retailers reach us.
        keys: our public keys now; with those that sign mandates where it is asked so.
        take_in: called with each webhook; see `ordering.deliveries`.
    """

    async def order_event(request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_BODY_BYTES:
                return JSONResponse({"code": "too_large", "content": "at most 1 MiB"}, status_code=413)
        query = f"?{request.url.query}" if request.url.query else ""
        headers: dict[str, str] = {}
        for name, value in request.headers.items():
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        delivery = Delivery(f"{base_url}/webhooks/ucp{query}", headers, body)
        try:
            await asyncio.to_thread(take_in, delivery)
        except DeliveryRefused as refused:
            return JSONResponse({"code": refused.code, "content": str(refused)}, status_code=refused.status)
        except Unreadable as error:
            return JSONResponse({"code": "invalid", "content": str(error)}, status_code=400)
        except TryLater:
            later = {"code": "unavailable", "content": "the signature cannot be checked now"}
            return JSONResponse(later, status_code=503, headers={"Retry-After": "30"})
        return JSONResponse({"ucp": {"version": NEWEST.date, "status": "success"}})

    profiles = [
        Route(own_profile_path(release, mandates), _profile(release, base_url, keys, mandates))
        for release in RELEASES
        for mandates in (False, True)
    ]
    return [*profiles, Route("/webhooks/ucp", order_event, methods=["POST"])]


def _profile(
    release: Release, base_url: str, keys: Callable[[bool], list[dict[str, Any]]], mandates: bool
) -> Callable[[Request], Awaitable[Response]]:
    async def profile(_request: Request) -> Response:
        public = await asyncio.to_thread(keys, mandates)
        return JSONResponse(own_profile(release, base_url, public, mandates), headers=_CACHED)

    return profile
