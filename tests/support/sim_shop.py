"""A shop in the simulation: a connection that loses, delays and forgets, and the worst that UCP permits.

A repeated complete is a second order unless the shop honours keys.
"""

import json
import random
from dataclasses import dataclass, field
from typing import Any

from replenish_server.retailers.http import NoAnswer
from replenish_server.retailers.port import StoredCall
from replenish_server.retailers.ucp.bindings import Operation, Reply, Request
from replenish_server.retailers.ucp.profile import Business
from replenish_server.retailers.ucp.release import FULFILLMENT, ORDER
from replenish_server.retailers.ucp.release_2026_04_08 import RELEASE
from tests.fakes.retailer_merchant import checkout

PRICE_MINOR = 2490
SESSION_S = 6 * 3600.0
LOSSES = ("", "", "", "lost before", "lost after", "500 after", "late", "declined")


@dataclass
class SimShop:
    """Sessions and orders; `made` is every order that really exists there: (session, key).

    Args:
        world: for ticks, chance and time.
        keys: "honours", "ignores" or "forgets" idempotency keys.
        faulty: whether it still fails.
        declines: the tokens that it never takes, as of a card that is over.
    """

    world: Any
    rng: random.Random
    keys: str
    faulty: bool = True
    declines: frozenset[str] = frozenset()
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    made: list[tuple[str, str]] = field(default_factory=list)
    bodies: dict[str, bytes] = field(default_factory=dict)
    late: list[tuple[str, str]] = field(default_factory=list)
    _created: int = 0
    _done: dict[str, dict[str, Any]] = field(default_factory=dict)

    # --- what `retailers.ucp.connection.Connection` offers ---

    def business(self) -> Business:
        """A profile without surprises."""
        return Business(RELEASE, "rest", "https://shop.example", (), {FULFILLMENT: (), ORDER: ()})

    def is_locked(self) -> bool:
        """No AP2 mandates here."""
        return False

    def request(self, operation: Operation, resource_id: str | None, body: Any) -> Request:
        """An operation as bytes."""
        return Request("POST", f"{operation}/{resource_id or ''}", json.dumps(body).encode())

    def ask(self, operation: Operation, resource_id: str | None, _body: Any = None) -> Reply:
        """The session now. An order that is made late is not seen before it is made."""
        self.world.tick("before a look")
        if self.faulty and self.rng.random() < 0.1:
            raise NoAnswer("nothing came back")
        session = self.sessions.get(resource_id or "")
        reply = Reply(404, b"{}") if session is None else Reply(200, self._body(session))
        self.world.tick("after a look")
        return reply

    def send(self, call: StoredCall) -> Reply:
        """A change: carried out, or not, or later; and the answer comes, or does not."""
        # A worker that sleeps past its lease right here, after its last look at the fence, cannot
        # be told from a dead one. Where a shop ignores keys and sells a completed session again, no client is
        # safe from that; so there it may die, and sleeps only where keys are honoured.
        completes = call.url.startswith(Operation.COMPLETE)
        self.world.tick("before a change", may_sleep=self.keys == "honours" or not completes)
        if self.bodies.setdefault(call.key, call.body) != call.body:
            raise AssertionError("a key was used for other bytes")
        loss = self.rng.choice(LOSSES) if self.faulty else ""
        if completes and _token(call.body) in self.declines:
            loss = "declined"
        if loss == "lost before":
            raise NoAnswer("nothing was sent")
        operation, _, session_id = call.url.partition("/")
        if loss == "late" and operation == Operation.COMPLETE and self.keys == "honours":
            self.late.append((session_id, call.key))
            raise NoAnswer("the shop still thinks")
        if loss == "declined" and completes and self._is_open(session_id):
            self.world.tick("after a refusal")
            return Reply(402, b"{}")
        status, session = self._change(operation, session_id, call.key)
        self.world.tick("after a change")
        if loss == "lost after":
            raise NoAnswer("the answer was lost")
        return Reply(500, b"{}") if loss == "500 after" else Reply(status, self._body(session))

    # --- what happens there ---

    def catch_up(self) -> None:
        """Make the orders that were thought about for long."""
        for session_id, key in self.late:
            if session_id in self.sessions:
                self._complete(self.sessions[session_id], key)
        self.late.clear()

    def forget(self) -> None:
        """Forget the sessions that we completed, as shops do after a while; the orders stay."""
        for session_id, key in self.made:
            if not key.startswith("by hand"):
                self.sessions.pop(session_id, None)

    def person_completes(self, session_id: str) -> None:
        """Somebody finishes a session on the shop's page."""
        session = self.sessions.get(session_id)
        if session is not None and session["status"] == "ready_for_complete":
            self._complete(session, f"by hand {session_id}")

    def _change(self, operation: str, session_id: str, key: str) -> tuple[int, dict[str, Any]]:
        if key in self._done and self.keys == "honours":
            return 200, self._done[key]
        if operation == Operation.CREATE:
            self._created += 1
            session = {"id": f"chk_{self._created}", "status": "ready_for_complete"}
            session["expires_s"] = self.world.now_s + SESSION_S
            self.sessions[session["id"]] = session
        elif operation == Operation.CANCEL:
            session = self.sessions.get(
                session_id, {"id": session_id, "status": "canceled", "expires_s": 0.0}
            )
            if session["status"] == "ready_for_complete":
                session["status"] = "canceled"
        else:
            session = self.sessions.get(
                session_id, {"id": session_id, "status": "canceled", "expires_s": 0.0}
            )
            self._complete(session, key)
        self._done[key] = session
        return 200, session

    def _complete(self, session: dict[str, Any], key: str) -> None:
        if session["status"] == "canceled" or (key in self._done and self.keys == "honours"):
            return
        if session["status"] == "ready_for_complete" and session["expires_s"] <= self.world.now_s:
            session["status"] = "canceled"
            return
        self._done[key] = session
        self.made.append((session["id"], key))
        session["status"], session["order"] = "completed", f"ord_{len(self.made)}"

    def _is_open(self, session_id: str) -> bool:
        """Whether nothing has come of a session, and nothing is being made of it."""
        thinks = any(late == session_id for late, _ in self.late)
        session = self.sessions.get(session_id)
        return not thinks and session is not None and session["status"] == "ready_for_complete"

    def _body(self, session: dict[str, Any]) -> bytes:
        expires = self.world.moment(session["expires_s"]).isoformat()
        status = session["status"]
        if status == "ready_for_complete" and session["expires_s"] <= self.world.now_s:
            status = "canceled"
        order = ""
        if "order" in session:
            order_id = session["order"]
            order = f'"order":{{"id":"{order_id}","permalink_url":"https://shop.test/{order_id}"}},'
        head = f'{{"id":"{session["id"]}","status":"{status}","expires_at":"{expires}",{order}'
        return head.encode() + _REST


def _token(body: bytes) -> str:
    """What a completing request pays with."""
    return str(json.loads(body)["payment"]["instruments"][0]["credential"]["token"])


_DOCUMENT = checkout(total=PRICE_MINOR)
_REST = json.dumps({k: v for k, v in _DOCUMENT.items() if k not in ("id", "status")})[1:].encode()
