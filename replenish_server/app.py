"""The web application around a `Server`, for the roles that serve it."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from replenish_server import library_pages
from replenish_server.fleet.authority import Authority
from replenish_server.interpreter import begin_to_serve, keep_what_was_built
from replenish_server.process import running
from replenish_server.retailers.feed.desk import Desk
from replenish_server.server import Server
from replenish_server.web.edge_server import EdgeServer
from replenish_server.web.front import build_front
from replenish_server.web.lazy_app import LazyApp
from replenish_server.web.rate_limit import RateLimit
from replenish_server.web.retailer_edge import build_retailer_edge
from replenish_server.web.security import LOOPBACK_HOSTS

_CODE_TRIES = (0.2, 10)  # per second and at once, of one address
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
    at = (settings.device_address, settings.edge_port)
    authority.settle()
    app = LazyApp(partial(_kept, _device_app, server))
    return EdgeServer(app, at, authority.server_certificate, authority.server_key)


def run_web(server: Server) -> None:
    """Run everything of a role that serves in this process until a signal ends it."""
    _Web(server).run()


def build_app(server: Server) -> Starlette:
    """The web application; its lifespan starts and stops the whole server."""
    settings = server.settings
    desk = Desk(server.database, server.clock, server.retailer_acted)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        edge = _device_edge(server)
        async with running(server, [] if edge is None else [edge.serve]):
            yield

    async def healthz(_request: Request) -> JSONResponse:
        broker = {"broker": server.session.connected.is_set()} if settings.role.hears else {}
        return JSONResponse({"status": "ok", **broker})

    edge = build_retailer_edge(settings.base_url, server.public_keys, server.take_in)
    apps: dict[str, Callable[[], ASGIApp]] = {
        "/retail/v1": partial(_kept, _retail_api, desk),
        "/drs": partial(_kept, _dash_api, server),
        "/api/v1": partial(_kept, _household_api, server),
    }
    hosts = [*LOOPBACK_HOSTS, settings.http_host, *settings.allowed_hosts]
    routes = [Route("/healthz", healthz), *edge, Route("/mcp", LazyApp(partial(_kept, _assistant, server)))]
    return build_front(routes, apps, partial(_kept, _website, server, desk), hosts, lifespan)


def _kept(build: Callable[..., ASGIApp], *parts: Any) -> ASGIApp:
    app = build(*parts)
    keep_what_was_built()
    return app


def _device_app(server: Server) -> ASGIApp:
    from replenish_server.fleet.images import FirmwareFolder
    from replenish_server.web.device_edge import build_device_edge
    from replenish_server.web.firmware_edge import DatabaseFirmware, build_firmware_router

    app = build_device_edge(server.exchange_code, RateLimit(*_CODE_TRIES, time.monotonic))
    firmware = FirmwareFolder(server.settings.firmware_folder)
    downloads = DatabaseFirmware(server.database, server.clock, firmware)
    app.include_router(build_firmware_router(downloads.find, RateLimit(*_ASKS, time.monotonic), _DOWNLOADS))
    return app


def _retail_api(desk: Desk) -> ASGIApp:
    from replenish_server.web.retail_api import build_retail_api, retail_limits

    return build_retail_api(desk, *retail_limits())


def _dash_api(server: Server) -> ASGIApp:
    from replenish_server.replenishment.dash import DashDesk
    from replenish_server.web.dash_api import build_dash_api, dash_limits

    desk = DashDesk(server.database, server.clock, server.models.current, server.wake_dispatch)
    return build_dash_api(desk, *dash_limits())


def _household_api(server: Server) -> ASGIApp:
    from replenish_server.web.api_desk import ApiDesk
    from replenish_server.web.household_api import build_household_api

    desk = ApiDesk(server.database, server.clock, server.models.current, server.wake_dispatch)
    return build_household_api(desk)


def _assistant(server: Server) -> ASGIApp:
    from fastapi import FastAPI

    from replenish_server.web.api_desk import ApiDesk
    from replenish_server.web.assistant import build_assistant
    from replenish_server.web.errors import install_error_pages

    desk = ApiDesk(server.database, server.clock, server.models.current, server.wake_dispatch)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, routes=build_assistant(desk).routes)
    install_error_pages(app)
    return app


def _website(server: Server, desk: Desk) -> ASGIApp:
    from replenish_server.website import build_website

    return build_website(server, desk)
