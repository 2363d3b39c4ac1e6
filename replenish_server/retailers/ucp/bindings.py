"""PURE: the two ways in which the same operations travel: REST, and MCP tool calls as JSON-RPC over HTTP.

Source: UCP checkout, catalogue and order, REST and MCP bindings; error codes of the overview.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import quote as url_quote

from replenish_server.retailers.http import Answer
from replenish_server.retailers.ucp.bodies import Body


class Operation(StrEnum):
    """What can be asked; the value is the MCP tool."""

    CREATE = "create_checkout"
    GET = "get_checkout"
    UPDATE = "update_checkout"
    COMPLETE = "complete_checkout"
    CANCEL = "cancel_checkout"
    GET_ORDER = "get_order"
    SEARCH = "search_catalog"
    LOOKUP = "lookup_catalog"


READS = frozenset({Operation.GET, Operation.GET_ORDER, Operation.SEARCH, Operation.LOOKUP})
"""Operations that change nothing, and carry no key."""


@dataclass(frozen=True)
class Request:
    """An operation as it will be sent; a body that must carry its key is a function of it."""

    method: str
    url: str
    body: bytes | Callable[[str], bytes]


@dataclass(frozen=True)
class Reply:
    """What came back, whichever way it travelled.

    Args:
        status: as an HTTP status.
        body: the UCP document, or the protocol error.
        wait_s: seconds that the shop asked us to wait, or None.
    """

    status: int
    body: bytes
    wait_s: float | None = None


class Binding(Protocol):
    """One way of travelling."""

    def request(self, operation: Operation, resource_id: str | None, body: Body | None) -> Request:
        """An operation on a resource; None where it has none yet, or says nothing."""

    def reply(self, answer: Answer) -> Reply:
        """What an HTTP answer says."""


class RestBinding:
    """REST below one base address.

    Args:
        endpoint: without a slash at the end.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def request(self, operation: Operation, resource_id: str | None, body: Body | None) -> Request:
        """An operation as method, path and JSON body."""
        name = url_quote(resource_id or "", safe="")
        method, path = {
            Operation.CREATE: ("POST", "/checkout-sessions"),
            Operation.GET: ("GET", f"/checkout-sessions/{name}"),
            Operation.UPDATE: ("PUT", f"/checkout-sessions/{name}"),
            Operation.COMPLETE: ("POST", f"/checkout-sessions/{name}/complete"),
            Operation.CANCEL: ("POST", f"/checkout-sessions/{name}/cancel"),
            Operation.GET_ORDER: ("GET", f"/orders/{name}"),
            Operation.SEARCH: ("POST", "/catalog/search"),
            Operation.LOOKUP: ("POST", "/catalog/lookup"),
        }[operation]
        return Request(method, f"{self._endpoint}{path}", b"" if body is None else to_bytes(body))

    def reply(self, answer: Answer) -> Reply:
        """The answer itself."""
        return Reply(answer.status, answer.body, answer.wait_s)


class McpBinding:
    """MCP tool calls to one address.

    Args:
        endpoint: the address.
        profile_url: of our own profile, which every call repeats.
    """

    def __init__(self, endpoint: str, profile_url: str) -> None:
        self._endpoint, self._profile_url = endpoint, profile_url

    def request(self, operation: Operation, resource_id: str | None, body: Body | None) -> Request:
        """An operation as a `tools/call`; one that changes something carries its key inside."""

        def call(key: str | None) -> bytes:
            meta: Body = {"ucp-agent": {"profile": self._profile_url}}
            if key is not None:
                meta["idempotency-key"] = key
            arguments: Body = {"meta": meta}
            if resource_id is not None:
                arguments["id"] = resource_id
            if body is not None:
                member = "catalog" if operation in (Operation.SEARCH, Operation.LOOKUP) else "checkout"
                arguments[member] = {name: value for name, value in body.items() if name != "id"}
            params = {"name": operation.value, "arguments": arguments}
            return to_bytes({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})

        return Request("POST", self._endpoint, call(None) if operation in READS else call)

    def reply(self, answer: Answer) -> Reply:
        """The document inside `structuredContent`, or the JSON-RPC error as HTTP would have said it."""
        message = _rpc_message(answer)
        if message is None:
            # Without a JSON-RPC message a success tells nothing: it is as unreadable as an empty page.
            return Reply(answer.status if answer.status != 200 else 502, answer.body, answer.wait_s)
        error = message.get("error")
        if isinstance(error, dict):
            return _rpc_error(answer, error)
        document = _tool_result(message.get("result"))
        if document is None:
            return Reply(502, answer.body, answer.wait_s)
        return Reply(answer.status, to_bytes(document), answer.wait_s)


def is_mcp(body: bytes) -> bool:
    """Whether stored bytes are a tool call."""
    return body.startswith(b'{"jsonrpc"')


def to_bytes(document: Any) -> bytes:
    """JSON, compact, in UTF-8."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _rpc_message(answer: Answer) -> dict[str, Any] | None:
    """The JSON-RPC message of an answer, which may come as a stream of events."""
    text = answer.body
    if answer.headers.get("content-type", "").startswith("text/event-stream"):
        lines = [
            line for line in answer.body.replace(b"\r\n", b"\n").split(b"\n") if line.startswith(b"data:")
        ]
        candidates = [line.removeprefix(b"data:").strip() for line in lines]
    else:
        candidates = [text]
    for candidate in candidates:
        try:
            message = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        if isinstance(message, dict) and ("result" in message or "error" in message):
            return message
    return None


def _tool_result(result: Any) -> dict[str, Any] | None:
    if not isinstance(result, dict):
        return None
    structured = result.get("structuredContent")
    if isinstance(structured, dict):
        inner = structured.get("checkout")
        return inner if isinstance(inner, dict) and "ucp" not in structured else structured
    if "ucp" in result:
        return result
    for part in result.get("content") or []:
        try:
            document = json.loads(part["text"])
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        if isinstance(document, dict):
            return document
    return None


_STATUS_OF_CODE = {
    "invalid_profile_url": 400,
    "profile_unreachable": 424,
    "profile_malformed": 422,
    "version_unsupported": 422,
    "signature_missing": 401,
    "signature_invalid": 401,
    "key_not_found": 401,
    "idempotency_conflict": 409,
    "idempotency_key_reused": 409,
}


def _rpc_error(answer: Answer, error: dict[str, Any]) -> Reply:
    data = error.get("data")
    detail = data if isinstance(data, dict) else {}
    wait = detail.get("retry_after")
    wait_s = float(wait) if isinstance(wait, int | float) and 0 <= wait <= 3600 else answer.wait_s
    status = answer.status
    if status < 400:  # the HTTP status is the first signal where it says anything
        status = _STATUS_OF_CODE.get(str(detail.get("code")), 400)
        if error.get("code") == -32603:
            status = 500
        elif "retry_after" in detail:
            status = 429
        elif error.get("code") == -32001 and "code" not in detail:
            status = 422
    body = {"content": str(error.get("message", ""))} | detail
    return Reply(status, to_bytes(body), wait_s)
