"""What people see, wired to a `Server`: pages, consoles and the address for cXML.

It is imported and built when the first of them is asked for, and is not small: FastAPI comes with it.
"""

import time

from fastapi import FastAPI

from replenish_server.fleet.images import FirmwareFolder
from replenish_server.retailers.cxml.inbound import CxmlDesk
from replenish_server.retailers.feed.desk import Desk
from replenish_server.server import Server
from replenish_server.web.consents import DatabaseConsents
from replenish_server.web.consents_routes import build_consents_router
from replenish_server.web.console import build_console
from replenish_server.web.cxml_edge import build_cxml_edge, cxml_limits
from replenish_server.web.devices import DatabaseDevices
from replenish_server.web.devices_routes import build_devices_router
from replenish_server.web.fleet import DatabaseFleet
from replenish_server.web.fleet_routes import build_fleet_pages
from replenish_server.web.form_route import sign_in_tries
from replenish_server.web.household import DatabasePages
from replenish_server.web.life_routes import build_life_router
from replenish_server.web.mandate_routes import build_mandate_router
from replenish_server.web.mandates import DatabaseMandates
from replenish_server.web.order_life import DatabaseLife
from replenish_server.web.people import DatabasePeople
from replenish_server.web.products import DatabaseProducts
from replenish_server.web.products_routes import build_products_router
from replenish_server.web.rate_limit import RateLimit
from replenish_server.web.router import build_router, settle_pages
from replenish_server.web.shopping import DatabaseShopping
from replenish_server.web.shopping_routes import build_shopping_router

_CODE_TRIES = (0.2, 10)  # per second and at once, of one household


def build_website(server: Server, desk: Desk) -> FastAPI:
    """The application.

    Args:
        server: whose.
        desk: what retailers can do, in their console as in their API.
    """
    settings = server.settings
    pages = DatabasePages(server.database, server.clock, server.wake_dispatch, server.models.current)
    cxml = CxmlDesk(server.database, server.clock, server.retailer_acted)
    products = DatabaseProducts(server.database, server.shops.shelf, server.clock, server.wake_dispatch)
    consents = DatabaseConsents(server.database, server.shops.line, server.mandates, server.clock)
    shopping = DatabaseShopping(server.database, server.clock, server.wake_dispatch)
    mandates = DatabaseMandates(server.database, server.clock, server.wake_dispatch)
    people = DatabasePeople(server.database, server.clock, server.wake_dispatch)
    limits = RateLimit(*_CODE_TRIES, time.monotonic)
    devices = DatabaseDevices(server.database, server.clock, server.wake_gate, limits)
    life = DatabaseLife(server.database, server.clock, server.wake_dispatch, server.mark.lower_to)
    fleet = DatabaseFleet(server.database, server.clock, FirmwareFolder(settings.firmware_folder))
    public_url = settings.public_url.rstrip("/") or None
    routers = [
        build_console(desk, sign_in_tries()),
        build_cxml_edge(cxml, cxml_limits(), settings.base_url),
        build_products_router(products),
        build_consents_router(consents),
        build_shopping_router(shopping),
        build_mandate_router(mandates),
        build_devices_router(devices),
        build_life_router(life),
        build_fleet_pages(fleet, sign_in_tries()),
        build_router(pages, people, public_url),
    ]
    # Routes as they are: `include_router` would make each of them a second time, for its prefix and defaults.
    routes = [route for router in routers for route in router.routes]
    app = FastAPI(title="Replenish", docs_url=None, redoc_url=None, openapi_url=None, routes=routes)
    settle_pages(app, people)
    return app
