"""The protocol's REST binding: routes, headers, faults. Every decision is made behind it.

Source: UCP 2026-04-08, REST bindings of checkout, order and catalog.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from fastapi import FastAPI, Request, Response

from device_sim.retailer import browse
from device_sim.retailer.checkout import Answer
from device_sim.retailer.completion import Buyer
from device_sim.retailer.edge import answer, lacks, receive, sealed
from device_sim.retailer.faults import Fault
from device_sim.retailer.lines import NoAnswer
from device_sim.retailer.platforms import Platform
from device_sim.retailer.shop import Shop
from device_sim.retailer.wire import CATALOG_LOOKUP, CATALOG_SEARCH, CHECKOUT, ORDER, Doc, encode
from device_sim.retailer.wish import read_body

Act = Callable[[Platform, Doc, str], Answer]


def add_checkout_routes(app: FastAPI, shop: Shop) -> None:
    """Add everything under /checkout-sessions."""

    @app.post("/checkout-sessions")
    async def create(request: Request) -> Response:
        def act(who: Platform, body: Doc, _: str) -> Answer:
            return shop.checkouts.create(body, who.active, who.profile_url)

        return await change(shop, request, "create", act)

    @app.get("/checkout-sessions/{session_id}")
    async def read(request: Request, session_id: str) -> Response:
        platform = (await receive(shop, request)).platform
        if missing := lacks(shop, platform, CHECKOUT):
            return missing
        with shop.store.transaction():
            shop.completions.settle(session_id)
            status, doc = shop.checkouts.get(session_id, platform.active)
        return answer(shop, platform, status, doc, "read")

    @app.put("/checkout-sessions/{session_id}")
    async def update(request: Request, session_id: str) -> Response:
        def act(who: Platform, body: Doc, _: str) -> Answer:
            return shop.checkouts.update(session_id, body, who.active)

        return await change(shop, request, "update", act)

    @app.post("/checkout-sessions/{session_id}/complete")
    async def complete(request: Request, session_id: str) -> Response:
        def act(who: Platform, body: Doc, key: str) -> Answer:
            return shop.completions.complete(session_id, body, who.active, Buyer(who.profile_url, key))

        return await change(shop, request, "complete", act)

    @app.post("/checkout-sessions/{session_id}/cancel")
    async def cancel(request: Request, session_id: str) -> Response:
        def act(who: Platform, _: Doc, __: str) -> Answer:
            return shop.checkouts.cancel(session_id, who.active)

        return await change(shop, request, "cancel", act)


def add_order_routes(app: FastAPI, shop: Shop) -> None:
    """Add the order's read."""

    @app.get("/orders/{order_id}")
    async def read(request: Request, order_id: str) -> Response:
        platform = (await receive(shop, request, reads_order=True)).platform
        if missing := lacks(shop, platform, ORDER):
            return missing
        doc = shop.orders.read(order_id, platform.profile_url, platform.active)
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


async def change(shop: Shop, request: Request, operation: str, act: Act) -> Response:
    """One request that changes state: who, what may go wrong, and the effect with its stored answer."""
    call = await receive(shop, request)
    platform = call.platform
    if missing := lacks(shop, platform, CHECKOUT):
        return missing
    fault = shop.faults.draw(operation)
    if fault is not None and fault.strikes_before and (failed := await strike(shop, fault)):
        return failed

    def effect(key: str) -> tuple[int, bytes]:
        body = platform.release.request(read_body(call.body), operation)
        status, doc = act(platform, body, key)
        status, shaped = platform.release.answer(status, doc, operation)
        return status, encode(shaped)

    status, body = shop.keys.answer(
        request.headers.get("Idempotency-Key"),
        f"{request.method} {request.url.path}",
        call.body,
        effect,
    )
    if fault is not None and not fault.strikes_before and (failed := await strike(shop, fault)):
        return failed
    return sealed(shop, status, body)


async def strike(shop: Shop, fault: Fault) -> Response | None:
    """What the caller gets instead of an answer; None when it only has to wait."""
    if fault.kind.startswith("hang"):
        with suppress(TimeoutError):
            await asyncio.wait_for(shop.closing.wait(), fault.seconds)
        return None
    if fault.kind.endswith("500"):
        doc = {"code": "internal_error", "content": "Something went wrong. Or did it?"}
        return Response(encode(doc), 500, media_type="application/json")
    return NoAnswer()
