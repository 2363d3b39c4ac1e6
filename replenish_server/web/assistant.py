"""The assistant endpoint: Model Context Protocol over streamable HTTP at /mcp, stateless, answers as JSON.

It owns the protocol only; what the tools do is in `assistant_tools`. Source: MCP specification, revisions
2025-03-26 to 2025-11-25 (base protocol, transports, tools).
"""

import json
from importlib.metadata import version
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from replenish_server.households.people import Actor
from replenish_server.web.api_desk import ApiDesk
from replenish_server.web.assistant_tools import call_tool, tools_for
from replenish_server.web.language import from_header
from replenish_server.web.security import is_same_origin
from replenish_server.web.views import Lang

REVISIONS: Final = ("2025-11-25", "2025-06-18", "2025-03-26")
MAX_BODY_BYTES: Final = 64 * 1024
_PARSE, _INVALID, _NO_METHOD, _PARAMS = -32700, -32600, -32601, -32602
_INSTRUCTIONS = (
    "The supplies of a household. Say what runs out and why from running_out and why; order, skip and pause "
    "only when a person asked for it. Orders follow the household's own rules, and may wait for an adult."
)


class RpcError(Exception):
    """Ends a call with a JSON-RPC error.

    Args:
        code: of JSON-RPC 2.0, section 5.1.
        message: what is wrong.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


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
        revision = request.headers.get("mcp-protocol-version", REVISIONS[-1])
        if revision not in REVISIONS:
            return _failed(None, RpcError(_INVALID, f"revisions spoken: {', '.join(REVISIONS)}"), 400)
        length = request.headers.get("content-length", "")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            return _failed(None, RpcError(_INVALID, f"send at most {MAX_BODY_BYTES} bytes"), 413)
        return await run_in_threadpool(_answer, desk, actor, await request.body(), request)

    @router.get("/mcp")
    @router.delete("/mcp")
    def no_stream() -> Response:
        """There is nothing to push and no session to end: the transport says 405 for both."""
        return Response(status_code=405, headers={"allow": "POST"})

    return router


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _answer(desk: ApiDesk, actor: Actor, body: bytes, request: Request) -> Response:
    try:
        message = _read(body)
    except RpcError as error:
        return _failed(None, error, 400)
    method, number = message.get("method"), message.get("id")
    if not isinstance(method, str) or number is None:
        return Response(status_code=202)  # a notification, or an answer to a question that we never ask
    lang = from_header(request.headers.get("accept-language", "")) or "en"
    try:
        result = _result(desk, actor, method, message.get("params", {}), lang)
    except RpcError as error:
        return _failed(number, error, 200)
    return JSONResponse({"jsonrpc": "2.0", "id": number, "result": result}, headers=_NO_STORE)


def _read(body: bytes) -> dict[str, Any]:
    """The message.

    Raises:
        RpcError: it is none.
    """
    try:
        message = json.loads(body)
    except ValueError as error:
        raise RpcError(_PARSE, "the body is not JSON") from error
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise RpcError(_INVALID, "send one JSON-RPC 2.0 message")
    number = message.get("id")
    if not isinstance(number, str | int | None) or isinstance(number, bool):
        raise RpcError(_INVALID, "an id is a text or a whole number")
    return message


_NO_STORE = {"cache-control": "no-store"}


def _result(desk: ApiDesk, actor: Actor, method: str, params: Any, lang: Lang) -> dict[str, Any]:
    if not isinstance(params, dict):
        raise RpcError(_PARAMS, "params is an object")
    if method == "initialize":
        asked = params.get("protocolVersion")
        return {
            "protocolVersion": asked if asked in REVISIONS else REVISIONS[0],
            "capabilities": {"tools": {"listChanged": False}},
            "serverInfo": {"name": "replenish", "title": "Replenish", "version": version("replenish")},
            "instructions": _INSTRUCTIONS,
        }
    if method == "ping":
        return {}
    if method == "tools/list":
        return {"tools": tools_for(actor)}
    if method == "tools/call":
        arguments = params.get("arguments", {})
        if not isinstance(params.get("name"), str) or not isinstance(arguments, dict):
            raise RpcError(_PARAMS, "name a tool, and give its arguments as an object")
        answer = call_tool(desk, actor, params["name"], arguments, lang)
        if answer is None:
            raise RpcError(_PARAMS, f"there is no tool {params['name']!r}")
        return answer
    raise RpcError(_NO_METHOD, f"there is no method {method!r}")


def _failed(number: str | int | None, error: RpcError, status: int) -> Response:
    document = {"jsonrpc": "2.0", "id": number, "error": {"code": error.code, "message": error.message}}
    return JSONResponse(document, status, headers=_NO_STORE)
