"""MCP as servers speak it: with and without sessions, as JSON and as a stream, structured and as text."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from replenish_server.retailers.http import Answer, ShopClient
from replenish_server.retailers.instruments import Account
from replenish_server.retailers.port import Placed, Problem, Quote, Trouble, TryLater, Unknown
from replenish_server.retailers.ucp import RELEASES
from replenish_server.retailers.ucp.bindings import McpBinding, is_answered
from replenish_server.retailers.ucp.client import UcpRetailer
from replenish_server.retailers.ucp.connection import Identity
from replenish_server.retailers.ucp.mcp_session import McpSession
from replenish_server.retailers.ucp.release import Release
from tests.fakes.retailer_merchant import SITE, Doc, checkout, error, says
from tests.unit.retailers.conftest import HOME, Conversation
from tests.unit.retailers.test_ucp_releases import (
    CALL,
    DISCOVER,
    MCP,
    mcp_profile,
    of_release,
    rpc_error,
    tool,
)


def as_json(message: Doc) -> tuple[str, bytes]:
    """One JSON document."""
    return "application/json", json.dumps(message).encode()


def as_stream(message: Doc) -> tuple[str, bytes]:
    """A comment, a notification, and the answer cut into two data lines: one event after the other."""
    note = json.dumps({"jsonrpc": "2.0", "method": "notifications/progress", "params": {}})
    head, tail = json.dumps(message, indent=1).split("\n", 1)
    lines = "\r\n".join(f"data: {line}" for line in (head, *tail.split("\n")))
    text = f": hello\r\n\r\nevent: message\r\ndata: {note}\r\n\r\nid: 7\r\nevent: message\r\n{lines}\r\n\r\n"
    return "text/event-stream; charset=utf-8", text.encode()


def structured(document: Doc) -> Doc:
    """As UCP has it."""
    return {"structuredContent": document}


def wrapped(document: Doc) -> Doc:
    """Inside the resource's name."""
    return {"structuredContent": {"checkout": document}}


def library(document: Doc) -> Doc:
    """As a library wraps a tool that returns text."""
    text = json.dumps(document)
    return {"structuredContent": {"result": text}, "content": [{"type": "text", "text": text}]}


def texts(document: Doc) -> Doc:
    """As text only, behind a part that is none."""
    return {"content": [{"type": "image", "data": ""}, {"type": "text", "text": json.dumps(document)}]}


REFUSALS: dict[str, Callable[[], httpx.Response]] = {
    "400 with a sentence": lambda: httpx.Response(400, text="Bad Request: Missing session ID"),
    "400 with an error": lambda: httpx.Response(
        400,
        json={
            "jsonrpc": "2.0",
            "id": None,
            "error": {"code": -32000, "message": "Bad Request: Server not initialized"},
        },
    ),
    "200 with an error that says nothing": lambda: httpx.Response(
        200,
        json={
            "jsonrpc": "2.0",
            "id": 1,
            "error": {"code": -32602, "message": "Invalid request parameters", "data": ""},
        },
    ),
    "200 with data": lambda: httpx.Response(
        200,
        json={
            "jsonrpc": "2.0",
            "id": 1,
            "error": {"code": -32000, "message": "Unknown error", "data": "Mcp-Session-Id header required"},
        },
    ),
    "404": lambda: httpx.Response(404, json={"detail": "Session not found"}),
}


@dataclass
class StrictServer:
    """A server that wants a session for every call, and says so in its own way.

    Args:
        refusal: how a call without one is answered.
        form: how messages travel.
        shape: how a tool's result holds the document.
        dies_before: tools before whose first call every session is forgotten.
    """

    refusal: Callable[[], httpx.Response]
    form: Callable[[Doc], tuple[str, bytes]] = as_json
    shape: Callable[[Doc], Doc] = structured
    dies_before: set[str] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)
    ready: set[str] = field(default_factory=set)
    done: list[tuple[str, bytes, str]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json=mcp_profile())
        message = json.loads(request.content)
        session = request.headers.get("mcp-session-id")
        if message["method"] == "initialize":
            assert session is None
            session = f"s-{len(self.sessions)}"
            self.sessions.add(session)
            result = {"protocolVersion": "2025-03-26", "capabilities": {}, "serverInfo": {"name": "strict"}}
            return self._says({"jsonrpc": "2.0", "id": message["id"], "result": result}, session)
        if message["method"] == "notifications/initialized":
            assert session in self.sessions
            self.ready.add(str(session))
            return httpx.Response(202)
        name = message["params"]["name"]
        if name in self.dies_before:
            self.dies_before.discard(name)
            self.ready.clear()
            return httpx.Response(404, text="Session not found")
        if session not in self.ready:
            return self.refusal()
        assert request.headers["mcp-protocol-version"] == "2025-03-26"
        self.done.append((name, request.content, request.headers.get("idempotency-key", "")))
        document = checkout("completed" if name == "complete_checkout" else "ready_for_complete")
        return self._says({"jsonrpc": "2.0", "id": message["id"], "result": self.shape(document)})

    def _says(self, message: Doc, session: str | None = None) -> httpx.Response:
        kind, body = self.form(message)
        more = {} if session is None else {"Mcp-Session-Id": session}
        return httpx.Response(200, content=body, headers={"Content-Type": kind} | more)


def shop_of(talk: Conversation, server: Callable[[httpx.Request], httpx.Response]) -> UcpRetailer:
    """A client of that server."""
    client = ShopClient({}, httpx.MockTransport(server))
    return UcpRetailer(Account(SITE, "pay-1", "tok"), client, lambda: talk.moment, Identity(HOME))


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("form", [as_json, as_stream], ids=["json", "stream"])
def test_a_server_that_wants_a_session_gets_one(talk: Conversation, refusal: str, form: Any) -> None:
    """Begun once, and every call is carried out exactly once, with its own bytes."""
    server = StrictServer(REFUSALS[refusal], form)
    shop = shop_of(talk, server)
    quote = shop.quote(talk.need, talk.journal)
    assert isinstance(quote, Quote), quote
    assert shop.place(quote, talk.journal) == Placed("ord_9", f"{SITE}/orders/ord_9", 2490, "EUR")
    assert [name for name, _, _ in server.done] == ["create_checkout", "get_checkout", "complete_checkout"]
    assert len(server.sessions) == 1


@pytest.mark.parametrize("shape", [structured, wrapped, library, texts], ids=lambda f: f.__name__)
@pytest.mark.parametrize("form", [as_json, as_stream], ids=["json", "stream"])
def test_a_result_is_read_wherever_it_stands(talk: Conversation, shape: Any, form: Any) -> None:
    """Structured, wrapped, as a library's text, as text alone."""
    shop = shop_of(talk, StrictServer(REFUSALS["404"], form, shape))
    assert isinstance(shop.quote(talk.need, talk.journal), Quote)


@pytest.mark.parametrize("tool_name", ["create_checkout", "get_checkout", "complete_checkout"])
def test_a_session_that_is_over_is_begun_anew_and_the_very_bytes_repeated(
    talk: Conversation, tool_name: str
) -> None:
    """The same key: nothing had been done."""
    server = StrictServer(REFUSALS["404"], dies_before={tool_name})
    shop = shop_of(talk, server)
    quote = shop.quote(talk.need, talk.journal)
    assert isinstance(quote, Quote)
    assert isinstance(shop.place(quote, talk.journal), Placed)
    done = {name: (body, key) for name, body, key in server.done}
    assert len(server.done) == 3
    for step, name in (("create", "create_checkout"), ("complete", "complete_checkout")):
        stored = talk.journal.find(step)
        assert stored is not None
        assert done[name] == (stored.body, stored.key)


def test_a_server_without_sessions_is_asked_for_one_at_most_once_a_minute(talk: Conversation) -> None:
    """Its refusal is told, and no call is repeated."""
    refused = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "no such argument"}}
    talk.merchant.on(DISCOVER, says(mcp_profile())).on(CALL, says(refused))
    shop = talk.shop()
    for _ in range(3):
        trouble = shop.quote(talk.need, talk.journal)
        assert isinstance(trouble, Trouble)
        assert "no such argument" in trouble.detail
    methods = [json.loads(request.content)["method"] for request in talk.merchant.sent(CALL)]
    assert methods == ["tools/call", "initialize"]


def test_sessions_are_asked_for_again_after_a_minute() -> None:
    """A server may have been restarted with them."""
    now = 0.0
    session = McpSession(lambda: now)
    missing = Answer(400, {}, b"Missing session ID")
    assert session.is_wanted(missing)
    assert not session.begin(lambda _body, _headers: Answer(405, {}, b""))
    assert not session.is_wanted(missing)
    now = 61.0
    assert session.is_wanted(missing)


@pytest.mark.parametrize("session_id", ["a\u00e4", "a b", "a\x7f"])
def test_a_session_id_that_cannot_be_a_header_is_not_taken(session_id: str) -> None:
    """It would go back to the server as one."""
    begun = {"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "2025-06-18"}}
    answer = Answer(200, {"mcp-session-id": session_id}, json.dumps(begun).encode())
    session = McpSession()
    assert session.begin(lambda _body, _headers: answer)
    assert session.headers == {"MCP-Protocol-Version": "2025-06-18"}


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        (
            {"structuredContent": {"messages": [error("out_of_stock", "unrecoverable")]}, "isError": True},
            Problem.OUT_OF_STOCK,
        ),
        (
            {
                "content": [
                    {"type": "text", "text": json.dumps({"code": "version_unsupported", "content": "no"})}
                ],
                "isError": True,
            },
            Problem.RETAILER_REFUSED,
        ),
        ({"structuredContent": {"messages": [error("item_unavailable")]}}, Problem.ITEM_UNAVAILABLE),
    ],
    ids=["messages", "a protocol error as text", "messages without the flag"],
)
def test_a_tool_that_failed_with_words_is_understood(
    talk: Conversation, result: Doc, problem: Problem
) -> None:
    """Whether or not it sets the flag or the status."""
    answer = {"jsonrpc": "2.0", "id": 1, "result": result}
    talk.merchant.on(DISCOVER, says(mcp_profile())).on(CALL, says(answer))
    trouble = talk.quote()
    assert isinstance(trouble, Trouble)
    assert trouble.problem is problem


def test_a_tool_that_broke_may_have_bought(talk: Conversation) -> None:
    """A library turns any exception into text: what became of the order is asked, and never called off."""
    broke = {"content": [{"type": "text", "text": "Error executing tool: boom"}], "isError": True}
    talk.merchant.on(DISCOVER, says(mcp_profile()))
    talk.merchant.on(
        CALL, says(tool(checkout())), says(tool(checkout())), says({"jsonrpc": "2.0", "result": broke})
    )
    assert isinstance(talk.place(), Unknown)
    talk.merchant.on(CALL, says(tool(checkout("completed"))))
    assert isinstance(talk.place(), Placed)


def test_a_tool_that_broke_before_anything_is_called_again(talk: Conversation) -> None:
    """A create that failed without a word."""
    broke = {"content": [{"type": "text", "text": "boom"}], "isError": True}
    talk.merchant.on(DISCOVER, says(mcp_profile())).on(
        CALL, says({"jsonrpc": "2.0", "id": 1, "result": broke})
    )
    with pytest.raises(TryLater):
        talk.quote()


@pytest.mark.parametrize("release", RELEASES, ids=lambda r: r.date)
def test_january_wants_the_key_as_an_argument_too(talk: Conversation, release: Release) -> None:
    """Everywhere it is in the metadata, and in the header."""
    talk.merchant.on(DISCOVER, says(mcp_profile(release.date)))
    ready, done = (of_release(checkout(state), release.date) for state in ("ready_for_complete", "completed"))
    talk.merchant.on(CALL, says(tool(ready)), says(tool(ready)), says(tool(done)))
    assert isinstance(talk.place(), Placed)
    sent = talk.merchant.sent(CALL)[-1]
    arguments = json.loads(sent.content)["params"]["arguments"]
    key = sent.headers["Idempotency-Key"]
    assert arguments["meta"]["idempotency-key"] == key
    assert arguments.get("idempotency_key") == (key if release.date == "2026-01-23" else None)


@pytest.mark.parametrize(
    ("script", "status"),
    [
        (says(rpc_error(-32000), 200, Retry_After="7"), 429),
        (says(rpc_error(-32603), 200), 500),
        (says(rpc_error(-32001), 200), 422),
        (says({"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "Unauthorized"}}, 401), 401),
        (says({"jsonrpc": "2.0", "id": 1, "result": None}), 502),
        (says({"jsonrpc": "2.0", "id": 1, "result": {"content": "text"}}), 502),
        (says([1]), 502),  # type: ignore[arg-type]
    ],
)
def test_errors_of_the_envelope_become_the_status_that_http_would_have(script: Any, status: int) -> None:
    """So that everything after the binding is the same."""
    response = script(httpx.Request("POST", MCP))
    answer = Answer(response.status_code, response.headers, response.content)
    assert McpBinding(MCP, "x").reply(answer).status == status


def test_a_stream_is_read_until_the_answer_is_in_it() -> None:
    """A server may leave it open for things that we never asked for."""
    _, whole = as_stream(tool(checkout()))
    for cut in range(0, len(whole) - 1, 7):
        assert not is_answered(whole[:cut])
    assert is_answered(whole)
    assert is_answered(whole + b": keep-alive")
