"""The small shapes that every UCP answer is made of; it knows no state and decides nothing.

Every room of the shop speaks release 2026-04-08; `releases` turns its documents into the others.

Source: UCP 2026-04-08, overview (discovery, negotiation, errors) and the schemas `ucp` and `message_error`.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

Doc = dict[str, Any]

VERSION = "2026-04-08"
CURRENCY = "EUR"

CHECKOUT = "dev.ucp.shopping.checkout"
ORDER = "dev.ucp.shopping.order"
FULFILLMENT = "dev.ucp.shopping.fulfillment"
DISCOUNT = "dev.ucp.shopping.discount"
CATALOG_SEARCH = "dev.ucp.shopping.catalog.search"
CATALOG_LOOKUP = "dev.ucp.shopping.catalog.lookup"
AP2 = "dev.ucp.shopping.ap2_mandate"
IDENTITY = "dev.ucp.common.identity_linking"
CAPABILITIES = (CHECKOUT, ORDER, FULFILLMENT, DISCOUNT, CATALOG_SEARCH, CATALOG_LOOKUP, AP2, IDENTITY)
EXTENSIONS = {FULFILLMENT: CHECKOUT, DISCOUNT: CHECKOUT, AP2: CHECKOUT}

HANDLER_NAME = "com.example.sandbox_pay"
HANDLER_ID = "sandbox_pay"


class ProtocolError(Exception):
    """A request that never reached the shop's business rules.

    Args:
        status: HTTP status, 4xx or 5xx.
        code: UCP error code, for programs.
        content: what is wrong, for a person.
    """

    def __init__(self, status: int, code: str, content: str) -> None:
        super().__init__(content)
        self.status = status
        self.code = code
        self.content = content


def encode(doc: Doc) -> bytes:
    """The exact bytes of an answer; they are stored, so that a replay is identical to the first."""
    return json.dumps(doc, ensure_ascii=False, separators=(",", ":")).encode()


def decode(raw: bytes) -> Any:
    """JSON that can be said again: UTF-8 (RFC 8259, 8.1), and no half of a character written as `\\ud800`.

    Raises:
        ValueError: it is none.
        RecursionError: it is nested too deep.
    """
    text = raw.decode()
    found = json.loads(text)
    if "\\u" in text:
        encode(found)
    return found


def iso(at_s: float) -> str:
    """RFC 3339 in UTC, to the millisecond, of a Unix time in seconds."""
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def error(code: str, content: str, path: str | None = None, severity: str = "recoverable") -> Doc:
    """An error message of a business outcome; `path` is a JSONPath into the resource."""
    message: Doc = {"type": "error", "code": code, "content": content, "severity": severity}
    return message | ({"path": path} if path else {})


def notice(kind: str, code: str, content: str, path: str | None = None) -> Doc:
    """A message of `kind` "warning" or "info": it does not stop a checkout."""
    message: Doc = {"type": kind, "code": code, "content": content}
    return message | ({"path": path} if path else {})


def amount(kind: str, minor: int, text: str) -> Doc:
    """One entry of a totals list; `minor` is signed, negative takes money off."""
    return {"type": kind, "display_text": text, "amount": minor}


def capability_map(active: Iterable[str]) -> Doc:
    """The capabilities in force for one answer, as a response names them."""
    return {
        name: [{"version": VERSION} | ({"extends": EXTENSIONS[name]} if name in EXTENSIONS else {})]
        for name in active
    }


def envelope(active: Iterable[str], status: str = "success") -> Doc:
    """The `ucp` member of an answer; `status` "error" means that no resource comes with it."""
    return {"version": VERSION, "status": status, "capabilities": capability_map(active)}


def refusal(active: Iterable[str], messages: list[Doc], continue_url: str | None = None) -> Doc:
    """A business outcome without a resource: HTTP 200, `ucp.status` "error", at least one message."""
    doc: Doc = {"ucp": envelope(active, "error"), "messages": messages}
    return doc | ({"continue_url": continue_url} if continue_url else {})


def payment_handlers() -> Doc:
    """The one way to pay here: a token, `success_token` or `fail_token`."""
    return {
        HANDLER_NAME: [
            {
                "id": HANDLER_ID,
                "version": VERSION,
                "available_instruments": [{"type": "token"}],
                "config": {"environment": "sandbox"},
            }
        ]
    }
