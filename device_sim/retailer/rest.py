"""The protocol's REST binding: routes and headers. Every decision is made behind it.

Source: UCP 2026-04-08, REST bindings of checkout, order and catalog.
"""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request, Response

from device_sim.retailer import browse
from device_sim.retailer.desk import Change, carry_out, read
from device_sim.retailer.edge import answer, lacks, receive, sealed, sign_in_scopes
from device_sim.retailer.shop import Shop
from device_sim.retailer.wire import CATALOG_LOOKUP, CATALOG_SEARCH, CHECKOUT, ORDER, Doc, encode
from device_sim.retailer.wish import read_body


def add_checkout_routes(app: FastAPI, shop: Shop) -> None:
    """Add everything under /checkout-sessions."""

    @app.post("/checkout-sessions")
    async def create(request: Request) -> Response:
        return await _change(shop, request, "create")

    @app.get("/checkout-sessions/{session_id}")
    async def read_session(request: Request, session_id: str) -> Response:
        platform = (await receive(shop, request, scopes=sign_in_scopes(shop))).platform
        if missing := lacks(shop, platform, CHECKOUT):
            return missing
        status, doc = read(shop, platform, session_id)
        return sealed(shop, status, encode(doc))

    @app.put("/checkout-sessions/{session_id}")
    async def update(request: Request, session_id: str) -> Response:
        return await _change(shop, request, "update", session_id)

    @app.post("/checkout-sessions/{session_id}/complete")
    async def complete(request: Request, session_id: str) -> Response:
        return await _change(shop, request, "complete", session_id)

    @app.post("/checkout-sessions/{session_id}/cancel")
    async def cancel(request: Request, session_id: str) -> Response:
        return await _change(shop, request, "cancel", session_id)


async def _change(shop: Shop, request: Request, operation: str, session_id: str = "") -> Response:
    call = await receive(shop, request, scopes=sign_in_scopes(shop))
    if missing := lacks(shop, call.platform, CHECKOUT):
        return missing
    target = f"{request.method} {request.url.path}"
    key = request.headers.get("Idempotency-Key")
    change = Change(operation, session_id, target, call.body, key, call.for_buyer)
    outcome = await carry_out(shop, call.platform, change)
    return outcome if isinstance(outcome, Response) else sealed(shop, *outcome)


def add_order_routes(app: FastAPI, shop: Shop) -> None:
    """Add the order's read."""

    @app.get("/orders/{order_id}")
    async def read_order(request: Request, order_id: str) -> Response:
        call = await receive(shop, request, reads_order=True)
        platform = call.platform
        if missing := lacks(shop, platform, ORDER):
            return missing
        doc = shop.orders.read(order_id, platform.profile_url, platform.active, for_buyer=call.for_buyer)
        if "checkout_id" in doc:
            return sealed(shop, 200, encode(platform.release.order(doc)))
        return answer(shop, platform, 200, doc, "read")


def add_catalogue_routes(app: FastAPI, shop: Shop) -> None:
    """Add search, lookup and product."""
    for path, capability, find in (
        ("/catalog/search", CATALOG_SEARCH, browse.search),
        ("/catalog/lookup", CATALOG_LOOKUP, browse.lookup),
        ("/catalog/product", CATALOG_LOOKUP, browse.product),
    ):
        app.add_api_route(path, _browsing(shop, capability, find), methods=["POST"])


def _browsing(shop: Shop, capability: str, find: Callable[..., Doc]) -> Callable[..., Any]:
    async def browsed(request: Request) -> Response:
        call = await receive(shop, request)
        if missing := lacks(shop, call.platform, capability):
            return missing
        found = find(read_body(call.body), shop.stock.catalogue.items())
        return answer(shop, call.platform, 200, found, "browse")

    return browsed
