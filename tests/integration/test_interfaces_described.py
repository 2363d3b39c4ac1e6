"""Both interfaces for programs answer as their descriptions say, whatever is sent to them.

What an outside fuzzer of OpenAPI documents found once stays here.
"""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError

from replenish_server.households.people import Role
from replenish_server.retailers.cxml.inbound import CxmlDesk, CxmlReply
from replenish_server.retailers.cxml.reading import read_status
from replenish_server.web.cxml_edge import build_cxml_edge, cxml_limits
from tests.fakes.market import Market
from tests.fakes.retailer_house import House
from tests.support.read_only import read_only
from tests.support.two_homes import TwoHomes, operations

PROBLEM = "application/problem+json"
JSON = {"content-type": "application/json"}


@pytest.fixture
def market(house: House) -> Iterator[Market]:
    """The house and its retailers."""
    made = Market(house)
    yield made
    made.shops.close()


@pytest.fixture(params=["household", "retailer"])
def interface(request: pytest.FixtureRequest) -> Any:
    """Opens a client that is let in, with an address that takes a body."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
        if request.param == "household":
            house: House = request.getfixturevalue("house")
            homes = TwoHomes(house)
            homes.client.headers.update(homes.token(Role.OWNER))
            async with homes.client:
                yield homes.client, f"/slots/{house.slots['button-1']}/pause"
        else:
            market: Market = request.getfixturevalue("market")
            async with market.client() as client:
                yield client, f"/orders/{market.placed()[1]}/ship"

    return opened


async def test_every_refusal_is_described_as_what_it_is(interface: Any) -> None:
    """A problem under its own media type, and each that the framework or a body can bring about."""
    async with interface() as (client, _):
        document = (await client.get("/openapi.json")).json()
    for method, path, operation in operations(document):
        answers = operation["responses"]
        for status, answer in answers.items():
            if status >= "400":
                assert list(answer["content"]) == [PROBLEM], (method, path, status)
                assert "schema" in answer["content"][PROBLEM], (method, path, status)
        assert {"401", "422"} <= answers.keys(), (method, path)
        if method != "GET":
            assert {"411", "413", "415"} <= answers.keys(), (method, path)
        for parameter in operation.get("parameters", ()):
            if parameter["name"] == "Idempotency-Key":
                assert (parameter["required"], "400" in answers) == (True, True), path


UNREADABLE: tuple[tuple[bytes, dict[str, str], int], ...] = (
    (b"\xff\xfe", JSON, 422),
    (b"[" * 7000, JSON, 422),
    (b"9" * 5000, JSON, 422),
    (b"{", JSON, 422),
    (b'{"\\ud800":1}', JSON, 422),
    (b"{}", {}, 415),
    (b"{}", {"content-type": "text/plain"}, 415),
    (b"x" * 20_000, JSON, 413),
)


async def test_a_body_that_cannot_be_read_is_a_problem_that_says_so(interface: Any) -> None:
    async with interface() as (client, address):
        for content, headers, status in UNREADABLE:
            answer = await client.post(address, content=content, headers={"idempotency-key": "k", **headers})
            said = (answer.status_code, answer.headers["content-type"])
            assert said == (status, PROBLEM), (content[:9], answer.text)
            assert answer.json()["code"] != "refused", content[:9]


async def test_a_body_in_pieces_is_asked_for_whole(interface: Any) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"{}"

    async with interface() as (client, address):
        answer = await client.post(address, content=pieces(), headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")


async def test_another_method_is_told_every_method_that_works(interface: Any) -> None:
    async with interface() as (client, address):
        for method in ("HEAD", "OPTIONS", "DELETE"):
            answer = await client.request(method, address)
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST"), method
        nowhere = await client.get("/nothing")
    assert (nowhere.status_code, nowhere.json()["detail"]) == (404, "there is nothing here")


async def test_an_address_with_two_methods_says_both(house: House) -> None:
    async with TwoHomes(house).client as client:
        answer = await client.delete(f"/slots/{house.slots['level-1']}/threshold")
    assert answer.headers["allow"] == "GET, PUT"


async def test_moments_and_days_are_text_and_never_a_number(house: House) -> None:
    homes = TwoHomes(house)
    pause = f"/slots/{house.slots['button-1']}/pause"
    wrong = [("/notices/seen", said) for said in (0, 1e9, "0", "1780000000", "2026-06-01T07:00:00", None)]
    wrong += [(pause, said) for said in (0, 99_999_999, "20640", "2126-06-01T00:00:00", "2126-6-1")]
    async with homes.client as client:
        for address, said in wrong:
            answer = await client.post(address, headers=homes.token(Role.OWNER), json={"until": said})
            assert answer.status_code == 422, said
            assert answer.json()["errors"][0]["field"] == "body.until"


async def test_a_database_that_takes_nothing_is_said_and_over_once_it_does(house: House) -> None:
    """As on a full disk, or one mounted to be read; what was asked is not done, and can be asked again."""
    homes = TwoHomes(house)
    headers, pause = homes.token(Role.OWNER), f"/slots/{house.slots['button-1']}/pause"
    async with homes.client as client:
        with read_only(house.database.engine):
            answer = await client.post(pause, headers=headers, json={"until": "2126-08-15"})
        assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
        assert "readonly" in answer.json()["detail"]
        assert (await client.post(pause, headers=headers, json={"until": "2126-08-15"})).status_code == 200


async def test_a_list_since_a_number_is_refused(market: Market) -> None:
    async with market.client() as client:
        for since in ("0.5", "1780000000", "2026-05-04T12:00:00"):
            assert (await client.get("/orders", params={"since": since})).status_code == 422, since


class FullDesk(CxmlDesk):
    """Where no supplier's message can be stored."""

    def take(self, body: bytes) -> CxmlReply:
        """Fail as SQLite does."""
        full = sqlite3.OperationalError("database or disk is full")
        raise OperationalError("INSERT", {}, full) from full


async def test_a_supplier_hears_in_cxml_that_nothing_can_be_stored(market: Market) -> None:
    """560 is for later (cXML 1.2, status codes), and HTTP says the same."""
    app, desk = FastAPI(), FullDesk(market.database, market.clock, market.acted)
    app.include_router(build_cxml_edge(desk, cxml_limits(), "http://home.test"))
    way = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=way, base_url="http://home.test") as client:
        answer = await client.post("/cxml", content=b"<cXML/>")
    status = read_status(answer.content)
    assert (answer.status_code, answer.headers["retry-after"], status.code) == (503, "5", 560)
    assert "make room" in status.text
