"""Checkout sessions: creating, reading, replacing and cancelling them. Never prices, completes or ships.

A finished session is frozen: what it said when it was completed or cancelled is what it says for ever.
Source: UCP 2026-04-08, checkout and its REST binding.
"""

import json
import secrets
import sqlite3

from device_sim.retailer.config import Clock, RetailerConfig
from device_sim.retailer.faults import FaultPlan
from device_sim.retailer.quote import Quote, price, status_of
from device_sim.retailer.stock import Stock
from device_sim.retailer.store import Store
from device_sim.retailer.wire import (
    CHECKOUT,
    CURRENCY,
    EXTENSIONS,
    Doc,
    ProtocolError,
    envelope,
    error,
    iso,
    payment_handlers,
    refusal,
)
from device_sim.retailer.wish import read_wish

Answer = tuple[int, Doc]


class Checkouts:
    """The shop's sessions. Every method runs inside the caller's transaction."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        config: RetailerConfig,
        stock: Stock,
        plan: FaultPlan,
    ) -> None:
        self._store = store
        self._clock = clock
        self._config = config
        self._stock = stock
        self._plan = plan

    def create(self, body: Doc, active: tuple[str, ...], profile_url: str) -> Answer:
        """A new session of the platform `profile_url`: 201.

        When nothing that was asked for can be bought there is no session: 200 and an error envelope.
        """
        wish = read_wish(body) | {"active": active}
        shelves = self._stock.shelves()
        known = [shelves.items[line["item_id"]] for line in wish["lines"] if line["item_id"] in shelves.items]
        in_stock = any(shelves.stock(item, wish) for item in known)
        if not known or not (in_stock or self._plan.levers.backorders):
            code = "out_of_stock" if known else "item_unavailable"
            content = "Everything asked for is out of stock." if known else "No such item was found."
            message = error(code, content, "$.line_items", "unrecoverable")
            return 200, refusal(_named(active), [message], f"{self._config.base_url}/")
        session_id = f"chk_{secrets.token_hex(12)}"
        now_s = self._clock.now_s()
        self._store.run(
            "INSERT INTO sessions (id, status, created_s, expires_s, quoted_minor, profile_url, wish)"
            " VALUES (?, 'incomplete', ?, ?, 0, ?, ?)",
            session_id,
            now_s,
            now_s + self._config.session_ttl_h * 3600,
            profile_url,
            json.dumps(wish),
        )
        return 201, self.get(session_id, active)[1]

    def get(self, session_id: str, active: tuple[str, ...]) -> Answer:
        """The session as it is now, at the prices of now."""
        row = self.row(session_id)
        return (200, self.present(row, active)) if row else not_found(active)

    def update(self, session_id: str, body: Doc, active: tuple[str, ...]) -> Answer:
        """Replace everything that was asked for. A finished session answers as it is, with an error."""
        wish = read_wish(body) | {"active": active}
        row = self.row(session_id)
        if row is None:
            return not_found(active)
        if self.is_closed(row):
            return 200, too_late(self.present(row, active), "changed")
        self._store.run(
            "UPDATE sessions SET wish = ?, notes = '[]' WHERE id = ?", json.dumps(wish), session_id
        )
        return self.get(session_id, active)

    def cancel(self, session_id: str, active: tuple[str, ...]) -> Answer:
        """End an open session. A cancelled one answers as it is, with an error message.

        Raises:
            ProtocolError: 409, the session is completed, which makes it immutable.
        """
        row = self.row(session_id)
        if row is None:
            return not_found(active)
        resource = self.present(row, active)
        if resource["status"] == "completed":
            raise ProtocolError(409, "invalid_state", "This session is completed and cannot be canceled.")
        if self.is_closed(row):
            return 200, too_late(resource, "canceled")
        return 200, self.finish(resource | {"status": "canceled", "messages": []})

    def owner(self, session_id: str) -> str | None:
        """The profile URL of the platform that created the session; None if there is no such session."""
        row = self.row(session_id)
        return row["profile_url"] if row else None

    def active(self, session_id: str) -> tuple[str, ...]:
        """The capabilities that were in force when the session was last changed; none for no session."""
        row = self.row(session_id)
        return tuple(json.loads(row["wish"])["active"]) if row else ()

    def row(self, session_id: str) -> sqlite3.Row | None:
        """A session as it is stored."""
        return self._store.row("SELECT * FROM sessions WHERE id = ?", session_id)

    def is_closed(self, row: sqlite3.Row) -> bool:
        """Whether nothing about it can be changed: finished, expired, or being completed."""
        return (
            row["final"] is not None
            or row["pending"] is not None
            or bool(row["expires_s"] <= self._clock.now_s())
        )

    def note(self, session_id: str, messages: list[Doc]) -> None:
        """Messages that the session carries until it is updated."""
        self._store.run("UPDATE sessions SET notes = ? WHERE id = ?", json.dumps(messages), session_id)

    def quote(self, row: sqlite3.Row, active: tuple[str, ...]) -> Quote:
        """What the session's wish costs now."""
        return price(
            json.loads(row["wish"]),
            self._stock.shelves(),
            active,
            self._plan.levers,
            self._config.address_needed,
        )

    def present(self, row: sqlite3.Row, active: tuple[str, ...]) -> Doc:
        """The session as a resource; an open one is priced anew, one whose time is over is ended."""
        if row["final"] is not None:
            frozen: Doc = json.loads(row["final"])
            return frozen
        if row["pending"] is not None:
            waiting: Doc = json.loads(row["pending"])["resource"]
            return waiting | {"status": "complete_in_progress", "messages": []}
        resource, total_minor = self._offer(row, active)
        if row["expires_s"] <= self._clock.now_s():
            content = "This session has expired, begin a new one."
            expired = error("session_expired", content, severity="unrecoverable")
            return self.finish(resource | {"status": "canceled", "messages": [expired]})
        self._store.run("UPDATE sessions SET quoted_minor = ? WHERE id = ?", total_minor, row["id"])
        return resource

    def _offer(self, row: sqlite3.Row, active: tuple[str, ...]) -> tuple[Doc, int]:
        """An open session as a resource, and its total."""
        quote, wish, base_url = self.quote(row, active), json.loads(row["wish"]), self._config.base_url
        messages = [*quote.parts["messages"], *json.loads(row["notes"])]
        terms = {"type": "terms_of_service", "url": f"{base_url}/terms", "title": "Terms of this sandbox"}
        resource: Doc = {
            "ucp": envelope(_named(active)) | {"payment_handlers": payment_handlers()},
            "id": row["id"],
            "status": status_of(messages),
            "currency": CURRENCY,
            **quote.parts,
            "messages": messages,
            "links": [terms],
            "expires_at": iso(row["expires_s"]),
            "continue_url": f"{base_url}/checkout/{row['id']}",
        }
        if lie := self._plan.levers.lies_in_total_minor:
            *others, total = resource["totals"]
            resource["totals"] = [*others, total | {"amount": total["amount"] + lie}]
        return resource | ({"buyer": wish["buyer"]} if wish["buyer"] else {}), quote.total_minor

    def finish(self, resource: Doc) -> Doc:
        """Freeze a session as it is in `resource`."""
        # Nothing is left to continue: the hand-over link belongs to open sessions only.
        frozen = {name: value for name, value in resource.items() if name != "continue_url"}
        self._store.run(
            "UPDATE sessions SET status = ?, final = ? WHERE id = ?",
            frozen["status"],
            json.dumps(frozen),
            frozen["id"],
        )
        return frozen


def _named(active: tuple[str, ...]) -> list[str]:
    """The capabilities that a checkout answer is made of: checkout itself and what extends it."""
    return [name for name in active if name == CHECKOUT or EXTENSIONS.get(name) == CHECKOUT]


def not_found(active: tuple[str, ...]) -> Answer:
    """The answer about a session that there is not."""
    message = error("not_found", "No such checkout session.", severity="unrecoverable")
    return 200, refusal(_named(active), [message])


def too_late(resource: Doc, verb: str) -> Doc:
    """A closed session with an error about what was asked of it."""
    content = f"This session is {resource['status']} and cannot be {verb}."
    message = error("invalid_state", content, "$.status", "unrecoverable")
    return resource | {"messages": [*resource["messages"], message]}
