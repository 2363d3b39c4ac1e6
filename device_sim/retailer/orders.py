"""Orders: placing them, moving them along by the clock, cancelling them, and their full snapshot.

Every change and the webhook that tells of it are one transaction. It never sends anything itself.
Source: UCP 2026-04-08, order ("Order Line Item", "Fulfillment Event", "Adjustment") and its REST binding.
"""

import json
import secrets
import sqlite3
from dataclasses import dataclass

from device_sim.retailer.catalogue import Catalogue
from device_sim.retailer.config import Clock, RetailerConfig
from device_sim.retailer.quote import ShippingOption
from device_sim.retailer.store import Store
from device_sim.retailer.webhooks import Outbox
from device_sim.retailer.wire import CURRENCY, ORDER, Doc, amount, envelope, error, iso, refusal

HOUR_S = 3600.0
STEPS = {"created": "processing", "processing": "shipped", "shipped": "delivered"}
CANCELABLE = ("created", "processing")
DESCRIPTIONS = {
    "processing": "The parcel is being packed",
    "shipped": "Handed over to the parcel service",
    "delivered": "Put down at the front door",
}


@dataclass(frozen=True)
class Purchase:
    """What a completed checkout bought, for whom and under which key."""

    checkout_id: str
    profile_url: str
    complete_key: str
    line_items: list[Doc]
    totals: list[Doc]
    destination: Doc
    option: ShippingOption


class Orders:
    """The shop's orders. Every method runs inside the caller's transaction."""

    def __init__(
        self, store: Store, clock: Clock, config: RetailerConfig, catalogue: Catalogue, outbox: Outbox
    ) -> None:
        self._store = store
        self._clock = clock
        self._config = config
        self._catalogue = catalogue
        self._outbox = outbox

    def permalink(self, order_id: str) -> str:
        """The page of the order for a person, and the only place to cancel it."""
        return f"{self._config.base_url}/orders/{order_id}/page"

    def place(self, purchase: Purchase) -> Doc:
        """Write the order and the webhook that announces it. Stock is reserved by the caller, in the same
        transaction. Returns what the checkout says of the order: id, label, permalink_url."""
        order_id = f"ord_{secrets.token_hex(12)}"
        now_s = self._clock.now_s()
        haste = 0.5 if purchase.option.option_id == "express" else 1.0
        ship_s = now_s + self._config.ship_after_h * HOUR_S * haste
        due = {
            # Somebody has to pick the goods before a courier can take them: a quarter of the way.
            "processing": now_s + (ship_s - now_s) / 4,
            "shipped": ship_s,
            "delivered": now_s + self._config.deliver_after_h * HOUR_S * haste,
        }
        doc = {
            "lines": [
                {
                    "id": line["id"],
                    "item": line["item"],
                    "original": line["quantity"],
                    "totals": line["totals"],
                }
                for line in purchase.line_items
            ],
            "totals": purchase.totals,
            "destination": {name: value for name, value in purchase.destination.items() if name != "id"},
            "option": {"id": purchase.option.option_id, "title": purchase.option.title},
            "due": due,
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
            due["processing"],
            json.dumps(doc),
        )
        self._announce(order_id, now_s)
        return {"id": order_id, "label": _label(order_id), "permalink_url": self.permalink(order_id)}

    def read(self, order_id: str, profile_url: str, active: tuple[str, ...]) -> Doc:
        """The order's snapshot for the platform that placed it; for another caller there is none."""
        row = self._row(order_id)
        if row is None or row["profile_url"] != profile_url:
            # One answer for both: a stranger does not learn which order ids exist.
            message = error("not_found", "No such order.", severity="unrecoverable")
            return refusal([name for name in active if name == ORDER], [message])
        return self.snapshot(order_id)

    def snapshot(self, order_id: str) -> Doc:
        """The whole order as it is now. Raises LookupError when there is none."""
        row = self._row(order_id)
        if row is None:
            raise LookupError(order_id)
        doc = json.loads(row["doc"])
        canceled = row["state"] == "canceled"
        gone = row["state"] in ("shipped", "delivered")
        lines = []
        for line in doc["lines"]:
            total = 0 if canceled else line["original"]
            quantity = {"original": line["original"], "total": total, "fulfilled": total if gone else 0}
            status = "removed" if canceled else "fulfilled" if gone else "processing"
            lines.append(
                {"id": line["id"], "item": line["item"], "quantity": quantity, "totals": line["totals"]}
                | {"status": status}
            )
        expectation = {
            "id": "exp_1",
            "line_items": _all_lines(doc),
            "method_type": "shipping",
            "destination": doc["destination"],
            "description": f"{doc['option']['title']}, arrives {iso(doc['due']['delivered'])}",
            "fulfillable_on": "now",
        }
        return {
            "ucp": envelope([ORDER]),
            "id": order_id,
            "label": _label(order_id),
            "checkout_id": row["checkout_id"],
            "permalink_url": self.permalink(order_id),
            "currency": CURRENCY,
            "line_items": lines,
            "fulfillment": {"expectations": [] if canceled else [expectation], "events": doc["events"]},
            "adjustments": doc["adjustments"],
            "totals": doc["totals"],
        }

    def state(self, order_id: str) -> str | None:
        """created, processing, shipped, delivered or canceled; None if there is no such order."""
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
        row = self._row(order_id)
        now_s = self._clock.now_s()
        if row is None or row["state"] not in STEPS or (not now and row["next_s"] > now_s):
            return False
        step = STEPS[row["state"]]
        doc = json.loads(row["doc"])
        at_s = now_s if now else row["next_s"]
        event: Doc = {
            "id": f"evt_{len(doc['events']) + 1}",
            "occurred_at": iso(at_s),
            "type": step,
            "line_items": _all_lines(doc),
            "description": DESCRIPTIONS[step],
        }
        if step != "processing":
            number = f"SBX{order_id.removeprefix('ord_')[:12].upper()}"
            event |= {
                "carrier": "Sandbox Parcel",
                "tracking_number": number,
                "tracking_url": f"{self._config.base_url}/track/{number}",
            }
        doc["events"].append(event)
        following = STEPS.get(step)
        next_s = max(doc["due"][following], at_s) if following else None
        self._write(order_id, step, next_s, doc)
        self._announce(order_id, at_s)
        return True

    def cancel(self, order_id: str) -> bool:
        """Cancel an order that has not left yet: money and stock go back. False if it is too late."""
        row = self._row(order_id)
        if row is None or row["state"] not in CANCELABLE:
            return False
        doc = json.loads(row["doc"])
        now_s = self._clock.now_s()
        paid = next(entry["amount"] for entry in doc["totals"] if entry["type"] == "total")
        doc["adjustments"].append(
            {
                "id": f"adj_{len(doc['adjustments']) + 1}",
                "type": "cancellation",
                "occurred_at": iso(now_s),
                "status": "completed",
                "line_items": [{"id": line["id"], "quantity": -line["original"]} for line in doc["lines"]],
                "totals": [amount("total", -paid, "Refund")],
                "description": "Cancelled on the order's page",
            }
        )
        for line in doc["lines"]:
            self._catalogue.give_back({line["item"]["id"]: line["original"]})
        self._write(order_id, "canceled", None, doc)
        self._announce(order_id, now_s)
        return True

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


def _all_lines(doc: Doc) -> list[Doc]:
    return [{"id": line["id"], "quantity": line["original"]} for line in doc["lines"]]


def _label(order_id: str) -> str:
    return f"#{order_id.removeprefix('ord_')[:6].upper()}"
