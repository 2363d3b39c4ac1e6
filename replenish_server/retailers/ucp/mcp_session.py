"""The session that some MCP servers want before they take a tool call; most shops want none.

A call goes out as it is. Only where the answer says that a session is missing or over, one is begun, and the
caller sends the identical bytes again: nothing had been done. Source: MCP 2025-06-18, lifecycle and
streamable HTTP transport; UCP's own bindings are stateless.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from replenish_server.retailers.http import Answer
from replenish_server.retailers.ucp.bindings import rpc_message, to_bytes

PROTOCOL_VERSION = "2025-06-18"
_AGAIN_AFTER_S = 60.0  # a server that has no sessions is not asked for one with every refusal
_BAD_REQUEST = (-32600, -32602)  # what SDKs answer to a call before `initialize`, without saying so
_BEGIN = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": PROTOCOL_VERSION,
        "capabilities": {},
        "clientInfo": {"name": "replenish", "version": "1"},
    },
}
_BEGUN = {"jsonrpc": "2.0", "method": "notifications/initialized"}

Post = Callable[[bytes, dict[str, str]], Answer]


class McpSession:
    """The session with one server, if it has one.

    Args:
        now_s: seconds of a clock that only goes forward.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._refused_at_s = float("-inf")
        self.headers: dict[str, str] = {}

    def is_wanted(self, answer: Answer) -> bool:
        """Whether an answer says that there is no session, or that it is over."""
        if self.headers and answer.status == 404:
            return True
        if self._now_s() - self._refused_at_s < _AGAIN_AFTER_S:
            return False
        message = rpc_message(answer)
        if answer.status not in (200, 400, 404) or (message is None and answer.status == 200):
            return False
        error = (message or {}).get("error")
        if message is not None and not isinstance(error, dict):
            return False
        said = json.dumps(error).lower() if error else answer.body[:2000].decode("utf-8", "replace").lower()
        if "session" in said or "initializ" in said or "initialis" in said:
            return True
        return bool(
            not self.headers and error and error.get("code") in _BAD_REQUEST and not error.get("data")
        )

    def begin(self, post: Post) -> bool:
        """Begin one; returns whether the server did.

        Args:
            post: sends a body with these headers to the server.

        Raises:
            NoAnswer: as `post`.
        """
        self.headers = {}
        answer = post(to_bytes(_BEGIN), {})
        result: Any = (rpc_message(answer) or {}).get("result")
        if answer.status != 200 or not isinstance(result, dict) or "protocolVersion" not in result:
            self._refused_at_s = self._now_s()
            return False
        headers = {"MCP-Protocol-Version": str(result["protocolVersion"])}
        if (session_id := answer.headers.get("mcp-session-id", "")) and _is_visible(session_id):
            headers["Mcp-Session-Id"] = session_id
        post(to_bytes(_BEGUN), headers)
        self.headers = headers
        return True


def _is_visible(text: str) -> bool:
    """Whether a session's id is visible ASCII, as it must be: it goes back into a header."""
    return all("!" <= letter <= "~" for letter in text)
