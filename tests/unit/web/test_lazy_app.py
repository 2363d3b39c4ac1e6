"""An application that is built at its first request: once, whoever asks at the same time."""

import asyncio
import threading

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from replenish_server.web.lazy_app import LazyApp


class Building:
    """Builds an application that says its number; the first attempts fail."""

    def __init__(self, failures: int = 0) -> None:
        self.count, self.failures = 0, failures
        self.threads: set[str] = set()

    def __call__(self) -> ASGIApp:
        self.count += 1
        self.threads.add(threading.current_thread().name)
        if self.count <= self.failures:
            raise OSError("no memory")
        number = self.count
        return Starlette(routes=[Route("/it", lambda _request: PlainTextResponse(f"built {number}"))])


def client(building: Building) -> AsyncClient:
    app = Starlette(routes=[Mount("/sub", LazyApp(building))])
    return AsyncClient(transport=ASGITransport(app, raise_app_exceptions=False), base_url="http://test")


@pytest.mark.asyncio
async def test_it_is_built_once_and_beside_the_loop() -> None:
    """Eight ask at the same time; nobody asked before."""
    building = Building()
    async with client(building) as asks:
        assert building.count == 0
        answers = await asyncio.gather(*(asks.get("/sub/it") for _ in range(8)))
        again = await asks.get("/sub/it")
        missing = await asks.get("/sub/other")
    assert {answer.text for answer in answers} | {again.text} == {"built 1"}
    assert (building.count, missing.status_code) == (1, 404)
    assert threading.current_thread().name not in building.threads


@pytest.mark.asyncio
async def test_after_a_failure_the_next_request_tries_again() -> None:
    """Whoever asked meanwhile is told, and nothing half-built stays."""
    building = Building(failures=1)
    async with client(building) as asks:
        assert (await asks.get("/sub/it")).status_code == 500
        assert (await asks.get("/sub/it")).text == "built 2"
