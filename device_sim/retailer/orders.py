"""Orders: placing them, moving them along by the clock, taking packs out of them, and their full snapshot.

Every change and the webhook that tells of it are one transaction. It never sends anything itself.
Source: UCP 2026-04-08, order ("Order Line Item", "Fulfillment Event", "Adjustment") and its REST binding.
"""

import json
import secrets
import sqlite3

from device_sim.retailer.config import Clock, RetailerConfig
from device_sim.retailer.faults import FaultPlan
from device_sim.retailer.parcels import DESCRIPTIONS, Pace, plan, without
from device_sim.retailer.purchase import Purchase
from device_sim.retailer.snapshot import label, snapshot
from device_sim.retailer.stock import Stock, Taken
from device_sim.retailer.store import Store
from device_sim.retailer.webhooks import Outbox
from device_sim.retailer.wire import ORDER, Doc, amount, error, iso, refusal

CANCELABLE = ("created", "processing")
RESTOCKED = ("cancellation", "return")  # adjustments after which the packs are on the shelf again


class Orders:
    """The shop's orders. Every method runs inside the caller's transaction."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        config: RetailerConfig,
        stock: Stock,
        outbox: Outbox,
        faults: FaultPlan,
    ) -> None:
        self._store = store
        self._clock = clock
        self._config = config
        self._stock = stock
        self._outbox = outbox
        self._faults = faults

    def permalink(self, order_id: str) -> str:
        """The page of the order for a person, and the only place to cancel it."""
        return f"{self._config.base_url}/orders/{order_id}/page"

    def place(self, purchase: Purchase) -> Doc:
        """Write the order and the webhook that announces it. Stock is reserved by the caller, in the same
        transaction. Returns what the checkout says of the order: id, label, permalink_url."""
        order_id = f"ord_{secrets.token_hex(12)}"
        now_s = self._clock.now_s()
        haste = 0.5 if purchase.option_id == "express" else 1.0
        pace = Pace(self._config.ship_after_h * haste, self._config.deliver_after_h * haste)
        levers = self._faults.levers
        lines = [(line["id"], line["quantity"]) for line in purchase.line_items]
        steps = plan(purchase.kind, lines, purchase.late, now_s, pace, levers)
        promised = plan(purchase.kind, lines, purchase.late, now_s, pace, type(levers)())
        doc = purchase.as_order(levers.overcharges_minor) | {
            "steps": steps,
            "promised_s": max(step["at_s"] for step in promised),
            "done": 0,
            "events": [],
            "adjustments": [],
        }
        self._store.run(
            "INSERT INTO orders VALUES (?, ?, ?, ?, 'created', ?, ?, ?)",
            order_id,
            purchase.checkout_id,
            purchase.profile_url,
            purchase.complete_key,
            now_s,
            steps[0]["at_s"],
            json.dumps(doc),
        )
        self._announce(order_id, now_s)
        if levers.loses_packs:
            line = purchase.line_items[0]
            packs = min(levers.loses_packs, line["quantity"])
            self.take_out(order_id, line["id"], packs, "refund", "Found missing when the order was packed")
        return {"id": order_id, "label": label(order_id), "permalink_url": self.permalink(order_id)}

    def read(
        self, order_id: str, profile_url: str, active: tuple[str, ...], *, for_buyer: bool = False
    ) -> Doc:
        """The order's snapshot for the platform that placed it, or for the buyer whose it is; for another
        caller there is none."""
        row = self._row(order_id)
        bought = (
            self._store.row("SELECT buyer FROM sessions WHERE id = ?", row["checkout_id"]) if row else None
        )
        theirs = for_buyer and bought is not None and bought["buyer"] is not None
        if row is None or (row["profile_url"] != profile_url and not theirs):
            # One answer for both: a stranger does not learn which order ids exist.
            message = error("not_found", "No such order.", severity="unrecoverable")
            return refusal([name for name in active if name == ORDER], [message])
        return self.snapshot(order_id)

    def snapshot(self, order_id: str) -> Doc:
        """The whole order as it is now. Raises LookupError when there is none."""
        row = self._row(order_id)
        if row is None:
            raise LookupError(order_id)
        return snapshot(row, self.permalink(order_id))

    def state(self, order_id: str) -> str | None:
        """created, processing, shipped, ready_for_pickup, delivered or canceled; None for no such order."""
        row = self._row(order_id)
        return row["state"] if row else None

    def can_cancel(self, order_id: str) -> bool:
        """Whether the order can still be cancelled: it exists and has not left."""
        return self.state(order_id) in CANCELABLE

    def due(self) -> list[str]:
        """The orders whose next step the clock has reached."""
        rows = self._store.rows("SELECT id FROM orders WHERE next_s <= ?", self._clock.now_s())
        return [row["id"] for row in rows]

    def advance(self, order_id: str, *, now: bool = False) -> bool:
        """Take the next step if its time has come (or `now`); the event carries the time it was due.

        Returns whether a step was taken. A shop that slept takes one step for each call, oldest first.
        """
        row, now_s = self._row(order_id), self._clock.now_s()
        if row is None or row["next_s"] is None or (not now and row["next_s"] > now_s):
            return False
        doc = json.loads(row["doc"])
        step = doc["steps"][doc["done"]]
        at_s = now_s if now else row["next_s"]
        doc["events"].append(self._event(order_id, doc, step, at_s))
        doc["done"] += 1
        rest = doc["steps"][doc["done"] :]
        state = step["type"]
        if state == "delivered" and any(later["type"] == "delivered" for later in rest):
            state = "shipped"  # another parcel is still on its way
        self._write(order_id, state, max(rest[0]["at_s"], at_s) if rest else None, doc)
        self._announce(order_id, at_s)
        return True

    def cancel(self, order_id: str) -> bool:
        """Cancel an order that has not left yet: money and stock go back. False if it is too late."""
        row = self._row(order_id)
        if row is None or row["state"] not in CANCELABLE:
            return False
        doc = json.loads(row["doc"])
        now_s = self._clock.now_s()
        refunded = sum(entry["totals"][0]["amount"] for entry in doc["adjustments"])
        paid = next(entry["amount"] for entry in doc["totals"] if entry["type"] == "total")
        removed = [{"id": line["id"], "quantity": -line["total"]} for line in doc["lines"] if line["total"]]
        self._adjust(doc, "cancellation", "Cancelled on the order's page", removed, -(paid + refunded))
        for line in doc["lines"]:
            line["total"] = 0
        self._stock.give_back(Taken(doc["taken"], doc["location_id"]))
        self._write(order_id, "canceled", None, doc)
        self._announce(order_id, now_s)
        return True

    def take_out(self, order_id: str, line_id: str, packs: int, kind: str, description: str) -> bool:
        """Take packs out of an order and refund them. False if the order has not so many of that line.

        Args:
            kind: the adjustment's type: refund, return, cancellation, ..
        """
        row = self._row(order_id)
        doc = json.loads(row["doc"]) if row else {"lines": []}
        line = next((entry for entry in doc["lines"] if entry["id"] == line_id), None)
        if row is None or line is None or not 0 < packs <= line["total"]:
            return False
        paid = next(entry["amount"] for entry in line["totals"] if entry["type"] == "total")
        back = paid * packs // line["original"]
        self._adjust(doc, kind, description, [{"id": line_id, "quantity": -packs}], -back)
        line["total"] -= packs
        item_id = line["item"]["id"]
        doc["taken"][item_id] = max(doc["taken"].get(item_id, 0) - packs, 0)
        if kind in RESTOCKED:
            self._stock.give_back(Taken({item_id: packs}, doc["location_id"]))
        done, rest = doc["steps"][: doc["done"]], doc["steps"][doc["done"] :]
        rest = without(rest, line_id, packs)
        doc["steps"] = [*done, *rest]
        gone = not any(entry["total"] for entry in doc["lines"])
        state = "canceled" if gone and row["state"] in CANCELABLE else row["state"]
        self._write(order_id, state, rest[0]["at_s"] if rest and not gone else None, doc)
        self._announce(order_id, self._clock.now_s())
        return True

    def _event(self, order_id: str, doc: Doc, step: Doc, at_s: float) -> Doc:
        kind = step["type"]
        text = DESCRIPTIONS[kind]
        if kind == "delivered" and doc["kind"] != "shipping":
            text = "Collected at the counter" if doc["kind"] == "pickup" else "Sent by e-mail"
        event: Doc = {
            "id": f"evt_{len(doc['events']) + 1}",
            "occurred_at": iso(at_s),
            "type": kind,
            "line_items": step["lines"],
            "description": text,
        }
        if kind != "processing":
            number = f"SBX{order_id.removeprefix('ord_')[:12].upper()}"
            number += f"-{step['parcel']}" if step["parcel"] > 1 else ""
            event["tracking_number"] = number
            event["tracking_url"] = f"{self._config.base_url}/track/{number}"
            if doc["kind"] == "shipping":
                event["carrier"] = "Sandbox Parcel"
        return event

    def _adjust(self, doc: Doc, kind: str, text: str, lines: list[Doc], back_minor: int) -> None:
        doc["adjustments"].append(
            {
                "id": f"adj_{len(doc['adjustments']) + 1}",
                "type": kind,
                "occurred_at": iso(self._clock.now_s()),
                "status": "completed",
                "line_items": lines,
                "totals": [amount("total", back_minor, "Refund")],
                "description": text,
            }
        )

    def _row(self, order_id: str) -> sqlite3.Row | None:
        return self._store.row("SELECT * FROM orders WHERE id = ?", order_id)

    def _write(self, order_id: str, state: str, next_s: float | None, doc: Doc) -> None:
        self._store.run(
            "UPDATE orders SET state = ?, next_s = ?, doc = ? WHERE id = ?",
            state,
            next_s,
            json.dumps(doc),
            order_id,
        )

    def _announce(self, order_id: str, occurred_s: float) -> None:
        row = self._row(order_id)
        if row is not None:
            self._outbox.add(order_id, row["profile_url"], occurred_s, self.snapshot(order_id))
