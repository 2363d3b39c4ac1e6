"""Release 2026-01-23: positive discounts, business failures as 4xx, webhooks with a detached JWS.

Source: UCP 2026-01-23, checkout REST binding, order ("Webhook Signature Verification"), overview ("Error
Handling"), and the schemas total, adjustment and order_line_item of that release. Where its text leaves the
HTTP status of a business failure open, the status is the one that the release's own test suite asserts.
"""

import json
from collections.abc import Mapping
from typing import Any

from device_sim.retailer.releases.release import Release
from device_sim.retailer.signing import SigningKey, b64u
from device_sim.retailer.wire import (
    AP2,
    CHECKOUT,
    DISCOUNT,
    FULFILLMENT,
    ORDER,
    Doc,
    ProtocolError,
    error,
)

REDUCTIONS = ("discount", "items_discount")
FINISHED = ("completed", "complete_in_progress", "requires_escalation", "canceled")
STATUSES = {"not_found": 404, "invalid_state": 409, "payment_failed": 402}


class Release20260123(Release):
    """The release of January 2026. It has no catalogue, and reads of an order are the shop's own addition."""

    version = "2026-01-23"
    names: Mapping[str, str] = {name: name for name in (CHECKOUT, ORDER, FULFILLMENT, DISCOUNT, AP2)}
    webhook_style = "detached_jws"

    def request(self, body: Doc, operation: str) -> Doc:
        """A checkout body; an update has to repeat the session's id. Raises ProtocolError 400 without."""
        if operation == "update" and not isinstance(body.get("id"), str):
            raise ProtocolError(400, "invalid_request", "An update names the checkout's id in its body.")
        return body

    def answer(self, status: int, doc: Doc, operation: str) -> tuple[int, Doc]:
        """The answer, as an error status with `detail` where nothing was done."""
        messages = doc.get("messages", [])
        errors = [entry for entry in messages if entry["type"] == "error"]
        if doc.get("ucp", {}).get("status") == "error":
            return _failure(errors, escalates=errors[0]["code"] == "capabilities_incompatible")
        codes = [entry["code"] for entry in errors]
        if "invalid_state" in codes or (operation == "complete" and doc.get("status") not in FINISHED):
            last = [entry for entry in errors if entry["code"] in STATUSES] or errors
            return _failure(last)
        return status, self._checkout(self.dated(doc))

    def order(self, doc: Doc) -> Doc:
        """Quantities without the original, adjustments without signs."""
        shaped = self._checkout(self.dated(doc))
        shaped["line_items"] = [
            line
            | {
                "quantity": {name: line["quantity"][name] for name in ("total", "fulfilled")},
                "status": "fulfilled" if line["status"] == "removed" else line["status"],
            }
            for line in shaped["line_items"]
        ]
        return shaped | {"adjustments": [_adjustment(entry) for entry in doc["adjustments"]]}

    def problem(self, problem: ProtocolError, continue_url: str) -> tuple[int, Doc]:
        """A refusal with `detail`; of a version it says `requires_escalation`, as the text shows."""
        status = 400 if problem.status in (422, 424) else problem.status
        doc: Doc = {"detail": problem.content, "code": problem.code}
        if problem.code == "version_unsupported":
            message = error(problem.code, problem.content, severity="requires_buyer_input")
            doc |= {"status": "requires_escalation", "messages": [message], "continue_url": continue_url}
        return status, doc

    def webhook_signature(self, key: SigningKey, body: bytes) -> dict[str, str]:
        """Request-Signature: a JWS with a detached, unencoded payload (RFC 7797)."""
        header = {"alg": "ES256", "kid": key.kid, "b64": False, "crit": ["b64"]}
        protected = b64u(json.dumps(header, separators=(",", ":")).encode())
        signature = b64u(key.sign(protected.encode() + b"." + body))
        return {"Request-Signature": f"{protected}..{signature}"}

    def _checkout(self, doc: Doc) -> Doc:
        shaped = doc | {"ucp": {name: value for name, value in doc["ucp"].items() if name != "status"}}
        if "totals" in doc:
            shaped["totals"] = [_positive(entry) for entry in doc["totals"]]
        if "line_items" in doc:
            shaped["line_items"] = [_line(line) for line in doc["line_items"]]
        return shaped


def _failure(errors: list[Doc], *, escalates: bool = False) -> tuple[int, Doc]:
    first = errors[-1] if errors else error("invalid_state", "This cannot be done now.")
    doc: Doc = {"detail": first["content"], "code": first["code"], "messages": errors}
    if escalates:
        doc["status"] = "requires_escalation"
    return STATUSES.get(first["code"], 400), doc


def _positive(entry: Doc) -> Doc:
    kept = {name: value for name, value in entry.items() if name != "lines"}
    return kept | ({"amount": -entry["amount"]} if entry["type"] in REDUCTIONS else {})


def _line(line: Doc) -> Doc:
    totals = [_positive(entry) for entry in line["totals"]]
    off = sum(entry["amount"] for entry in totals if entry["type"] in REDUCTIONS)
    return line | {"totals": totals} | ({"discount": off} if off else {})


def _adjustment(entry: Doc) -> dict[str, Any]:
    kept = {name: value for name, value in entry.items() if name != "totals"}
    lines = [line | {"quantity": abs(line["quantity"])} for line in entry["line_items"]]
    back = abs(sum(total["amount"] for total in entry["totals"]))
    return kept | {"line_items": lines} | ({"amount": back} if back else {})
