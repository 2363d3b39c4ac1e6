"""A shop in memory that keeps sessions and orders, and loses answers; the worst that UCP 2026-04-08 permits.

A repeated complete is a second order unless the shop honours keys: only a client that looks first is safe.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import repeat

import httpx

from tests.fakes.mortality import Fate
from tests.fakes.retailer_merchant import API, SITE, Doc, checkout, error, line, profile

LOSSES = ("", "lost before", "lost after", "500 before", "500 after")


@dataclass
class ForgetfulShop:
    """Answers as an httpx transport does.

    Args:
        fate: the client's process may die before it sends, before the answer, and after it.
        honours_keys: whether a repeated key gets the first answer again.
        total_minor: what two packs cost with delivery.
        losses: what goes wrong with each change, one of LOSSES; afterwards nothing does.
        sold_out: articles that no session can be completed for.
        declines: tokens of payments that it does not take.
        empty_ways: ways in which it has nothing now: "shipping" or "pickup".
    """

    fate: Fate
    honours_keys: bool = True
    total_minor: int = 2490
    losses: Iterator[str] = field(default_factory=lambda: repeat(""))
    sold_out: set[str] = field(default_factory=set)
    declines: set[str] = field(default_factory=set)
    empty_ways: set[str] = field(default_factory=set)
    sessions: dict[str, Doc] = field(default_factory=dict)
    orders: list[Doc] = field(default_factory=list)
    completes: list[tuple[str, str, bytes]] = field(default_factory=list)
    keys: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    _answers: dict[str, tuple[int, Doc]] = field(default_factory=dict)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.fate.tick(f"before {request.method} {request.url.path}")
        status, document = self._answer(request)
        self.fate.tick(f"after {request.method} {request.url.path}")
        return httpx.Response(status, content=json.dumps(document).encode(), request=request)

    def person_completes(self, session_id: str) -> None:
        """Somebody finishes a session on the shop's own page."""
        self._complete(session_id, "by hand", b"")

    def _answer(self, request: httpx.Request) -> tuple[int, Doc]:
        if str(request.url) == f"{SITE}/.well-known/ucp":
            return 200, profile()
        if request.method == "GET":
            return 200, self.sessions[request.url.path.rsplit("/", 1)[1]]
        loss = next(self.losses, "")
        if loss == "lost before":
            raise httpx.ReadTimeout("no answer", request=request)
        if loss == "500 before":
            return 500, {}
        answer = self._change(request)
        if loss == "lost after":
            raise httpx.ReadTimeout("no answer", request=request)
        return (500, {}) if loss == "500 after" else answer

    def _change(self, request: httpx.Request) -> tuple[int, Doc]:
        key, body = request.headers["Idempotency-Key"], request.content
        first = self.keys.setdefault(key, (str(request.url), body))
        assert first == (str(request.url), body), "a key was used for another request"
        if self.honours_keys and key in self._answers:
            return self._answers[key]
        url = str(request.url)
        if url == f"{API}/checkout-sessions":
            session_id = f"chk_{len(self.sessions) + 1}"
            self.sessions[session_id] = self._opened(session_id, json.loads(body))
            answer = (201, self.sessions[session_id])
        elif url.endswith("/complete") and any(token.encode() in body for token in self.declines):
            self.completes.append((url.split("/")[-2], key, body))
            answer = (402, {"code": "payment_failed", "content": "declined"})
        elif url.endswith("/complete"):
            answer = (200, self._complete(url.split("/")[-2], key, body))
        elif url.endswith("/cancel"):
            session = self.sessions[url.split("/")[-2]]
            session["status"] = "canceled"
            answer = (200, session)
        else:
            raise AssertionError(f"the shop has no answer to {request.method} {url}")
        self._answers[key] = answer
        return answer

    def _opened(self, session_id: str, body: Doc) -> Doc:
        wanted, way = body["line_items"][0], body["fulfillment"]["methods"][0]
        item_id = wanted["item"]["id"]
        more: Doc = {"id": session_id, "line_items": [line(wanted["quantity"], item_id)]}
        if way["type"] == "pickup":
            more["fulfillment"] = {"methods": [way | {"id": "pick-1", "line_item_ids": ["li-1"]}]}
        if item_id not in self.sold_out and way["type"] not in self.empty_ways:
            return checkout(total=self.total_minor, **more)
        none_left = [error("out_of_stock", content="none left")]
        return checkout("incomplete", self.total_minor, messages=none_left, **more)

    def _complete(self, session_id: str, key: str, body: bytes) -> Doc:
        session = self.sessions[session_id]
        self.completes.append((session_id, key, body))
        if session["status"] == "canceled":
            return session
        order_id = f"ord_{len(self.orders) + 1}"
        self.orders.append({"id": order_id, "checkout_id": session_id, "total": self.total_minor})
        order = {"id": order_id, "permalink_url": f"{SITE}/orders/{order_id}"}
        self.sessions[session_id] = session | {"status": "completed", "order": order}
        return self.sessions[session_id]
