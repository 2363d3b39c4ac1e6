"""The download of firmware: whole, from a byte on, never beyond, never too many at once."""

import asyncio
import hashlib
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from replenish_server.web.firmware_edge import ImageMissing, Offered, build_firmware_router

IMAGE = bytes(range(256)) * 200
TAG = f'"{hashlib.sha256(IMAGE).hexdigest()}"'


class Client:
    """Asks an app one thing at a time."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        """One request."""

        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(transport=transport, base_url="https://edge") as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(once())

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        """The usual one."""
        return self.ask("GET", path, headers)


class Limits:
    """Says how long to wait."""

    wait_s = 0.0

    def take(self, caller: str) -> float:
        """The same for everybody."""
        assert caller
        return self.wait_s


@pytest.fixture
def limits() -> Limits:
    """Nobody waits."""
    return Limits()


@pytest.fixture
def client(tmp_path: Path, limits: Limits) -> Client:
    """An edge on which `good` opens the image, two at once."""
    (tmp_path / "image.bin").write_bytes(IMAGE)
    offered = Offered(tmp_path / "image.bin", len(IMAGE), TAG.strip('"'))
    app = FastAPI()
    app.include_router(build_firmware_router(lambda token: offered if token == "good" else None, limits, 2))
    return Client(app)


def test_the_whole_image(client: Client) -> None:
    """With its length and its tag; `HEAD` says the same without it."""
    whole, head = client.get("/firmware/v1/good"), client.ask("HEAD", "/firmware/v1/good")
    assert (200, IMAGE, TAG) == (whole.status_code, whole.content, whole.headers["etag"])
    assert (200, str(len(IMAGE)), b"") == (head.status_code, head.headers["content-length"], head.content)
    part = client.ask(
        "HEAD", "/firmware/v1/good", {"range": "bytes=5-9"}
    )  # a range is for GET alone (RFC 9110, 14.2)
    assert (200, head.headers["content-length"]) == (part.status_code, part.headers["content-length"])


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=4096-", 4096, len(IMAGE) - 1), ("bytes=0-0", 0, 0), ("bytes=51199-99999", 51199, 51199)],
)
def test_a_part_of_it(client: Client, asked: str, first: int, last: int) -> None:
    """Exactly the bytes that were asked for."""
    part = client.get("/firmware/v1/good", headers={"range": asked, "if-range": TAG})
    assert (206, IMAGE[first : last + 1]) == (part.status_code, part.content)
    assert f"bytes {first}-{last}/{len(IMAGE)}" == part.headers["content-range"]


@pytest.mark.parametrize(
    "headers",
    [
        {"range": "bytes=4096-", "if-range": '"another"'},
        {"range": "bytes=-5"},
        {"range": "bytes=1-2,5-6"},
        {"range": "bytes=9-3"},
        {"range": "lines=1-2"},
    ],
)
def test_what_cannot_go_on_gets_the_whole(client: Client, headers: dict[str, str]) -> None:
    """Another image meanwhile, or a form that need not be understood (RFC 9110, 14.2)."""
    answer = client.get("/firmware/v1/good", headers=headers)
    assert (200, IMAGE) == (answer.status_code, answer.content)


def test_beyond_the_end(client: Client) -> None:
    """416 with the size."""
    answer = client.get("/firmware/v1/good", headers={"range": f"bytes={len(IMAGE)}-"})
    assert (416, f"bytes */{len(IMAGE)}") == (answer.status_code, answer.headers["content-range"])


def test_nothing_behind_another_address(client: Client) -> None:
    """And never a word more."""
    answer = client.get("/firmware/v1/guess")
    assert (404, b"") == (answer.status_code, answer.content)


def test_too_often_or_too_many_are_asked_to_come_back(client: Client, limits: Limits) -> None:
    """With the seconds after which; and every download that ended makes room."""
    for _ in range(5):
        assert client.get("/firmware/v1/good").status_code == 200
        assert client.get("/firmware/v1/guess").status_code == 404
    limits.wait_s = 2.5
    answer = client.get("/firmware/v1/good")
    assert (429, "3") == (answer.status_code, answer.headers["retry-after"])


def test_who_finds_all_places_taken_waits(tmp_path: Path, limits: Limits) -> None:
    """503, before anything is looked up."""
    app = FastAPI()
    app.include_router(build_firmware_router(lambda _: pytest.fail("looked up"), limits, 0))
    answer = Client(app).get("/firmware/v1/good")
    assert (503, "30") == (answer.status_code, answer.headers["retry-after"])


def test_a_device_is_asked_to_come_back_where_the_image_is_missing(tmp_path: Path, limits: Limits) -> None:
    """503, so that it neither gives up nor refuses; also if the file goes between look and read."""

    def find(token: str) -> Offered | None:
        if token == "gone":
            raise ImageMissing
        return Offered(tmp_path / "nothing.bin", 9, "0")

    app = FastAPI()
    app.include_router(build_firmware_router(find, limits, 1))
    client = Client(app)
    for token in ("gone", "going", "gone"):
        answer = client.get(f"/firmware/v1/{token}")
        assert (503, "300") == (answer.status_code, answer.headers["retry-after"])
