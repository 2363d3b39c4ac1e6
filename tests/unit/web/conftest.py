"""The pages over the household in memory, asked without a network."""

import sqlite3
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError

from replenish_server.web.life_routes import build_life_router
from replenish_server.web.router import install_pages
from tests.fakes.life import FakeLife
from tests.fakes.pages import FakePages, household
from tests.fakes.people import FakePeople


@pytest.fixture
def pages() -> FakePages:
    return household()


@pytest.fixture
def people() -> FakePeople:
    return FakePeople()


@pytest.fixture
async def client(pages: FakePages, people: FakePeople) -> AsyncIterator[httpx.AsyncClient]:
    """A browser's requests from the page itself: same origin, English, HTML wanted."""
    app = FastAPI()
    app.include_router(build_life_router(FakeLife()))
    install_pages(app, pages, people)

    @app.get("/full")
    def full() -> None:
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("a secret detail")

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"accept": "text/html", "accept-language": "en", "sec-fetch-site": "same-origin"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as made:
        yield made
