"""The protocol's MCP binding: JSON-RPC `tools/call` over HTTP, with the same rooms behind it as REST.

Source: UCP 2026-04-08, checkout, order and catalog MCP bindings; overview "Error Codes"; JSON-RPC 2.0.
"""

import json
import secrets
from typing import Any

from fastapi import FastAPI, Request, Response

from device_sim.retailer import browse
from device_sim.retailer.desk import Change, carry_out, read
from device_sim.retailer.edge import capability_refusal, read_bytes, receive, refused, sealed, sign_in_scopes
from device_sim.retailer.platforms import Platform
from device_sim.retailer.shop import Shop
from device_sim.retailer.wire import (
    CATALOG_LOOKUP,
    CATALOG_SEARCH,
    CHECKOUT,
    ORDER,
    Doc,
    ProtocolError,
    decode,
    encode,
)

CHANGES = {
    "create_checkout": "create",
    "update_checkout": "update",
    "complete_checkout": "complete",
    "cancel_checkout": "cancel",
}
NEED_A_KEY = ("complete_checkout", "cancel_checkout")
FINDS = {
    "search_catalog": (CATALOG_SEARCH, browse.search),
    "lookup_catalog": (CATALOG_LOOKUP, browse.lookup),
    "get_product": (CATALOG_LOOKUP, browse.product),
}
TOOLS = (*CHANGES, "get_checkout", "get_order", *FINDS)
# What a client may ask before it calls a tool.
ABOUT: dict[Any, Doc] = {
    "initialize": {
        "protocolVersion": "2025-06-18",
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "sandbox-retailer", "version": "1"},
    },
    "tools/list": {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in TOOLS]},
    "ping": {},
}
DISCOVERY = ("invalid_profile_url", "profile_unreachable", "profile_malformed", "version_unsupported")


class RpcError(Exception):
    """A message that is no call of a tool that there is.

    Args:
        code: of JSON-RPC 2.0, section 5.1.
    """

    def __init__(self, status: int, code: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


def add_mcp_route(app: FastAPI, shop: Shop) -> None:
    """Add POST /mcp."""

    @app.post("/mcp")
    async def call(request: Request) -> Response:
        call_id: Any = None
        try:
            raw = await read_bytes(request)
            message = _message(raw)
            call_id = message.get("id")
            result = await _result(shop, request, raw, message)
        except RpcError as problem:
            return _error(call_id, problem.status, problem.code, str(problem), {})
        except ProtocolError as problem:
            answered = refused(shop, request, problem)
            document: Doc = json.loads(bytes(answered.body))
            code = -32001 if problem.code in DISCOVERY else RPC_CODES.get(answered.status_code, -32000)
            return _error(call_id, answered.status_code, code, problem.content, document)
        if isinstance(result, Response):
            return result
        return sealed(shop, 200, encode({"jsonrpc": "2.0", "id": call_id, "result": result}))


RPC_CODES = {400: -32600, 404: -32601, 413: -32600, 422: -32602, 500: -32603}


def _message(raw: bytes) -> Doc:
    try:
        message = decode(raw)
    except (ValueError, RecursionError) as problem:
        raise RpcError(400, -32700, "This is not JSON.") from problem
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise RpcError(400, -32600, "Send one JSON-RPC 2.0 request.")
    return message


async def _result(shop: Shop, request: Request, raw: bytes, message: Doc) -> Doc | Response:
    method = message.get("method")
    if not isinstance(method, str):
        raise RpcError(400, -32600, "method is a text.")
    if method in ABOUT:
        return ABOUT[method]
    params = message.get("params")
    name, arguments = (
        (params.get(key) for key in ("name", "arguments")) if isinstance(params, dict) else (0, 0)
    )
    if method != "tools/call" or not isinstance(name, str) or name not in TOOLS:
        raise RpcError(404, -32601, f"There is no {name or method}.")
    if not isinstance(arguments, dict):
        raise RpcError(400, -32602, "Send params.arguments.")
    meta = arguments.get("meta")
    agent = meta.get("ucp-agent") if isinstance(meta, dict) else None
    profile = agent.get("profile") if isinstance(agent, dict) else None
    named = f'profile="{profile}"' if isinstance(profile, str) else None
    scopes = sign_in_scopes(shop) if "checkout" in str(name) else ()
    reads_order = name == "get_order"
    call = await receive(shop, request, reads_order=reads_order, agent=named, body=raw, scopes=scopes)
    outcome = await _tool(shop, call.platform, str(name), arguments, meta if isinstance(meta, dict) else {})
    if isinstance(outcome, Response):
        return outcome
    return {"structuredContent": outcome, "content": [{"type": "text", "text": encode(outcome).decode()}]}


async def _tool(shop: Shop, platform: Platform, name: str, arguments: Doc, meta: Doc) -> Doc | Response:
    needed = ORDER if name == "get_order" else FINDS[name][0] if name in FINDS else CHECKOUT
    if needed not in platform.active:
        return capability_refusal(shop, platform, needed)
    target = arguments.get("id")
    if name in FINDS:
        catalog = arguments.get("catalog")
        found = FINDS[name][1](catalog if isinstance(catalog, dict) else {}, shop.stock.catalogue.items())
        return platform.release.answer(200, found, "browse")[1]
    if name != "create_checkout" and not isinstance(target, str):
        raise ProtocolError(400, "invalid_request", "Name the resource in arguments.id.")
    if name == "get_order":
        doc = shop.orders.read(str(target), platform.profile_url, platform.active)
        return platform.release.order(doc) if "checkout_id" in doc else platform.release.dated(doc)
    if name == "get_checkout":
        return read(shop, platform, str(target))[1]
    return await _change(shop, platform, name, arguments, meta)


async def _change(shop: Shop, platform: Platform, name: str, arguments: Doc, meta: Doc) -> Doc | Response:
    checkout: Any = arguments.get("checkout", {})
    if not isinstance(checkout, dict):
        raise ProtocolError(400, "invalid_request", "checkout must be an object.")
    key = meta.get("idempotency-key")
    if name not in NEED_A_KEY:
        # Creating and updating may come without a key; then nothing is repeated.
        key = key or secrets.token_urlsafe(24)
    if key is not None and not isinstance(key, str):
        raise ProtocolError(400, "invalid_request", "meta.idempotency-key is a text.")
    session_id = str(arguments.get("id", ""))
    change = Change(CHANGES[name], session_id, f"{name} {session_id}", encode(checkout), key)
    outcome = await carry_out(shop, platform, change)
    if isinstance(outcome, Response):
        return outcome
    document: Doc = json.loads(outcome[1])
    return document


def _error(call_id: Any, status: int, code: int, text: str, data: Doc) -> Response:
    body: Doc = {"jsonrpc": "2.0", "id": call_id, "error": {"code": code, "message": text}}
    if data:
        body["error"]["data"] = data
    return Response(encode(body), status, media_type="application/json")
