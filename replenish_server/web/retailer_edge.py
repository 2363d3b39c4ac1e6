"""What retailers see of us: our profiles, one per release, and the webhook that they call about orders."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from replenish_server.retailers.ucp import NEWEST, RELEASES
from replenish_server.retailers.ucp.profile import own_profile, own_profile_path
from replenish_server.retailers.ucp.release import Release

_MAX_BODY_BYTES = 1 << 20
_CACHED = {"Cache-Control": "public, max-age=300"}


def build_retailer_edge(
    base_url: str, keys: Callable[[], list[dict[str, Any]]], hint: Callable[[str], None]
) -> APIRouter:
    """Routes for retailers.

    Args:
        base_url: how retailers reach us.
        keys: our public keys now.
        hint: called with the retailer's order id; it asks the retailer, and believes only that answer.
    """
    router = APIRouter()
    for release in RELEASES:
        for mandates in (False, True):
            router.add_api_route(
                own_profile_path(release, mandates), _profile(release, base_url, keys, mandates)
            )

    @router.post("/webhooks/ucp")
    async def order_event(request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_BODY_BYTES:
                return JSONResponse({"code": "too_large", "content": "at most 1 MiB"}, status_code=413)
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            return JSONResponse({"code": "invalid", "content": "the body is not JSON"}, status_code=400)
        order_id = document.get("id") if isinstance(document, dict) else None
        if not isinstance(order_id, str) or len(order_id) > 200:
            return JSONResponse({"code": "invalid", "content": "the body is not an order"}, status_code=400)
        await asyncio.to_thread(hint, order_id)
        return JSONResponse({"ucp": {"version": NEWEST.date, "status": "success"}})

    return router


def _profile(
    release: Release, base_url: str, keys: Callable[[], list[dict[str, Any]]], mandates: bool
) -> Callable[[], Response]:
    def profile() -> Response:
        return JSONResponse(own_profile(release, base_url, keys(), mandates), headers=_CACHED)

    return profile
