"""The web application around a `Server`, for the roles that serve it."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from functools import partial

import uvicorn
from fastapi import FastAPI

from replenish_server import library_pages
from replenish_server.fleet.authority import Authority
from replenish_server.fleet.images import FirmwareFolder
from replenish_server.interpreter import begin_to_serve
from replenish_server.process import running
from replenish_server.retailers.cxml.inbound import CxmlDesk
from replenish_server.retailers.feed.desk import Desk
from replenish_server.server import Server
from replenish_server.web import LOOPBACK_HOSTS, install_pages
from replenish_server.web.api_desk import ApiDesk
from replenish_server.web.assistant import build_assistant
from replenish_server.web.consents import DatabaseConsents
from replenish_server.web.consents_routes import build_consents_router
from replenish_server.web.console import build_console
from replenish_server.web.cxml_edge import build_cxml_edge, cxml_limits
from replenish_server.web.device_edge import EdgeServer, build_device_edge
from replenish_server.web.devices import DatabaseDevices
from replenish_server.web.devices_routes import build_devices_router
from replenish_server.web.firmware_edge import DatabaseFirmware, build_firmware_router
from replenish_server.web.fleet import DatabaseFleet
from replenish_server.web.fleet_routes import build_fleet_pages
from replenish_server.web.form_route import sign_in_tries
from replenish_server.web.household import DatabasePages
from replenish_server.web.lazy_app import LazyApp
from replenish_server.web.life_routes import build_life_router
from replenish_server.web.mandate_routes import build_mandate_router
from replenish_server.web.mandates import DatabaseMandates
from replenish_server.web.order_life import DatabaseLife
from replenish_server.web.people import DatabasePeople
from replenish_server.web.products import DatabaseProducts
from replenish_server.web.products_routes import build_products_router
from replenish_server.web.rate_limit import RateLimit
from replenish_server.web.retailer_edge import build_retailer_edge
from replenish_server.web.shopping import DatabaseShopping
from replenish_server.web.shopping_routes import build_shopping_router

_CODE_TRIES = (0.2, 10)  # per second and at once, of one address or household
_ASKS = (20.0, 200)  # per second and at once, for pieces of firmware, of one address
_DOWNLOADS = 64  # at once: 1 MiB of buffers in all


class _Web(uvicorn.Server):
    """Serves pages and the shop's edge; orders leave only while it does."""

    def __init__(self, server: Server) -> None:
        settings = server.settings
        super().__init__(
            uvicorn.Config(
                build_app(server),
                host=settings.http_host,
                port=settings.http_port,
                log_level="warning",
                timeout_graceful_shutdown=3,
            )
        )
        self._server = server
        self._libraries = library_pages.releasable_mappings()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        begin_to_serve()
        library_pages.release(self._libraries)
        self._server.let_orders_leave()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.to_thread(self._server.finish_orders)
        await super().shutdown(sockets)


def _device_edge(server: Server) -> EdgeServer | None:
    """The edge for devices; None without an authority, because it speaks only over TLS."""
    settings, authority = server.settings, Authority(server.settings.authority_folder)
    if not authority.exists:
        return None
    app = build_device_edge(server.exchange_code, RateLimit(*_CODE_TRIES, time.monotonic))
    downloads = DatabaseFirmware(server.database, server.clock, FirmwareFolder(settings.firmware_folder))
    app.include_router(build_firmware_router(downloads.find, RateLimit(*_ASKS, time.monotonic), _DOWNLOADS))
    at = (settings.device_address, settings.edge_port)
    authority.settle()
    return EdgeServer(app, at, authority.server_certificate, authority.server_key)


def run_web(server: Server) -> None:
    """Run everything of a role that serves in this process until a signal ends it."""
    _Web(server).run()


def _retail_api(desk: Desk) -> FastAPI:
    from replenish_server.web.retail_api import build_retail_api, retail_limits

    return build_retail_api(desk, *retail_limits())


def _dash_api(server: Server) -> FastAPI:
    from replenish_server.replenishment.dash import DashDesk
    from replenish_server.web.dash_api import build_dash_api, dash_limits

    desk = DashDesk(server.database, server.clock, server.models.current, server.wake_dispatch)
    return build_dash_api(desk, *dash_limits())


def _household_api(desk: ApiDesk) -> FastAPI:
    from replenish_server.web.household_api import build_household_api

    return build_household_api(desk)


def build_app(server: Server) -> FastAPI:
    """The web application; its lifespan starts and stops the whole server."""
    settings = server.settings

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        edge = _device_edge(server)
        async with running(server, [] if edge is None else [edge.serve]):
            yield

    app = FastAPI(title="Replenish", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    pages = DatabasePages(server.database, server.clock, server.wake_dispatch, server.models.current)
    app.include_router(build_retailer_edge(settings.base_url, server.public_keys, server.take_in))
    desk = Desk(server.database, server.clock, server.retailer_acted)
    app.include_router(build_console(desk, sign_in_tries()))
    app.mount("/retail/v1", LazyApp(partial(_retail_api, desk)))
    cxml = CxmlDesk(server.database, server.clock, server.retailer_acted)
    app.include_router(build_cxml_edge(cxml, cxml_limits(), settings.base_url))
    app.mount("/drs", LazyApp(partial(_dash_api, server)))
    products = DatabaseProducts(server.database, server.shops.shelf, server.clock, server.wake_dispatch)
    app.include_router(build_products_router(products))
    consents = DatabaseConsents(server.database, server.shops.line, server.mandates, server.clock)
    app.include_router(build_consents_router(consents))
    shopping = DatabaseShopping(server.database, server.clock, server.wake_dispatch)
    app.include_router(build_shopping_router(shopping))
    api = ApiDesk(server.database, server.clock, server.models.current, server.wake_dispatch)
    app.mount("/api/v1", LazyApp(partial(_household_api, api)))
    mandates = DatabaseMandates(server.database, server.clock, server.wake_dispatch)
    app.include_router(build_mandate_router(mandates))
    app.include_router(build_assistant(api))
    people = DatabasePeople(server.database, server.clock, server.wake_dispatch)
    limits = RateLimit(*_CODE_TRIES, time.monotonic)
    devices = DatabaseDevices(server.database, server.clock, server.wake_gate, limits)
    app.include_router(build_devices_router(devices))
    life = DatabaseLife(server.database, server.clock, server.wake_dispatch, server.mark.lower_to)
    app.include_router(build_life_router(life))
    fleet = DatabaseFleet(server.database, server.clock, FirmwareFolder(settings.firmware_folder))
    app.include_router(build_fleet_pages(fleet, sign_in_tries()))
    install_pages(
        app,
        pages,
        people,
        allowed_hosts=[*LOOPBACK_HOSTS, settings.http_host, *settings.allowed_hosts],
        public_url=settings.public_url.rstrip("/") or None,
    )

    @app.get("/healthz", include_in_schema=False)
    def healthz() -> dict[str, bool | str]:
        broker = {"broker": server.session.connected.is_set()} if settings.role.hears else {}
        return {"status": "ok", **broker}

    return app
