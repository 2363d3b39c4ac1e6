"""The assistant endpoint: the protocol, the five tools, and the role and rules behind them."""

import json
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlmodel import select

from replenish_server.households.people import Act, Role
from replenish_server.households.tables import HouseholdNotice, SlotMandate
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.web.assistant import build_assistant
from replenish_server.web.assistant_protocol import HANDSHAKES, REVISIONS, STATELESS
from tests.fakes.retailer_house import HOUSEHOLD, NOW, House, evaluate_now
from tests.support.two_homes import OTHER, TwoHomes


class Assistant:
    """A client of the endpoint."""

    def __init__(self, house: House) -> None:
        self.homes = TwoHomes(house)
        app = FastAPI()
        app.include_router(build_assistant(self.homes.desk))
        transport = httpx.ASGITransport(app=app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://localhost")

    async def send(self, headers: dict[str, str], method: str, number: Any = 1, **params: Any) -> Any:
        """One message; the parsed answer."""
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        answer = await self.client.post("/mcp", headers=headers, json=message)
        assert answer.status_code == 200, answer.text
        document = answer.json()
        assert (document["jsonrpc"], document["id"]) == ("2.0", number)
        return document

    async def tool(self, headers: dict[str, str], name: str, **arguments: Any) -> tuple[bool, str]:
        """Call a tool: whether it failed, and its text."""
        document = await self.send(headers, "tools/call", name=name, arguments=arguments)
        result = document["result"]
        return result["isError"], result["content"][0]["text"]


@pytest.fixture
def assistant(house: House) -> Assistant:
    """An assistant of a household whose slots were looked at."""
    with house.database.write() as session:
        evaluate_now(session, house.slots["level-1"], NOW)
    return Assistant(house)


async def test_it_introduces_itself_in_a_revision_that_both_speak(assistant: Assistant) -> None:
    owner = assistant.homes.token(Role.OWNER)
    for asked, spoken in (
        (HANDSHAKES[1], HANDSHAKES[1]),
        ("2020-01-01", HANDSHAKES[0]),
        (STATELESS, HANDSHAKES[0]),
    ):
        answer = await assistant.send(owner, "initialize", protocolVersion=asked, capabilities={})
        assert answer["result"]["protocolVersion"] == spoken
        assert "tools" in answer["result"]["capabilities"]
        assert answer["result"]["serverInfo"]["name"] == "replenish"
    assert (await assistant.send(owner, "ping", "text-id"))["result"] == {}
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    answer = await assistant.client.post("/mcp", headers=owner, json=note)
    assert (answer.status_code, answer.content) == (202, b"")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, -32700),
        (b"[]", 400, -32600),
        (b"[" * 60_000, 400, -32700),
        (b"\xff", 400, -32700),
        (b'{"jsonrpc": "2.0", "id": "\\ud800", "method": "ping"}', 400, -32700),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}', 400, -32600),
        (b'{"jsonrpc": "2.0", "id": true, "method": "ping"}', 400, -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "sing"}', 200, -32601),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": []}', 200, -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "sing"}}', 200, -32602),
    ],
)
async def test_what_cannot_be_answered_says_why(
    assistant: Assistant, body: bytes, status: int, code: int
) -> None:
    answer = await assistant.client.post("/mcp", headers=assistant.homes.token(Role.OWNER), content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_who_may_not_speak_is_not_heard(assistant: Assistant) -> None:
    owner = assistant.homes.token(Role.OWNER)
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    for headers, status in (
        ({}, 401),
        ({"authorization": "Bearer rpt_x"}, 401),
        ({**owner, "origin": "https://evil.example"}, 403),
        ({**owner, "mcp-protocol-version": "1999-01-01"}, 400),
        ({**owner, "mcp-protocol-version": HANDSHAKES[0]}, 200),
    ):
        assert (await assistant.client.post("/mcp", headers=headers, json=ping)).status_code == status
    for method in ("GET", "DELETE"):
        assert (await assistant.client.request(method, "/mcp", headers=owner)).status_code == 405


async def test_each_role_is_shown_its_tools(assistant: Assistant) -> None:
    shown = {}
    for role in Role:
        listed = await assistant.send(assistant.homes.token(role), "tools/list")
        shown[role.value] = [tool["name"] for tool in listed["result"]["tools"]]
        for tool in listed["result"]["tools"]:
            assert set(tool["inputSchema"]["required"]) <= tool["inputSchema"]["properties"].keys()
    assert shown == {
        "owner": ["running_out", "why", "order", "skip", "pause"],
        "adult": ["running_out", "why", "order", "skip", "pause"],
        "child": ["running_out", "why", "order"],
        "guest": ["order"],
        "helper": ["running_out", "why"],
    }


async def test_it_tells_what_runs_out_and_why(assistant: Assistant) -> None:
    owner = assistant.homes.token(Role.OWNER)
    failed, text = await assistant.tool(owner, "running_out")
    assert (failed, text.count("days left unknown")) == (False, 2)
    failed, text = await assistant.tool(owner, "why", slot="Box")
    assert failed
    assert "several are called that" in text
    failed, text = await assistant.tool(owner, "why", slot=assistant.homes.house.slots["level-1"])
    assert not failed
    assert text.startswith("Not ordering: there is no reading")
    assert "- Level known: unknown" in text


async def test_one_wish_is_one_order_under_the_role_of_its_person(assistant: Assistant) -> None:
    slot = assistant.homes.house.slots["button-1"]
    guest, adult = assistant.homes.token(Role.GUEST), assistant.homes.token(Role.ADULT)
    wish = {"slot": slot, "request_id": "w1"}
    failed, text = await assistant.tool(guest, "order", **wish)
    assert (failed, text.startswith("waiting: ")) == (False, True)
    assert (await assistant.tool(guest, "order", **wish)) == (False, text)
    assert (await assistant.tool(adult, "order", **wish))[1].startswith("already: ")
    other = {"slot": assistant.homes.house.slots["level-1"], "request_id": "w1"}
    assert "another wish" in (await assistant.tool(guest, "order", **other))[1]
    with assistant.homes.database.read() as session:
        assert len(session.exec(select(PurchaseOrder)).all()) == 1


async def test_an_order_is_skipped_and_a_pause_is_told(assistant: Assistant) -> None:
    homes = assistant.homes
    slot = homes.house.slots["button-1"]
    order_id = homes.order(slot, HOUSEHOLD)
    adult = homes.token(Role.ADULT)
    failed, text = await assistant.tool(adult, "skip", order_id=order_id, request_id="s1")
    assert (failed, text) == (False, "Skipped: Detergent.")
    until = (NOW + timedelta(days=9)).date()
    failed, text = await assistant.tool(adult, "pause", slot=slot, until=until.isoformat())
    assert not failed
    with homes.database.read() as session:
        mandate = session.get_one(SlotMandate, slot)
        assert (mandate.paused_until, mandate.changed_by.split()[0]) == (until, "adult")
        told = session.exec(select(HouseholdNotice).where(HouseholdNotice.kind == "paused")).one()
        assert told.data["until"] == until.isoformat()
    assert (await assistant.tool(adult, "pause", until=date(2020, 1, 1).isoformat()))[0]
    assert (await assistant.tool(adult, "pause", until=None)) == (False, "No pause for everything.")


async def test_what_is_refused_is_said_and_changes_nothing(assistant: Assistant) -> None:
    homes = assistant.homes
    child = homes.token(Role.CHILD)
    theirs = homes.order(homes.their_slot, OTHER)
    looks = homes.token(Role.ADULT, HOUSEHOLD, Act.SEE)
    owner = homes.token(Role.OWNER)
    for headers in (child, looks, owner):
        await assistant.send(headers, "ping")  # that a token is used is noted once an hour
    before = homes.dump()
    slot = homes.house.slots["button-1"]
    for headers, name, arguments, said in (
        (child, "pause", {"until": None}, "may not change the rules"),
        (looks, "order", {"slot": slot, "request_id": "r"}, "may not ask for an order"),
        (owner, "skip", {"order_id": theirs, "request_id": "r"}, "no such thing"),
        (owner, "order", {"slot": homes.their_slot, "request_id": "r"}, "none is called that"),
        (owner, "order", {"slot": slot}, "arguments of order"),
        (owner, "order", {"slot": slot, "request_id": "r", "packs": 99}, "arguments of order"),
        (owner, "pause", {"until": "soon"}, "give until as a day"),
        (owner, "why", {"slot": 7}, "give slot as a text"),
    ):
        failed, text = await assistant.tool(headers, name, **arguments)
        assert failed, name
        assert said in text
    assert homes.dump() == before


async def test_an_answer_is_one_line_of_json_without_a_stream(assistant: Assistant) -> None:
    headers = {**assistant.homes.token(Role.OWNER), "accept": "application/json, text/event-stream"}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    answer = await assistant.client.post("/mcp", headers=headers, json=message)
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.text)["id"] == 1


async def test_half_a_character_is_refused_before_anything_is_looked_up(assistant: Assistant) -> None:
    """A JSON escape can hold half a surrogate pair, which no database keeps; it was a failure (500)."""
    owner = assistant.homes.token(Role.OWNER)
    body = '{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "%s", "arguments": {%s}}}'
    for name, arguments in (
        ("order", '"slot": "Box", "request_id": "\\ud800"'),
        ("skip", '"order_id": "\\ud800", "request_id": "r"'),
    ):
        answer = await assistant.client.post(
            "/mcp", headers=owner, content=(body % (name, arguments)).encode()
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32700)


async def test_a_body_in_pieces_is_read_and_one_too_long_is_not(assistant: Assistant) -> None:
    async def pieces(text: bytes, times: int = 1) -> AsyncIterator[bytes]:
        for _ in range(times):
            yield text

    owner = assistant.homes.token(Role.OWNER)
    ping = b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}'
    for content, status in ((pieces(ping), 200), (pieces(b" " * 4096, 17), 413)):
        assert (await assistant.client.post("/mcp", headers=owner, content=content)).status_code == status


async def test_several_messages_come_at_once_only_in_the_revision_that_has_them(assistant: Assistant) -> None:
    owner = assistant.homes.token(Role.OWNER)
    batch = [
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}},
        {"jsonrpc": "2.0", "id": "b", "method": "sing"},
    ]
    answer = await assistant.client.post("/mcp", headers=owner, json=batch)
    assert answer.json() == [
        {"jsonrpc": "2.0", "id": 1, "result": {}},
        {"jsonrpc": "2.0", "id": "b", "error": {"code": -32601, "message": "there is no method 'sing'"}},
    ]
    told = await assistant.client.post("/mcp", headers=owner, json=batch[1:2])
    assert (told.status_code, told.content) == (202, b"")
    later = {**owner, "mcp-protocol-version": HANDSHAKES[0]}
    assert (await assistant.client.post("/mcp", headers=later, json=batch)).status_code == 400


def stateless(method: str, **params: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """Headers and message of revision 2026-07-28."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    headers = {"mcp-protocol-version": STATELESS, "mcp-method": method}
    if "name" in params:
        headers["mcp-name"] = params["name"]
    return headers, {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}


async def test_without_a_handshake_each_request_says_its_revision(assistant: Assistant) -> None:
    owner = assistant.homes.token(Role.OWNER)
    headers, message = stateless("server/discover")
    found = (await assistant.client.post("/mcp", headers=owner | headers, json=message)).json()["result"]
    assert (found["supportedVersions"], found["resultType"]) == (list(REVISIONS), "complete")
    assert found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "replenish"
    headers, message = stateless("tools/list")
    listed = (await assistant.client.post("/mcp", headers=owner | headers, json=message)).json()["result"]
    assert (len(listed["tools"]), listed["cacheScope"], listed["ttlMs"] > 0) == (5, "private", True)
    headers, message = stateless("tools/call", name="running_out", arguments={})
    for name in ("running_out", "=?base64?cnVubmluZ19vdXQ=?="):
        headers["mcp-name"] = name
        said = (await assistant.client.post("/mcp", headers=owner | headers, json=message)).json()["result"]
        assert (said["isError"], said["resultType"]) == (False, "complete")


async def test_a_request_that_contradicts_its_headers_is_refused(assistant: Assistant) -> None:
    owner = assistant.homes.token(Role.OWNER)
    headers, message = stateless("tools/call", name="running_out", arguments={})
    bare = {**message, "params": {"name": "running_out"}}
    for wrong, sent, status, code in (
        ({"mcp-name": "order"}, message, 400, -32020),
        ({"mcp-name": "=?base64?!?="}, message, 400, -32020),
        ({"mcp-method": "tools/list"}, message, 400, -32020),
        ({}, bare, 400, -32602),
        ({"mcp-protocol-version": "2031-01-01"}, message, 400, -32022),
        ({"mcp-method": "ping"}, {**message, "method": "ping"}, 404, -32601),
    ):
        answer = await assistant.client.post("/mcp", headers=owner | headers | wrong, json=sent)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), wrong
