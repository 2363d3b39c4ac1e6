"""A browser on the household's own pages, over a real database and without a network."""

from collections.abc import Callable

import httpx
from fastapi import APIRouter, FastAPI

from replenish_server.clock import Clock
from replenish_server.replenishment.priors import shipped_models
from replenish_server.web.household import DatabasePages
from replenish_server.web.people import DatabasePeople
from replenish_server.web.router import install_pages
from tests.fakes.retailer_house import House


def open_browser(
    house: House, clock: Clock, *routers: APIRouter, wake: Callable[[], None] = lambda: None
) -> httpx.AsyncClient:
    """A client of the pages that says it comes from one of them; use it as a context manager.

    Args:
        house: whose pages.
        clock: the server's clock.
        routers: of pages beside those that every server has, taken in before them.
        wake: called when a person wished something.
    """
    app = FastAPI()
    for router in routers:
        app.include_router(router)
    pages = DatabasePages(house.database, clock, wake, shipped_models)
    install_pages(app, pages, DatabasePeople(house.database, clock, wake))
    headers = {"accept": "text/html", "accept-language": "en", "sec-fetch-site": "same-origin"}
    way = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=way, base_url="http://localhost", headers=headers)
