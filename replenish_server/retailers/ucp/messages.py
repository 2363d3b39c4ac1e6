"""PURE: what a shop's messages mean for an order: by code where we know it, else by severity.

Source: UCP checkout, error handling; negotiation and protocol errors of the overview.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from replenish_server.retailers.port import Problem, Trouble
from replenish_server.retailers.ucp.documents import Unreadable, document_of

_DETAIL_LIMIT = 300
_LINE = re.compile(r"\$?\.?line_items\[(\d{1,4})\]")  # the JSONPath of a line or of a part of it
_PROBLEM_OF_CODE = {
    "out_of_stock": Problem.OUT_OF_STOCK,
    "item_unavailable": Problem.ITEM_UNAVAILABLE,
    "not_found": Problem.ITEM_UNAVAILABLE,
    "address_undeliverable": Problem.ADDRESS,
    "payment_failed": Problem.PAYMENT_FAILED,
    "payment_declined": Problem.PAYMENT_FAILED,
}


def messages_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of an answer; what is none is left out."""
    messages = document.get("messages")
    return [m for m in messages if isinstance(m, dict)] if isinstance(messages, list) else []


def is_failure(document: dict[str, Any]) -> bool:
    """Whether an answer brings no resource, only what went wrong; some shops leave the status out."""
    ucp = document.get("ucp")
    if isinstance(ucp, dict) and ucp.get("status") == "error":
        return True
    return "id" not in document and any(m.get("type") == "error" for m in messages_of(document))


def is_not_found(document: dict[str, Any]) -> bool:
    """Whether a 200 says that the resource is gone: a business outcome brings no HTTP status of its own."""
    return is_failure(document) and any(m.get("code") == "not_found" for m in messages_of(document))


def trouble_of(document: dict[str, Any], asked: Sequence[str] = ()) -> Trouble:
    """The gravest message of an answer, by code first and by severity for codes that we do not know.

    Args:
        document: the answer.
        asked: the articles of the request, whose lines a path means where the answer brings none.
    """
    errors = [m for m in messages_of(document) if m.get("type") == "error"]
    continue_url = web_link(document.get("continue_url"))
    if not errors:
        problem = Problem.ESCALATION if continue_url else Problem.RETAILER_REFUSED
        return Trouble(problem, "", continue_url)
    chosen = min(errors, key=_gravity)
    problem = _PROBLEM_OF_CODE.get(str(chosen.get("code")), Problem.RETAILER_REFUSED)
    if str(chosen.get("severity", "")).startswith("requires_"):
        problem = Problem.ESCALATION
    alike = [m for m in errors if _gravity(m) == _gravity(chosen)]
    return Trouble(problem, _text(chosen), continue_url, item_id=_article(document, alike, asked))


def _article(document: dict[str, Any], errors: Sequence[dict[str, Any]], asked: Sequence[str]) -> str | None:
    """The one article that these messages are about; None where they name none, or several."""
    lines = document.get("line_items")
    items = [_item_id(line) for line in lines] if isinstance(lines, list) else list(asked)
    named = set()
    for message in errors:
        match = _LINE.match(str(message.get("path", "")))
        number = int(match[1]) if match else len(items)
        named.add(items[number] if number < len(items) else None)
    return named.pop() if len(named) == 1 else None


def _item_id(line: Any) -> str | None:
    item = line.get("item") if isinstance(line, dict) else None
    found = item.get("id") if isinstance(item, dict) else None
    return found if isinstance(found, str) else None


def grave(document: dict[str, Any]) -> Trouble | None:
    """An error that the platform cannot mend, on a session that calls itself ready all the same."""
    for message in messages_of(document):
        severity = str(message.get("severity", ""))
        if message.get("type") == "error" and (
            severity.startswith("requires_") or severity == "unrecoverable"
        ):
            return trouble_of(document)
    return None


def disclosure(document: dict[str, Any]) -> Trouble | None:
    """A notice that a person must see before buying; with nobody there, the shop's page takes over."""
    for message in messages_of(document):
        if message.get("type") == "warning" and message.get("presentation") == "disclosure":
            return Trouble(Problem.ESCALATION, _text(message), web_link(document.get("continue_url")))
    return None


def open_action(document: dict[str, Any]) -> Trouble | None:
    """Work that only a person in front of a screen can do, such as a bank's challenge."""
    actions = document.get("actions")
    if isinstance(actions, dict) and any(actions.values()):
        names = ", ".join(sorted(str(name) for name in actions))[:_DETAIL_LIMIT]
        return Trouble(Problem.ESCALATION, names, web_link(document.get("continue_url")))
    return None


def refusal_of(status: int, answer: bytes, asked: Sequence[str] = ()) -> Trouble:
    """What an HTTP error means: its messages where it brings any, else its code and content; `asked` as in
    `trouble_of`."""
    try:
        document = document_of(answer)
    except Unreadable:
        return Trouble(Problem.RETAILER_REFUSED, f"{status} {_plain(answer)}".strip())
    if messages_of(document):
        trouble = trouble_of(document, asked)
        return replace(trouble, detail=f"{status} {trouble.detail}".strip())
    detail = f"{status} {_protocol_error(document)}".strip()
    problem = Problem.RETAILER_REFUSED
    # Releases of January 2026 answer so, without a code.
    if status == 400 and "stock" in detail.lower():
        problem = Problem.OUT_OF_STOCK
    elif asked and status in (400, 404) and "not found" in detail.lower():
        problem = Problem.ITEM_UNAVAILABLE
    return Trouble(problem, detail, web_link(document.get("continue_url")))


def web_link(address: object) -> str | None:
    """An address that a person may be sent to, or None: a shop could write `javascript:` there."""
    return address if isinstance(address, str) and address.startswith(("https://", "http://")) else None


def _protocol_error(document: dict[str, Any]) -> str:
    names = ("code", "content", "detail", "message", "error")
    said = [str(document[n]) for n in names if isinstance(document.get(n), str)]
    if not said and "detail" in document:
        # Not the protocol's shape, but what many web frameworks answer: better than a bare number.
        said = [json.dumps(document["detail"], ensure_ascii=False)]
    return ": ".join(said)[:_DETAIL_LIMIT]


def _plain(answer: bytes) -> str:
    """A refusal that is neither JSON nor a page, on one line."""
    text = " ".join(answer[:_DETAIL_LIMIT].decode("utf-8", "replace").split())
    return "" if text.startswith("<") else text


def _gravity(message: dict[str, Any]) -> int:
    """Codes that we know first; of the others what ends the session, then what only a person can give."""
    severity = str(message.get("severity", ""))
    if message.get("code") in _PROBLEM_OF_CODE:
        return 0
    if severity == "unrecoverable":
        return 1
    return 2 if severity.startswith("requires_") else 3


def _text(message: dict[str, Any]) -> str:
    return str(message.get("content", ""))[:_DETAIL_LIMIT]
