"""The assistant endpoint: Model Context Protocol over streamable HTTP at /mcp, stateless, answers as JSON.

It owns the endpoint only; messages are read in `assistant_protocol`, and what the tools do is in
`assistant_tools`. Source: MCP specification, revisions 2025-03-26 to 2026-07-28 (transports, tools).
"""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from replenish_server.households.people import Actor
from replenish_server.web.api_desk import ApiDesk
from replenish_server.web.assistant_protocol import (
    HANDSHAKES,
    INVALID,
    NO_METHOD,
    PARAMS,
    REVISIONS,
    STATELESS,
    RpcError,
    check_envelope,
    complete,
    read_messages,
    unsupported,
)
from replenish_server.web.assistant_tools import call_tool, tools_for
from replenish_server.web.language import from_header
from replenish_server.web.security import is_same_origin
from replenish_server.web.views import Lang

MAX_BODY_BYTES: Final = 64 * 1024
_NO_STORE = {"cache-control": "no-store"}
_CAPABILITIES = {"tools": {"listChanged": False}}
_SERVER = {"name": "replenish", "title": "Replenish", "version": version("replenish")}
_KEPT_MS = 60_000  # what a token may is looked at each time; a list that is a minute old does no harm
_INSTRUCTIONS = (
    "The supplies of a household. Say what runs out and why from running_out and why; order, skip and pause "
    "only when a person asked for it. Orders follow the household's own rules, and may wait for an adult."
)


def build_assistant(desk: ApiDesk) -> APIRouter:
    """The endpoint over the acts of the API."""
    router = APIRouter(include_in_schema=False)

    @router.post("/mcp")
    async def mcp(request: Request) -> Response:
        # A browser's page of another site must not speak for a program (the transport's security section).
        if "origin" in request.headers and not is_same_origin(request):
            return JSONResponse({"detail": "this origin is not ours"}, 403)
        actor = await run_in_threadpool(desk.actor, _bearer(request))
        if actor is None:
            return JSONResponse(
                {"detail": "send Authorization: Bearer with a token from `replenish token create`"},
                401,
                headers={"www-authenticate": 'Bearer realm="replenish"'},
            )
        revision = request.headers.get("mcp-protocol-version", HANDSHAKES[-1])
        if revision not in REVISIONS:
            return _refused(unsupported(revision), 400)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return _refused(RpcError(INVALID, f"send at most {MAX_BODY_BYTES} bytes"), 413)
        return await run_in_threadpool(_answer, desk, actor, bytes(body), revision, request.headers)

    @router.get("/mcp")
    @router.delete("/mcp")
    def no_stream() -> Response:
        """There is nothing to push and no session to end: the transport says 405 for both."""
        return Response(status_code=405, headers={"allow": "POST"})

    return router


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _answer(desk: ApiDesk, actor: Actor, body: bytes, revision: str, headers: Mapping[str, str]) -> Response:
    try:
        messages, batch = read_messages(body, revision)
    except RpcError as error:
        return _refused(error, 400)
    lang = from_header(headers.get("accept-language", "")) or "en"
    answers, status = [], 200
    for message in messages:
        method, number = message.get("method"), message.get("id")
        if not isinstance(method, str) or number is None:
            continue  # a notification, or an answer to a question that we never ask
        try:
            if revision == STATELESS:
                check_envelope(message, headers)
            result = _result(desk, actor, method, message.get("params", {}), lang, revision)
            answers.append({"jsonrpc": "2.0", "id": number, "result": result})
        except RpcError as error:
            answers.append(error.document(number))
            status = error.status(revision)
    if not answers:
        return Response(status_code=202)
    return JSONResponse(answers if batch else answers[0], status, headers=_NO_STORE)


def _result(
    desk: ApiDesk, actor: Actor, method: str, params: Any, lang: Lang, revision: str
) -> dict[str, Any]:
    if not isinstance(params, dict):
        raise RpcError(PARAMS, "params is an object")
    if method == "tools/list":
        listed = {"tools": tools_for(actor)}
        return complete(listed, _SERVER, kept_ms=_KEPT_MS) if revision == STATELESS else listed
    if method == "tools/call":
        called = _call(desk, actor, params, lang)
        return complete(called, _SERVER, kept_ms=None) if revision == STATELESS else called
    if revision == STATELESS:
        if method == "server/discover":
            found = {"supportedVersions": list(REVISIONS), "capabilities": _CAPABILITIES}
            return complete({**found, "instructions": _INSTRUCTIONS}, _SERVER, kept_ms=_KEPT_MS)
    elif method == "initialize":
        asked = params.get("protocolVersion")
        return {
            "protocolVersion": asked if asked in HANDSHAKES else HANDSHAKES[0],
            "capabilities": _CAPABILITIES,
            "serverInfo": _SERVER,
            "instructions": _INSTRUCTIONS,
        }
    elif method == "ping":
        return {}
    raise RpcError(NO_METHOD, f"there is no method {method!r}")


def _call(desk: ApiDesk, actor: Actor, params: dict[str, Any], lang: Lang) -> dict[str, Any]:
    arguments = params.get("arguments", {})
    if not isinstance(params.get("name"), str) or not isinstance(arguments, dict):
        raise RpcError(PARAMS, "name a tool, and give its arguments as an object")
    answer = call_tool(desk, actor, params["name"], arguments, lang)
    if answer is None:
        raise RpcError(PARAMS, f"there is no tool {params['name']!r}")
    return answer


def _refused(error: RpcError, status: int) -> Response:
    return JSONResponse(error.document(None), status, headers=_NO_STORE)
