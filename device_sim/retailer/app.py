"""The shop's HTTP face: routes, headers, faults. Every decision is made behind it.

Source: UCP 2026-04-08, REST bindings of checkout, order and catalog.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from device_sim.retailer import browse
from device_sim.retailer.checkout import Answer, Buyer
from device_sim.retailer.config import Clock, RetailerConfig
from device_sim.retailer.faults import Fault
from device_sim.retailer.lines import NoAnswer
from device_sim.retailer.pages import TERMS, checkout_page, order_page, page
from device_sim.retailer.platforms import Platform
from device_sim.retailer.shop import Shop
from device_sim.retailer.testing import add_testing_routes
from device_sim.retailer.wire import (
    CAPABILITIES,
    CATALOG_LOOKUP,
    CATALOG_SEARCH,
    CHECKOUT,
    ORDER,
    Doc,
    ProtocolError,
    business_profile,
    encode,
    error,
    refusal,
)
from device_sim.retailer.wish import read_body

BODY_MAX_BYTES = 1024 * 1024
Act = Callable[[Platform, Doc, str], Answer]


def create_app(
    db_path: Path | str,
    clock: Clock,
    config: RetailerConfig | None = None,
    *,
    faults: Mapping[str, Any] | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:
    """The shop as an ASGI application; `app.state.shop` is the Shop.

    The background task runs while the application's lifespan does. A test through httpx.ASGITransport, which
    starts no lifespan, calls `await app.state.shop.tick()` and `close()` itself.
    """
    shop = Shop(db_path, clock, config or RetailerConfig(), faults, transport)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        passing = asyncio.create_task(shop.run())
        yield
        passing.cancel()
        with suppress(asyncio.CancelledError):
            await passing
        await shop.close()

    app = FastAPI(
        title="Sandbox retailer", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.state.shop = shop

    @app.exception_handler(ProtocolError)
    async def refuse(_: Request, problem: ProtocolError) -> Response:
        return _json(problem.status, {"code": problem.code, "content": problem.content})

    _add_discovery(app, shop)
    _add_checkout_routes(app, shop)
    _add_order_routes(app, shop)
    _add_catalogue_routes(app, shop)
    add_testing_routes(app, shop)
    return app


def _add_discovery(app: FastAPI, shop: Shop) -> None:
    @app.get("/.well-known/ucp")
    async def profile() -> Response:
        return _json(200, business_profile(shop.config.base_url), {"Cache-Control": "public, max-age=300"})

    @app.get("/terms")
    async def terms() -> Response:
        return HTMLResponse(page("Terms", ""))

    @app.get("/")
    async def home() -> Response:
        return HTMLResponse(
            page("Sandbox retailer", "<p>The shelf is at <a href='/catalog'>/catalog</a>.</p>")
        )


def _add_checkout_routes(app: FastAPI, shop: Shop) -> None:
    @app.post("/checkout-sessions")
    async def create(request: Request) -> Response:
        return await _change(
            shop,
            request,
            "create",
            lambda who, body, _: shop.checkouts.create(body, who.active, who.profile_url),
        )

    @app.get("/checkout-sessions/{session_id}")
    async def read(request: Request, session_id: str) -> Response:
        platform = await _caller(shop, request)
        if missing := _lacks(platform, CHECKOUT):
            return missing
        with shop.store.transaction():
            status, doc = shop.checkouts.get(session_id, platform.active)
        return _json(status, doc)

    @app.put("/checkout-sessions/{session_id}")
    async def update(request: Request, session_id: str) -> Response:
        return await _change(
            shop, request, "update", lambda who, body, _: shop.checkouts.update(session_id, body, who.active)
        )

    @app.post("/checkout-sessions/{session_id}/complete")
    async def complete(request: Request, session_id: str) -> Response:
        def act(who: Platform, body: Doc, key: str) -> Answer:
            buyer = Buyer(who.profile_url, key, shop.faults.asks_on_price_change)
            return shop.checkouts.complete(session_id, body, who.active, buyer)

        return await _change(shop, request, "complete", act)

    @app.post("/checkout-sessions/{session_id}/cancel")
    async def cancel(request: Request, session_id: str) -> Response:
        return await _change(
            shop, request, "cancel", lambda who, _, __: shop.checkouts.cancel(session_id, who.active)
        )

    @app.get("/checkout/{session_id}")
    async def handed_over(session_id: str) -> Response:
        with shop.store.transaction():
            _, doc = shop.checkouts.get(session_id, CAPABILITIES)
        if "id" not in doc:
            return HTMLResponse(page("No such checkout", ""), 404)
        return HTMLResponse(checkout_page(doc))

    @app.post("/checkout/{session_id}")
    async def bought_by_a_person(session_id: str) -> Response:
        with shop.store.transaction():
            owner = shop.checkouts.owner(session_id)
            if owner is None:
                return HTMLResponse(page("No such checkout", ""), 404)
            shop.checkouts.complete(session_id, PERSON_PAYS, CAPABILITIES, Buyer(owner, "a person"))
        return RedirectResponse(f"/checkout/{session_id}", 303)


# A person at the shop's own page pays in the shop's own way; in a sandbox that always works.
PERSON_PAYS: Doc = {
    "payment": {"instruments": [{"handler_id": "sandbox_pay", "credential": {"token": "success_token"}}]}
}


def _add_order_routes(app: FastAPI, shop: Shop) -> None:
    @app.get("/orders/{order_id}")
    async def read(request: Request, order_id: str) -> Response:
        platform = await _caller(shop, request)
        if missing := _lacks(platform, ORDER):
            return missing
        return _json(200, shop.orders.read(order_id, platform.profile_url, platform.active))

    @app.get("/orders/{order_id}/page")
    async def for_a_person(order_id: str) -> Response:
        state = shop.orders.state(order_id)
        if state is None:
            return HTMLResponse(page("No such order", ""), 404)
        cancelable = shop.orders.can_cancel(order_id)
        return HTMLResponse(order_page(shop.orders.snapshot(order_id), state, cancelable=cancelable))

    @app.get("/track/{number}")
    async def parcel(number: str) -> Response:
        return HTMLResponse(page(f"Parcel {number}", "<p>The order's page says where it is.</p>"))

    @app.post("/orders/{order_id}/cancel")
    async def cancelled_by_a_person(order_id: str) -> Response:
        with shop.store.transaction():
            cancelled = shop.orders.cancel(order_id)
        if not cancelled:
            return HTMLResponse(page("Too late", "<p>This order can no longer be cancelled.</p>"), 409)
        return RedirectResponse(f"/orders/{order_id}/page", 303)


def _add_catalogue_routes(app: FastAPI, shop: Shop) -> None:
    @app.get("/catalog")
    async def shelf() -> Response:
        items = [item.as_doc() for item in shop.catalogue.items().values()]
        return _json(200, {"items": items, "terms": TERMS})

    for path, capability, find in (
        ("/catalog/search", CATALOG_SEARCH, browse.search),
        ("/catalog/lookup", CATALOG_LOOKUP, browse.lookup),
        ("/catalog/product", CATALOG_LOOKUP, browse.product),
    ):
        app.add_api_route(path, _browsing(shop, capability, find), methods=["POST"])


def _browsing(shop: Shop, capability: str, find: Callable[..., Doc]) -> Callable[..., Any]:
    async def answer(request: Request) -> Response:
        platform = await _caller(shop, request)
        if missing := _lacks(platform, capability):
            return missing
        return _json(200, find(read_body(await _body(request)), shop.catalogue.items()))

    return answer


async def _change(shop: Shop, request: Request, operation: str, act: Act) -> Response:
    """One request that changes state: who, what may go wrong, and the effect with its stored answer."""
    platform = await _caller(shop, request)
    raw = await _body(request)
    if missing := _lacks(platform, CHECKOUT):
        return missing
    fault = shop.faults.draw(operation)
    if fault is not None and fault.strikes_before and (failed := await _strike(shop, fault)):
        return failed
    status, answer = shop.keys.answer(
        request.headers.get("Idempotency-Key"),
        f"{request.method} {request.url.path}",
        raw,
        lambda key: act(platform, read_body(raw), key),
    )
    if fault is not None and not fault.strikes_before and (failed := await _strike(shop, fault)):
        return failed
    return Response(answer, status, media_type="application/json")


async def _strike(shop: Shop, fault: Fault) -> Response | None:
    """What the caller gets instead of an answer; None when it only has to wait."""
    if fault.kind.startswith("hang"):
        with suppress(TimeoutError):
            await asyncio.wait_for(shop.closing.wait(), fault.seconds)
        return None
    if fault.kind.endswith("500"):
        return _json(500, {"code": "internal_error", "content": "Something went wrong. Or did it?"})
    return NoAnswer()


async def _caller(shop: Shop, request: Request) -> Platform:
    return await shop.platforms.identify(request.headers.get("UCP-Agent"))


def _lacks(platform: Platform, capability: str) -> Response | None:
    if capability in platform.active:
        return None
    content = f"Your profile does not share {capability} in this version."
    return _json(200, refusal([], [error("capabilities_incompatible", content, severity="unrecoverable")]))


async def _body(request: Request) -> bytes:
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > BODY_MAX_BYTES:
            raise ProtocolError(413, "request_too_large", "A body is at most 1 MiB.")
    return bytes(raw)


def _json(status: int, doc: Doc, headers: dict[str, str] | None = None) -> Response:
    return Response(encode(doc), status, headers, media_type="application/json")
