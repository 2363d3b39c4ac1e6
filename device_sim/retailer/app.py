"""The shop as an ASGI application: its rooms, its pages for people, and one address for each release.

A release other than the primary one lives under its date: `/2026-01-23/checkout-sessions` is the same route
as `/checkout-sessions`, asked in that release.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from device_sim.retailer.completion import Buyer
from device_sim.retailer.config import Clock, RetailerConfig
from device_sim.retailer.edge import RAW_PATH_KEY, RELEASE_KEY, refused, served_release
from device_sim.retailer.identity import MANAGE
from device_sim.retailer.identity_routes import add_identity_routes
from device_sim.retailer.mcp import add_mcp_route
from device_sim.retailer.pages import TERMS, checkout_page, order_page, page
from device_sim.retailer.payment import PERSON_PAYS
from device_sim.retailer.profile import business_profile
from device_sim.retailer.releases import PRIMARY, RELEASES
from device_sim.retailer.rest import add_catalogue_routes, add_checkout_routes, add_order_routes
from device_sim.retailer.shop import Shop
from device_sim.retailer.testing import add_testing_routes
from device_sim.retailer.wire import Doc, ProtocolError, encode


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
    app.add_middleware(ReleasePaths)

    @app.exception_handler(ProtocolError)
    async def refuse(request: Request, problem: ProtocolError) -> Response:
        return refused(shop, request, problem)

    _add_discovery(app, shop)
    add_checkout_routes(app, shop)
    add_order_routes(app, shop)
    add_catalogue_routes(app, shop)
    add_mcp_route(app, shop)
    add_identity_routes(app, shop)
    _add_pages(app, shop)
    add_testing_routes(app, shop)
    return app


class ReleasePaths:
    """Takes the date of a release off the front of a path, and remembers it in the scope."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its plain path; signatures are over the path as it came."""
        if scope["type"] == "http":
            first, _, rest = scope["path"].removeprefix("/").partition("/")
            if first in RELEASES and first != PRIMARY.version:
                raw = scope.get("raw_path") or scope["path"].encode()
                scope = dict(scope) | {
                    RELEASE_KEY: first,
                    RAW_PATH_KEY: raw,
                    "path": f"/{rest}",
                    "raw_path": raw[len(first) + 1 :],
                }
        await self._app(scope, receive, send)


def _add_discovery(app: FastAPI, shop: Shop) -> None:
    @app.get("/.well-known/ucp")
    async def profile(request: Request) -> Response:
        doc = business_profile(
            shop.config,
            shop.key_ring.published(),
            served_release(request),
            gated=(MANAGE,) if shop.faults.levers.requires_sign_in else (),
        )
        return _json(200, doc, {"Cache-Control": "public, max-age=300"})

    @app.get("/terms")
    async def terms() -> Response:
        return HTMLResponse(page("Terms", ""))

    @app.get("/")
    async def home() -> Response:
        return HTMLResponse(
            page("Sandbox retailer", "<p>The shelf is at <a href='/catalog'>/catalog</a>.</p>")
        )

    @app.get("/catalog")
    async def shelf() -> Response:
        items = [item.as_doc() for item in shop.stock.catalogue.items().values()]
        return _json(200, {"items": items, "terms": TERMS})


def _add_pages(app: FastAPI, shop: Shop) -> None:
    @app.get("/checkout/{session_id}")
    async def handed_over(session_id: str) -> Response:
        with shop.store.transaction():
            _, doc = shop.checkouts.get(session_id, shop.checkouts.active(session_id))
        if "id" not in doc:
            return HTMLResponse(page("No such checkout", ""), 404)
        return HTMLResponse(checkout_page(doc))

    @app.post("/checkout/{session_id}")
    async def bought_by_a_person(session_id: str) -> Response:
        with shop.store.transaction():
            owner = shop.checkouts.owner(session_id)
            if owner is None:
                return HTMLResponse(page("No such checkout", ""), 404)
            buyer = Buyer(owner, "a person", is_person=True)
            active = shop.checkouts.active(session_id)
            shop.completions.complete(session_id, PERSON_PAYS, active, buyer)
        return RedirectResponse(f"/checkout/{session_id}", 303)

    @app.get("/orders/{order_id}/page")
    async def for_a_person(order_id: str) -> Response:
        state = shop.orders.state(order_id)
        if state is None:
            return HTMLResponse(page("No such order", ""), 404)
        cancelable = shop.orders.can_cancel(order_id)
        return HTMLResponse(order_page(shop.orders.snapshot(order_id), state, cancelable=cancelable))

    @app.post("/orders/{order_id}/cancel")
    async def cancelled_by_a_person(order_id: str) -> Response:
        with shop.store.transaction():
            cancelled = shop.orders.cancel(order_id)
        if not cancelled:
            return HTMLResponse(page("Too late", "<p>This order can no longer be cancelled.</p>"), 409)
        return RedirectResponse(f"/orders/{order_id}/page", 303)

    @app.get("/track/{number}")
    async def parcel(number: str) -> Response:
        return HTMLResponse(page(f"Parcel {number}", "<p>The order's page says where it is.</p>"))


def _json(status: int, doc: Doc, headers: dict[str, str] | None = None) -> Response:
    return Response(encode(doc), status, headers, media_type="application/json")
