"""What retailers see of us: our profile, and the webhook that they call about orders."""

import asyncio
import json
from collections.abc import Callable

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from replenish_server.retailers.ucp import RELEASE
from replenish_server.retailers.ucp.profile import platform_profile

_MAX_BODY_BYTES = 1 << 20


def build_retailer_edge(webhook_url: str, hint: Callable[[str], None]) -> APIRouter:
    """Routes for retailers.

    Args:
        webhook_url: where our profile tells retailers to send order events.
        hint: called with the retailer's order id; it asks the retailer, and believes only that answer.
    """
    router = APIRouter()
    profile = platform_profile(webhook_url)

    @router.get("/.well-known/ucp")
    def own_profile() -> Response:
        return JSONResponse(profile, headers={"Cache-Control": "public, max-age=300"})

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
        return JSONResponse({"ucp": {"version": RELEASE, "status": "success"}})

    return router
