"""PURE: messages of the Model Context Protocol: which revisions are spoken, what a message must be.

Source: MCP specification, revisions 2025-03-26 to 2026-07-28 (base protocol, transports); JSON-RPC 2.0.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, Final

# Since 2026-07-28 no handshake: each request says its revision, and its headers what it is about.
STATELESS: Final = "2026-07-28"
HANDSHAKES: Final = ("2025-11-25", "2025-06-18", "2025-03-26")
REVISIONS: Final = (STATELESS, *HANDSHAKES)
IN_BATCHES: Final = "2025-03-26"  # the only one in which several messages may come as an array
MOST_IN_A_BATCH: Final = 50

PARSE, INVALID, NO_METHOD, PARAMS = -32700, -32600, -32601, -32602
_MISMATCH, _UNSUPPORTED = -32020, -32022
_VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
_CLIENT_KEY = "io.modelcontextprotocol/clientCapabilities"
_SERVER_KEY = "io.modelcontextprotocol/serverInfo"
_CODED = re.compile(r"=\?base64\?(.*)\?=")


class RpcError(Exception):
    """Ends a call with a JSON-RPC error.

    Args:
        code: of JSON-RPC 2.0, section 5.1, or of MCP.
        message: what is wrong.
        data: more of it, for programs.
    """

    def __init__(self, code: int, message: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data

    def document(self, number: str | int | None) -> dict[str, Any]:
        """The answer to the message of this number, None where it could not be read."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.data is not None:
            error["data"] = self.data
        return {"jsonrpc": "2.0", "id": number, "error": error}

    def status(self, revision: str) -> int:
        """HTTP status; before 2026-07-28 an answered request is 200, whatever the answer says."""
        if revision != STATELESS:
            return 200
        return 404 if self.code == NO_METHOD else 400


def unsupported(revision: str) -> RpcError:
    """Why a request of this revision is not read."""
    supported = {"supported": list(REVISIONS), "requested": revision}
    return RpcError(_UNSUPPORTED, f"revisions spoken: {', '.join(REVISIONS)}", supported)


def read_messages(body: bytes, revision: str) -> tuple[list[dict[str, Any]], bool]:
    """The messages of a body, and whether they came as an array.

    Raises:
        RpcError: they are none.
    """
    try:
        said = json.loads(body)
        # Half a surrogate pair can be escaped in JSON, but neither be kept nor be sent back.
        json.dumps(said, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise RpcError(PARSE, "the body is not JSON in UTF-8") from error
    if not isinstance(said, list):
        return [_message(said)], False
    if revision != IN_BATCHES or not 0 < len(said) <= MOST_IN_A_BATCH:
        raise RpcError(INVALID, "send one JSON-RPC 2.0 message")
    return [_message(one) for one in said], True


def _message(said: Any) -> dict[str, Any]:
    if not isinstance(said, dict) or said.get("jsonrpc") != "2.0":
        raise RpcError(INVALID, "send one JSON-RPC 2.0 message")
    number = said.get("id")
    if not isinstance(number, str | int | None) or isinstance(number, bool):
        raise RpcError(INVALID, "an id is a text or a whole number")
    return said


def check_envelope(message: dict[str, Any], headers: Mapping[str, str]) -> None:
    """See that a request of revision 2026-07-28 says what it must, and its headers the same.

    Raises:
        RpcError: it does not.
    """
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    missing = [key for key in (_VERSION_KEY, _CLIENT_KEY) if not isinstance(meta, dict) or key not in meta]
    if missing:
        raise RpcError(PARAMS, f"params._meta needs {' and '.join(missing)}")
    assert isinstance(params, dict)  # noqa: S101 - it has _meta
    mirrored = {"mcp-protocol-version": params["_meta"][_VERSION_KEY], "mcp-method": message.get("method")}
    if message.get("method") == "tools/call" and isinstance(params.get("name"), str):
        mirrored["mcp-name"] = params["name"]
    for header, value in mirrored.items():
        if _plain(headers.get(header)) != value:
            raise RpcError(_MISMATCH, f"the header {header} does not say what the body says")


def _plain(value: str | None) -> str | None:
    """A header's text, which may be coded where it is no ASCII; None where it cannot be read."""
    coded = None if value is None else _CODED.fullmatch(value)
    if coded is None:
        return value
    try:
        return base64.b64decode(coded[1], validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def complete(result: dict[str, Any], server: dict[str, str], *, kept_ms: int | None) -> dict[str, Any]:
    """A result as revision 2026-07-28 words it.

    Args:
        result: as the others word it.
        server: who answers.
        kept_ms: for how long the client may keep it, for itself; None for what is not kept at all.
    """
    kept = {} if kept_ms is None else {"ttlMs": kept_ms, "cacheScope": "private"}
    return {**result, "resultType": "complete", **kept, "_meta": {_SERVER_KEY: server}}
