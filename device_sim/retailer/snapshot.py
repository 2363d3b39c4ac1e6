"""The order entity as platforms read it, made from an order's row. PURE.

Source: UCP 2026-04-08, order schema and "Status Derivation".
"""

import json
from collections import Counter
from sqlite3 import Row

from device_sim.retailer.parcels import FULFILLED_BY
from device_sim.retailer.wire import CURRENCY, ORDER, Doc, envelope, iso


def label(order_id: str) -> str:
    """A short name of an order for people."""
    return f"#{order_id.removeprefix('ord_')[:6].upper()}"


def snapshot(row: Row, permalink_url: str) -> Doc:
    """The full order as it is now; the same document answers a read and travels in a webhook."""
    doc = json.loads(row["doc"])
    fulfilled: Counter[str] = Counter()
    for event in doc["events"]:
        if event["type"] == FULFILLED_BY[doc["kind"]]:
            for line in event["line_items"]:
                fulfilled[line["id"]] += line["quantity"]
    return {
        "ucp": envelope([ORDER]),
        "id": row["id"],
        "label": label(row["id"]),
        "checkout_id": row["checkout_id"],
        "permalink_url": permalink_url,
        "currency": CURRENCY,
        "line_items": [_line(line, fulfilled[line["id"]]) for line in doc["lines"]],
        "fulfillment": {"expectations": _expectations(doc), "events": doc["events"]},
        "adjustments": doc["adjustments"],
        "totals": doc["totals"],
    }


def _line(line: Doc, fulfilled: int) -> Doc:
    done = min(fulfilled, line["total"])
    status = "processing"
    if line["total"] == 0:
        status = "removed"
    elif done == line["total"]:
        status = "fulfilled"
    elif done:
        status = "partial"
    return {
        "id": line["id"],
        "item": line["item"],
        "quantity": {"original": line["original"], "total": line["total"], "fulfilled": done},
        "totals": line["totals"],
        "status": status,
    }


def _expectations(doc: Doc) -> list[Doc]:
    """What the buyer is promised: the packs that come now, and those that come with a backorder."""
    late = {line_id: packs for line_id, packs in doc["late"].items() if packs}
    totals = {line["id"]: line["total"] for line in doc["lines"]}
    later = [{"id": line_id, "quantity": min(packs, totals[line_id])} for line_id, packs in late.items()]
    later = [line for line in later if line["quantity"]]
    behind = {line["id"]: line["quantity"] for line in later}
    now = [{"id": key, "quantity": packs - behind.get(key, 0)} for key, packs in totals.items()]
    now = [line for line in now if line["quantity"]]
    found = []
    at = iso(doc["promised_s"])
    for number, (lines, when) in enumerate(((now, "now"), (later, at)), 1):
        if lines:
            found.append(
                {
                    "id": f"exp_{number}",
                    "line_items": lines,
                    "method_type": doc["kind"],
                    "destination": doc["destination"],
                    "description": f"{doc['option']['title']}, by {at}",
                    "fulfillable_on": when,
                }
            )
    return found
