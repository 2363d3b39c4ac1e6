"""The application that listens: what is there at once, and what all answers have in common."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from sqlalchemy.exc import OperationalError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from replenish_server import web
from replenish_server.web.front import build_front
from replenish_server.web.security import HEADERS, LOOPBACK_HOSTS

pytestmark = pytest.mark.asyncio


class Built:
    """Applications that are built when they are asked for, and which of them were."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def all_others(self) -> ASGIApp:
        """FastAPI, as the pages are."""
        self.names.append("all others")
        app = FastAPI()

        @app.get("/page/{name}")
        def page(name: str, request: Request) -> Response:
            return PlainTextResponse(f"{name} {request.path_params} {request.url.path}")

        @app.get("/broken")
        def broken() -> Response:
            raise RuntimeError("in a page")

        return app

    def api(self) -> ASGIApp:
        """Under a path of its own."""
        self.names.append("api")
        app = FastAPI()
        app.add_api_route("/it", lambda: "api")
        return app


async def ping(_request: Request) -> Response:
    return PlainTextResponse("pong")


async def busy(_request: Request) -> Response:
    raise OperationalError("SELECT 1", None, Exception("database is locked"))


async def broken(_request: Request) -> Response:
    raise RuntimeError("in a route")


@pytest.fixture
def built() -> Built:
    return Built()


def client(built: Built, base_url: str = "http://localhost") -> AsyncClient:
    routes = [Route("/ping", ping), Route("/busy", busy), Route("/broken-here", broken)]
    app = build_front(routes, {"/api/v1": built.api}, built.all_others, LOOPBACK_HOSTS)
    return AsyncClient(transport=ASGITransport(app, raise_app_exceptions=False), base_url=base_url)


async def test_what_is_there_at_once_builds_nothing(built: Built) -> None:
    """However often programs ask."""
    async with client(built) as asks:
        assert [(await asks.get("/ping")).text for _ in range(3)] == ["pong"] * 3
        assert built.names == []
        assert (await asks.get("/api/v1/it")).json() == "api"
        assert built.names == ["api"]
        assert (await asks.get("/page/a")).text == "a {'name': 'a'} /page/a"
        assert (await asks.get("/page/b")).status_code == 200
        assert built.names == ["api", "all others"]


@pytest.mark.parametrize("path", ["/ping", "/page/a", "/api/v1/it", "/nowhere", "/broken-here", "/broken"])
async def test_every_answer_has_the_headers_once(built: Built, path: str) -> None:
    """Also one about a failure, which Starlette answers outside of everything."""
    async with client(built) as asks:
        answer = await asks.get(path)
    assert {name: answer.headers.get_list(name) for name in HEADERS} == {k: [v] for k, v in HEADERS.items()}


async def test_a_foreign_name_gets_nothing_and_builds_nothing(built: Built) -> None:
    """DNS rebinding: the browser of somebody at home asks us under another's name."""
    async with client(built, "http://evil.example") as asks:
        answers = [(await asks.get(path)).status_code for path in ("/ping", "/page/a", "/api/v1/it")]
    assert (answers, built.names) == ([400] * 3, [])


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/ping", 405, "method_not_allowed"),
        ("GET", "/broken-here", 500, "internal"),
        ("GET", "/busy", 503, "unavailable"),
    ],
)
async def test_programs_are_told_what_went_wrong(
    built: Built, method: str, path: str, status: int, code: str
) -> None:
    """As problem details, from the routes that are there at once, too."""
    async with client(built) as asks:
        answer = await asks.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["code"] == code


async def test_compiled_templates_are_kept(built: Built) -> None:
    """Beside their source, so that the next start shows its first page sooner."""
    kept = Path(web.__path__[0]) / "templates" / "__pycache__"
    async with client(built) as asks:
        answer = await asks.post("/ping", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["content-type"]) == (405, "text/html; charset=utf-8")
    assert any(b"error.html" in path.read_bytes() for path in kept.glob("*.cache"))
