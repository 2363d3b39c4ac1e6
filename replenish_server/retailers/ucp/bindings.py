"""The two ways in which the same operations travel: REST, and MCP tool calls as JSON-RPC over HTTP.

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
        key_is_argument: see `Release`.
    """

    def __init__(self, endpoint: str, profile_url: str, key_is_argument: bool = False) -> None:
        self._endpoint, self._profile_url, self._key_is_argument = endpoint, profile_url, key_is_argument

    def request(self, operation: Operation, resource_id: str | None, body: Body | None) -> Request:
        """An operation as a `tools/call`; one that changes something carries its key inside."""

        def call(key: str | None) -> bytes:
            meta: Body = {"ucp-agent": {"profile": self._profile_url}}
            if key is not None:
                meta["idempotency-key"] = key
            arguments: Body = {"meta": meta}
            if self._key_is_argument and operation is Operation.COMPLETE:
                arguments["idempotency_key"] = key
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
        message = rpc_message(answer)
        if message is None:
            # Without a JSON-RPC message a success tells nothing: it is as unreadable as an empty page.
            return Reply(answer.status if answer.status != 200 else 502, answer.body, answer.wait_s)
        error = message.get("error")
        if isinstance(error, dict):
            return _rpc_error(answer, error)
        result = message.get("result")
        document = _tool_result(result)
        if isinstance(result, dict) and result.get("isError") is True:
            return _tool_error(answer, result, document)
        if document is None:
            return Reply(502, answer.body, answer.wait_s)
        return Reply(answer.status, to_bytes(document), answer.wait_s)


def is_mcp(body: bytes) -> bool:
    """Whether stored bytes are a tool call."""
    return body.startswith(b'{"jsonrpc"')


def to_bytes(document: Any) -> bytes:
    """JSON, compact, in UTF-8."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def rpc_message(answer: Answer) -> dict[str, Any] | None:
    """The JSON-RPC answer to our one request, in a stream of events or alone; None where there is none."""
    is_stream = answer.headers.get("content-type", "").startswith("text/event-stream")
    for candidate in _events(answer.body) if is_stream else [answer.body]:
        try:
            message = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        if isinstance(message, dict) and ("result" in message or "error" in message):
            return message
    return None


def is_answered(stream: bytes) -> bool:
    """Whether a stream of events, which a server may leave open, already holds the answer."""
    whole, end, _ = stream.replace(b"\r\n", b"\n").rpartition(b"\n\n")
    headers = {"content-type": "text/event-stream"}
    return bool(end) and rpc_message(Answer(200, headers, whole + end)) is not None


def _events(stream: bytes) -> list[bytes]:
    """The data of each event: its `data` lines, joined (WHATWG HTML, server-sent events)."""
    events = []
    for block in stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n"):
        lines = [line.removeprefix(b"data:") for line in block.split(b"\n") if line.startswith(b"data:")]
        events.append(b"\n".join(line.removeprefix(b" ") for line in lines))
    return events


def _tool_result(result: Any) -> dict[str, Any] | None:
    """The document of a tool's result, structured or as text; None where it holds none."""
    if not isinstance(result, dict):
        return None
    if "ucp" in result:
        return result
    texts = result.get("content")
    candidates = [result.get("structuredContent")]
    candidates += [_parsed(part) for part in (texts if isinstance(texts, list) else [])]
    for document in candidates:
        if not isinstance(document, dict):
            continue
        if "ucp" in document or "id" in document or "messages" in document:
            return document
        # Some wrap the resource in its name, and some libraries whatever a tool returns in `result`.
        inner = [document.get(name) for name in ("checkout", "order", "result")]
        if found := next((value for value in inner if isinstance(value, dict)), None):
            return found
        if document.keys() != {"result"}:
            return document
    return None


def _parsed(part: Any) -> Any:
    try:
        return json.loads(part["text"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _tool_error(answer: Answer, result: dict[str, Any], document: dict[str, Any] | None) -> Reply:
    """A tool that failed: the shop's messages where it has any, else no more than that something broke.

    What broke may have broken after the shop acted, so it is read as a 500: asked about, and repeated.
    """
    if document is None:
        texts = [part.get("text") for part in result.get("content") or [] if isinstance(part, dict)]
        said = " ".join(text for text in texts if isinstance(text, str))
        return Reply(500, to_bytes({"content": said}), answer.wait_s)
    if isinstance(document.get("messages"), list) and "id" not in document:
        ucp = document.get("ucp")
        failed = (ucp if isinstance(ucp, dict) else {}) | {"status": "error"}
        return Reply(answer.status, to_bytes(document | {"ucp": failed}), answer.wait_s)
    if isinstance(document.get("code"), str):
        return _rpc_error(answer, {"message": document.get("content", ""), "data": document})
    return Reply(answer.status, to_bytes(document), answer.wait_s)


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
        elif "retry_after" in detail or answer.wait_s is not None:
            status = 429
        elif error.get("code") == -32001 and "code" not in detail:
            status = 422
    body = {"content": str(error.get("message", ""))} | detail
    return Reply(status, to_bytes(body), wait_s)
