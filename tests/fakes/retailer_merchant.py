"""A merchant that says exactly what a test tells it to, written by hand from UCP 2026-04-08.

It shares nothing with the sandbox retailer, so that the client is not tested against its own reading twice.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

Doc = dict[str, Any]
Script = Callable[[httpx.Request], httpx.Response]

RELEASE = "2026-04-08"
SITE = "https://shop.test"
API = "https://api.shop.test/ucp/v1"
SESSION = f"{API}/checkout-sessions/chk_1"


def profile(**more: Any) -> Doc:
    """A business profile with all that a replenishment needs; keywords replace members of `ucp`."""
    names = ("checkout", "fulfillment", "order")
    ucp: Doc = {
        "version": RELEASE,
        "services": {
            "dev.ucp.shopping": [
                {"version": RELEASE, "transport": "mcp", "endpoint": f"{SITE}/mcp"},
                {"version": RELEASE, "transport": "rest", "endpoint": f"{API}/"},
            ]
        },
        "capabilities": {
            f"dev.ucp.shopping.{name}": [
                {"version": RELEASE, "spec": f"https://ucp.dev/{RELEASE}/specification/{name}"}
            ]
            for name in names
        },
        "payment_handlers": {"test.shop.pay": [handler()]},
    }
    return {"ucp": ucp | more}


def handler() -> Doc:
    """One payment handler, as profiles and checkouts carry it."""
    return {"id": "pay-1", "version": RELEASE, "available_instruments": [{"type": "shop_token"}]}


def option(option_id: str, *amounts: int) -> Doc:
    """A delivery option; without an amount its price is not known yet."""
    return {"id": option_id, "title": option_id, "totals": [{"type": "total", "amount": a} for a in amounts]}


def method(selected: str | None = "std", destination: str | None = "home", *options: Doc) -> Doc:
    """The shipping method of one parcel."""
    return {
        "id": "ship-1",
        "type": "shipping",
        "line_item_ids": ["li-1"],
        "selected_destination_id": destination,
        "destinations": [{"id": "home", "street_address": "1 Main Street"}],
        "groups": [
            {
                "id": "parcel-1",
                "line_item_ids": ["li-1"],
                "selected_option_id": selected,
                "options": list(options or (option("fast", 900), option("std", 490))),
            }
        ],
    }


def checkout(status: str = "ready_for_complete", total: int = 2490, **more: Any) -> Doc:
    """A checkout of two packs; keywords replace its members."""
    document: Doc = {
        "ucp": {
            "version": RELEASE,
            "status": "success",
            "capabilities": {"dev.ucp.shopping.checkout": [{"version": RELEASE}]},
            "payment_handlers": {"test.shop.pay": [handler()]},
        },
        "id": "chk_1",
        "status": status,
        "currency": "EUR",
        "line_items": [line()],
        "totals": [
            {"type": "subtotal", "display_text": "Goods", "amount": 2000},
            {"type": "fulfillment", "display_text": "Shipping", "amount": total - 2000},
            {"type": "total", "display_text": "Total", "amount": total},
        ],
        "links": [],
        "fulfillment": {"methods": [method()]},
        "continue_url": f"{SITE}/c/chk_1",
    }
    if status == "completed":
        document["order"] = {"id": "ord_9", "permalink_url": f"{SITE}/orders/ord_9"}
    return document | more


def line(quantity: int = 2, item: str = "det-1kg") -> Doc:
    """The one line of the checkout."""
    return {
        "id": "li-1",
        "item": {"id": item, "title": "Detergent", "price": 1000},
        "quantity": quantity,
        "totals": [{"type": "subtotal", "amount": 2000}, {"type": "total", "amount": 2000}],
    }


def error(code: str, severity: str = "recoverable", content: str = "") -> Doc:
    """An error message."""
    return {"type": "error", "code": code, "severity": severity, "content": content or f"about {code}"}


def refusal(*messages: Doc, **more: Any) -> Doc:
    """A business outcome without a resource, which comes with HTTP 200."""
    return {"ucp": {"version": RELEASE, "status": "error"}, "messages": list(messages)} | more


def order(*events: Doc, **more: Any) -> Doc:
    """An order of two packs with its fulfillment events."""
    return {
        "ucp": {"version": RELEASE, "status": "success"},
        "id": "ord_9",
        "checkout_id": "chk_1",
        "permalink_url": f"{SITE}/orders/ord_9",
        "currency": "EUR",
        "line_items": [order_line()],
        "fulfillment": {"events": list(events)},
        "totals": [{"type": "subtotal", "amount": 2490}, {"type": "total", "amount": 2490}],
    } | more


def order_line(total: int = 2, line_id: str = "li-1") -> Doc:
    """A line of an order."""
    return {
        "id": line_id,
        "item": {"id": "det-1kg", "title": "Detergent", "price": 1000},
        "quantity": {"original": 2, "total": total, "fulfilled": 0},
        "totals": [{"type": "total", "amount": 1000 * total}],
        "status": "processing" if total else "removed",
    }


def event(kind: str, quantity: int = 2, line_id: str = "li-1", **more: Any) -> Doc:
    """A fulfillment event."""
    return {
        "id": f"{kind}-{quantity}",
        "occurred_at": "2026-05-05T10:00:00Z",
        "type": kind,
        "line_items": [{"id": line_id, "quantity": quantity}],
    } | more


def says(document: Doc | bytes, status: int = 200, **headers: str) -> Script:
    """An answer."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    sent = {name.replace("_", "-").encode(): value.encode("latin-1") for name, value in headers.items()}
    return lambda request: httpx.Response(status, content=body, headers=sent, request=request)


def hangs(request: httpx.Request) -> httpx.Response:
    """No answer: the request may or may not have been carried out."""
    raise httpx.ReadTimeout("no answer", request=request)


@dataclass
class Merchant:
    """Answers each "METHOD url" with the next of its scripts; the last one stays.

    Args:
        scripts: by "METHOD url".
        requests: every request that came, in order.
    """

    scripts: dict[str, list[Script]] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)

    def on(self, call: str, *scripts: Script) -> "Merchant":
        """Set what a call is answered."""
        self.scripts[call] = list(scripts)
        return self

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        call = f"{request.method} {request.url}"
        queue = self.scripts.get(call)
        assert queue, f"the test has no answer to {call}"
        return (queue.pop(0) if len(queue) > 1 else queue[0])(request)

    def sent(self, call: str) -> list[httpx.Request]:
        """The requests of one kind."""
        return [request for request in self.requests if f"{request.method} {request.url}" == call]
