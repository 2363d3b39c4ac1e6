"""Completing a checkout: paying, taking the goods off the shelf, and the order that comes of it.

A completion may take its time (`completes_after_s`): then the session says `complete_in_progress`, is frozen,
and becomes an order, or an open session again, when the clock says so.
Source: UCP 2026-04-08, checkout "Complete Checkout" and "Checkout Status Lifecycle".
"""

import json
from dataclasses import dataclass

from device_sim.retailer.checkout import Answer, Checkouts, not_found, too_late
from device_sim.retailer.config import Clock
from device_sim.retailer.faults import FaultPlan
from device_sim.retailer.orders import Orders
from device_sim.retailer.payment import payment_problem
from device_sim.retailer.purchase import Purchase
from device_sim.retailer.quote import BUYER_SEVERITIES, Quote
from device_sim.retailer.stock import Stock, Taken
from device_sim.retailer.store import Store
from device_sim.retailer.wire import Doc, error


@dataclass(frozen=True)
class Buyer:
    """Who completes: the platform's profile URL and the Idempotency-Key that is kept with the order.

    Args:
        is_person: a person at the shop's page, who resolves what a platform has to escalate.
    """

    profile_url: str
    key: str
    is_person: bool = False


class Completions:
    """Turns sessions into orders. Every method runs inside the caller's transaction."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        checkouts: Checkouts,
        stock: Stock,
        orders: Orders,
        plan: FaultPlan,
    ) -> None:
        self._store = store
        self._clock = clock
        self._checkouts = checkouts
        self._stock = stock
        self._orders = orders
        self._plan = plan

    def complete(self, session_id: str, body: Doc, active: tuple[str, ...], buyer: Buyer) -> Answer:
        """Pay and order, or say in `messages` why not; with `completes_after_s` the order comes later."""
        row = self._checkouts.row(session_id)
        if row is None:
            return not_found(active)
        resource = self._checkouts.present(row, active)
        if self._checkouts.is_closed(row):
            return 200, too_late(resource, "completed again")
        quote = self._checkouts.quote(row, active)
        if _is_blocked(resource, buyer) or quote.way is None or not quote.way.ready:
            return 200, resource
        taken = self._pay_and_take(body, quote, row["quoted_minor"])
        if isinstance(taken, Taken):
            purchase = Purchase.of(resource, quote.way, taken, buyer.profile_url, buyer.key)
            if self._plan.levers.completes_after_s == 0 or buyer.is_person:
                return 200, self._place(purchase, resource)
            self._wait(purchase, resource)
        elif taken["severity"] in BUYER_SEVERITIES:
            self._checkouts.note(session_id, [taken])
        else:
            return 200, resource | {"messages": [*resource["messages"], taken]}
        return self._checkouts.get(session_id, active)

    def due(self) -> list[str]:
        """Sessions whose completion has taken its time."""
        rows = self._store.rows("SELECT id FROM sessions WHERE due_s <= ?", self._clock.now_s())
        return [row["id"] for row in rows]

    def settle(self, session_id: str) -> None:
        """End a completion that took its time: an order, or an open session with `payment_failed`."""
        row = self._checkouts.row(session_id)
        if row is None or row["pending"] is None or row["due_s"] > self._clock.now_s():
            return
        pending = json.loads(row["pending"])
        purchase = Purchase.from_doc(pending["purchase"])
        self._store.run(
            "UPDATE sessions SET status = 'incomplete', pending = NULL, due_s = NULL WHERE id = ?", session_id
        )
        if self._plan.levers.completion_fails:
            self._stock.give_back(purchase.taken)
            self._checkouts.note(session_id, [error("payment_failed", "The payment was declined after all.")])
        else:
            self._place(purchase, pending["resource"])

    def _place(self, purchase: Purchase, resource: Doc) -> Doc:
        order = self._orders.place(purchase)
        return self._checkouts.finish(resource | {"status": "completed", "messages": [], "order": order})

    def _wait(self, purchase: Purchase, resource: Doc) -> None:
        """Remember a purchase that becomes an order later."""
        due_s = self._clock.now_s() + self._plan.levers.completes_after_s
        self._store.run(
            "UPDATE sessions SET status = 'complete_in_progress', pending = ?, due_s = ? WHERE id = ?",
            json.dumps({"purchase": purchase.as_doc(), "resource": resource}),
            due_s,
            purchase.checkout_id,
        )

    def _pay_and_take(self, body: Doc, quote: Quote, seen_minor: int) -> Taken | Doc:
        """The packs that the order takes, or the message that says why there is no order."""
        if problem := payment_problem(body):
            return problem
        if self._plan.levers.asks_on_price_change and quote.total_minor != seen_minor:
            content = f"The total was {seen_minor} when you last saw it and is {quote.total_minor} now."
            return error("price_changed", content, "$.totals")
        return self._reserve(quote) or error("out_of_stock", "Somebody was faster.", "$.line_items")

    def _reserve(self, quote: Quote) -> Taken | None:
        wanted: dict[str, int] = {}
        for line in quote.parts["line_items"]:
            wanted[line["item"]["id"]] = wanted.get(line["item"]["id"], 0) + line["quantity"]
        location_id = quote.way.location_id if quote.way else None
        return self._stock.reserve(wanted, location_id, backorders=self._plan.levers.backorders)


def _is_blocked(resource: Doc, buyer: Buyer) -> bool:
    """Whether a message stands in the way; a person resolves what is for the buyer to resolve."""
    return any(
        entry["type"] == "error" and not (buyer.is_person and entry["severity"] in BUYER_SEVERITIES)
        for entry in resource["messages"]
    )
