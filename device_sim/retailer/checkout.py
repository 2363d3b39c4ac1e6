"""Checkout sessions: creating, reading, replacing, completing and cancelling them. Never prices or ships.

A finished session is frozen: what it said when it was completed or cancelled is what it says for ever.
Source: UCP 2026-04-08, checkout and its REST binding.
"""

import json
import secrets
import sqlite3
from dataclasses import dataclass
from typing import Any

from device_sim.retailer.catalogue import Catalogue, OutOfStockError
from device_sim.retailer.config import Clock, RetailerConfig
from device_sim.retailer.orders import Orders, Purchase
from device_sim.retailer.quote import Quote, price
from device_sim.retailer.store import Store
from device_sim.retailer.wire import (
    CHECKOUT,
    CURRENCY,
    EXTENSIONS,
    HANDLER_ID,
    Doc,
    envelope,
    error,
    iso,
    payment_handlers,
    refusal,
)
from device_sim.retailer.wish import read_wish

SUCCESS_TOKEN = "success_token"  # noqa: S105 - a word of the sandbox's contract, no secret

Answer = tuple[int, Doc]


@dataclass(frozen=True)
class Buyer:
    """Who completes: the platform's profile URL, the Idempotency-Key kept with the order, the shop's mood.

    Args:
        asks_on_price_change: whether a total that changed since the platform last saw it stops the order.
    """

    profile_url: str
    key: str
    asks_on_price_change: bool = True


class Checkouts:
    """The shop's sessions. Every method runs inside the caller's transaction."""

    def __init__(
        self, store: Store, clock: Clock, config: RetailerConfig, catalogue: Catalogue, orders: Orders
    ) -> None:
        self._store = store
        self._clock = clock
        self._config = config
        self._catalogue = catalogue
        self._orders = orders

    def create(self, body: Doc, active: tuple[str, ...], profile_url: str) -> Answer:
        """A new session of the platform `profile_url`: 201.

        When nothing that was asked for can be bought there is no session: 200 and an error envelope.
        """
        wish = read_wish(body)
        items = self._catalogue.items()
        known = [items[line["item_id"]] for line in wish["lines"] if line["item_id"] in items]
        if not any(item.stock for item in known):
            code = "out_of_stock" if known else "item_unavailable"
            content = "Everything asked for is out of stock." if known else "No such item was found."
            message = error(code, content, "$.line_items", "unrecoverable")
            return 200, refusal(_named(active), [message], f"{self._config.base_url}/")
        session_id = f"chk_{secrets.token_hex(12)}"
        now_s = self._clock.now_s()
        self._store.run(
            "INSERT INTO sessions VALUES (?, 'incomplete', ?, ?, 0, ?, ?, NULL)",
            session_id,
            now_s,
            now_s + self._config.session_ttl_h * 3600,
            profile_url,
            json.dumps(wish),
        )
        return 201, self.get(session_id, active)[1]

    def get(self, session_id: str, active: tuple[str, ...]) -> Answer:
        """The session as it is now, at the prices of now."""
        row = self._row(session_id)
        return (200, self._present(row, active)) if row else _not_found(active)

    def update(self, session_id: str, body: Doc, active: tuple[str, ...]) -> Answer:
        """Replace everything that was asked for. A finished session answers as it is, with an error."""
        wish = read_wish(body)
        row = self._row(session_id)
        if row is None:
            return _not_found(active)
        if self._is_over(row):
            return 200, _too_late(self._present(row, active), "changed")
        self._store.run("UPDATE sessions SET wish = ? WHERE id = ?", json.dumps(wish), session_id)
        return self.get(session_id, active)

    def cancel(self, session_id: str, active: tuple[str, ...]) -> Answer:
        """End an open session. A finished one answers as it is, with an error message."""
        row = self._row(session_id)
        if row is None:
            return _not_found(active)
        resource = self._present(row, active)
        if self._is_over(row):
            return 200, _too_late(resource, "canceled")
        return 200, self._finish(resource | {"status": "canceled", "messages": []})

    def complete(self, session_id: str, body: Doc, active: tuple[str, ...], buyer: Buyer) -> Answer:
        """Pay and order, or say in `messages` why not."""
        row = self._row(session_id)
        if row is None:
            return _not_found(active)
        resource = self._present(row, active)
        if self._is_over(row):
            return 200, _too_late(resource, "completed again")
        quote = self._quote(row, active)
        if quote.status != "ready_for_complete" or quote.destination is None or quote.option is None:
            return 200, resource
        problem = _payment_problem(body)
        if buyer.asks_on_price_change and quote.total_minor != row["quoted_minor"]:
            content = (
                f"The total was {row['quoted_minor']} when you last saw it and is {quote.total_minor} now."
            )
            problem = error("price_changed", content, "$.totals")
        if problem is None:
            problem = self._reserve(quote)
        if problem is not None:
            return 200, resource | {"messages": [*resource["messages"], problem]}
        order = self._orders.place(
            Purchase(
                session_id,
                buyer.profile_url,
                buyer.key,
                resource["line_items"],
                resource["totals"],
                quote.destination,
                quote.option,
            )
        )
        return 200, self._finish(resource | {"status": "completed", "messages": [], "order": order})

    def owner(self, session_id: str) -> str | None:
        """The profile URL of the platform that created the session; None if there is no such session."""
        row = self._row(session_id)
        return row["profile_url"] if row else None

    def _reserve(self, quote: Quote) -> Doc | None:
        wanted: dict[str, int] = {}
        for line in quote.parts["line_items"]:
            wanted[line["item"]["id"]] = wanted.get(line["item"]["id"], 0) + line["quantity"]
        try:
            with self._store.attempt():
                self._catalogue.reserve(wanted)
        except OutOfStockError:
            return error("out_of_stock", "Somebody was faster.", "$.line_items")
        return None

    def _row(self, session_id: str) -> sqlite3.Row | None:
        return self._store.row("SELECT * FROM sessions WHERE id = ?", session_id)

    def _is_over(self, row: sqlite3.Row) -> bool:
        return row["final"] is not None or row["expires_s"] <= self._clock.now_s()

    def _quote(self, row: sqlite3.Row, active: tuple[str, ...]) -> Quote:
        return price(json.loads(row["wish"]), self._catalogue.items(), active)

    def _present(self, row: sqlite3.Row, active: tuple[str, ...]) -> Doc:
        if row["final"] is not None:
            frozen: Doc = json.loads(row["final"])
            return frozen
        quote = self._quote(row, active)
        wish = json.loads(row["wish"])
        base_url = self._config.base_url
        resource: Doc = {
            "ucp": envelope(_named(active)) | {"payment_handlers": payment_handlers()},
            "id": row["id"],
            "status": quote.status,
            "currency": CURRENCY,
            **quote.parts,
            "links": [
                {"type": "terms_of_service", "url": f"{base_url}/terms", "title": "Terms of this sandbox"}
            ],
            "expires_at": iso(row["expires_s"]),
            "continue_url": f"{base_url}/checkout/{row['id']}",
        }
        if wish["buyer"]:
            resource["buyer"] = wish["buyer"]
        if self._is_over(row):
            content = "This session has expired, begin a new one."
            expired = error("session_expired", content, severity="unrecoverable")
            return self._finish(resource | {"status": "canceled", "messages": [expired]})
        self._store.run("UPDATE sessions SET quoted_minor = ? WHERE id = ?", quote.total_minor, row["id"])
        return resource

    def _finish(self, resource: Doc) -> Doc:
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


def _not_found(active: tuple[str, ...]) -> Answer:
    message = error("not_found", "No such checkout session.", severity="unrecoverable")
    return 200, refusal(_named(active), [message])


def _too_late(resource: Doc, verb: str) -> Doc:
    content = f"This session is {resource['status']} and cannot be {verb}."
    message = error("invalid_state", content, "$.status", "unrecoverable")
    return resource | {"messages": [*resource["messages"], message]}


def _payment_problem(body: Doc) -> Doc | None:
    """Why the payment of a complete body is not accepted, or None. It never repeats what it was given."""
    payment = body.get("payment")
    instruments = payment.get("instruments") if isinstance(payment, dict) else None
    if not isinstance(instruments, list) or len(instruments) != 1 or not isinstance(instruments[0], dict):
        return error("missing", "Send exactly one payment instrument.", "$.payment.instruments")
    instrument: dict[str, Any] = instruments[0]
    if instrument.get("handler_id") != HANDLER_ID:
        return error(
            "invalid", f"This shop is paid through {HANDLER_ID}.", "$.payment.instruments[0].handler_id"
        )
    credential = instrument.get("credential")
    token = credential.get("token") if isinstance(credential, dict) else None
    if token != SUCCESS_TOKEN:
        return error("payment_failed", "The payment was declined.", "$.payment.instruments[0]")
    return None
