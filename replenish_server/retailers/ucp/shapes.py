"""PURE: request bodies of release 2026-04-08, and what its answers mean. It never touches the network.

Models: ucp-sdk 0.4.6, generated from the release's schemas. Source: UCP 2026-04-08, checkout,
fulfillment and order.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from ucp_sdk.models.schemas.shopping.fulfillment import Checkout
from ucp_sdk.models.schemas.shopping.order import Order
from ucp_sdk.models.schemas.shopping.types.fulfillment_method import FulfillmentMethod
from ucp_sdk.models.schemas.shopping.types.fulfillment_option import FulfillmentOption

from replenish_server.retailers.port import (
    Need,
    OrderSnapshot,
    PickUp,
    Problem,
    Progress,
    QuotedLine,
    ShipTo,
    Trouble,
)

_DESTINATION_ID = "home"
_DETAIL_LIMIT = 300

_PROBLEM_OF_CODE = {
    "out_of_stock": Problem.OUT_OF_STOCK,
    "item_unavailable": Problem.ITEM_UNAVAILABLE,
    "not_found": Problem.ITEM_UNAVAILABLE,
    "address_undeliverable": Problem.ADDRESS,
    "payment_failed": Problem.PAYMENT_FAILED,
    "payment_declined": Problem.PAYMENT_FAILED,
}
_CANCELLATIONS = ("cancellation", "cancelation", "cancel")
_SHIPPED_EVENTS = ("shipped", "in_transit", "out_for_delivery", "failed_attempt")


class Unreadable(Exception):
    """The shop's answer does not follow the release."""


@dataclass(frozen=True)
class Totals:
    """The totals of a checkout, checked: the parts add up to the total."""

    total_minor: int
    currency: str


def create_body(need: Need) -> bytes:
    """POST /checkout-sessions."""
    return _bytes(
        {
            "line_items": [{"item": {"id": line.item_id}, "quantity": line.packs} for line in need.lines],
            "buyer": _buyer(need),
            "fulfillment": {
                "methods": [
                    {
                        "type": "shipping",
                        "destinations": [_destination(need)],
                        "selected_destination_id": _DESTINATION_ID,
                    }
                ]
            },
        }
    )


def update_body(checkout: Checkout, need: Need) -> bytes | None:
    """PUT /checkout-sessions/{id}: our address and the cheapest option of each group.

    Returns:
        None when the session already holds all that we can say.
    """
    methods = (checkout.fulfillment.methods if checkout.fulfillment else None) or []
    shipping = next((method for method in methods if method.type == "shipping"), None)
    line_ids = [line.id for line in checkout.line_items]
    wanted: dict[str, Any] = {
        "type": "shipping",
        "line_item_ids": line_ids,
        "destinations": [_destination(need)],
        "selected_destination_id": _DESTINATION_ID,
    }
    complete = shipping is not None
    if shipping is not None:
        wanted["id"] = shipping.id
        complete = _goes_to(shipping, need)
        groups = []
        for group in shipping.groups or []:
            cheapest = _cheapest(group.options or [])
            if cheapest is None:
                continue
            groups.append({"id": group.id, "selected_option_id": cheapest})
            complete = complete and group.selected_option_id == cheapest
        wanted["groups"] = groups
    if complete:
        return None
    return _bytes(
        {
            "line_items": [
                {"id": line.id, "item": {"id": line.item.id}, "quantity": line.quantity}
                for line in checkout.line_items
            ],
            "buyer": _buyer(need),
            "fulfillment": {"methods": [wanted]},
        }
    )


def _cheapest(options: Sequence[FulfillmentOption]) -> str | None:
    """The id of the option that costs least; one whose price is not known yet is no bargain."""
    priced = [(t.amount, option.id) for option in options for t in option.totals if t.type == "total"]
    return min(priced, key=lambda pair: pair[0])[1] if priced else None


def _goes_to(method: FulfillmentMethod, need: Need) -> bool:
    """Whether the selected destination is ours: under our id, or the same address under the shop's own."""
    if method.selected_destination_id == _DESTINATION_ID:
        return True
    home = _address(need)
    ours = (home.street, home.postal_code, home.country)
    for destination in method.destinations or []:
        theirs = destination.model_dump(mode="json")
        if theirs.get("id") == method.selected_destination_id:
            address = (
                theirs.get("street_address"),
                theirs.get("postal_code"),
                theirs.get("address_country"),
            )
            return address == ours
    return False


def complete_body(handler_id: str, instrument_type: str, token: str) -> bytes:
    """POST /checkout-sessions/{id}/complete: exactly one instrument, an opaque token."""
    instrument = {
        "id": "household",
        "handler_id": handler_id,
        "type": instrument_type,
        "credential": {"type": "token", "token": token},
    }
    return _bytes({"payment": {"instruments": [instrument]}})


def read_checkout(answer: bytes) -> Checkout | Trouble:
    """A checkout, or what the shop says instead of one (`ucp.status: error` carries no resource)."""
    document = _document(answer)
    ucp = document.get("ucp")
    if isinstance(ucp, dict) and ucp.get("status") == "error":
        return trouble_of(document)
    try:
        return Checkout.model_validate(document)
    except ValidationError as error:
        raise Unreadable(f"the checkout does not follow the release: {_first(error)}") from error


def read_totals(checkout: Checkout) -> Totals:
    """The amount to pay, believed only when the parts add up.

    Raises:
        Unreadable: they do not, so no unattended completion may follow.
    """
    total = next(entry.amount for entry in checkout.totals if entry.type == "total")
    parts = sum(entry.amount for entry in checkout.totals if entry.type != "total")
    if total < 0 or parts != total:
        raise Unreadable(f"the totals do not add up: parts {parts}, total {total}")
    return Totals(total, checkout.currency)


def same_goods(checkout: Checkout, need: Need) -> bool:
    """Whether the session holds exactly what we asked for: a shop may adjust quantities."""
    wanted = sorted((line.item_id, line.packs) for line in need.lines)
    return wanted == sorted((line.item.id, line.quantity) for line in checkout.line_items)


def quoted_lines(checkout: Checkout) -> tuple[QuotedLine, ...]:
    """What each line costs, as the shop says it."""
    return tuple(
        QuotedLine(
            line.item.id,
            line.quantity,
            line.item.price,
            next((t.amount for t in line.totals if t.type == "total"), line.item.price * line.quantity),
        )
        for line in checkout.line_items
    )


def parts_of(checkout: Checkout, *kinds: str) -> int:
    """The sum of the totals of these types, in minor units."""
    return sum(entry.amount for entry in checkout.totals if entry.type in kinds)


def delivered_somewhere(checkout: Checkout) -> bool:
    """Whether all that carries goods has a destination: nobody pays for a parcel to nowhere."""
    methods = (checkout.fulfillment.methods if checkout.fulfillment else None) or []
    carrying = [method for method in methods if method.line_item_ids]
    return bool(carrying) and all(method.selected_destination_id for method in carrying)


def payment_instrument_type(answer: bytes, handler_id: str) -> str | None:
    """The instrument type that the shop's handler wants in this session; "token" when it names none.

    Returns:
        None when the session's handlers, which are authoritative, do not include ours.
    """
    groups = _document(answer).get("ucp", {}).get("payment_handlers") or {}
    if not groups:
        return "token"
    for group in groups.values() if isinstance(groups, dict) else []:
        for handler in group if isinstance(group, list) else []:
            if isinstance(handler, dict) and handler.get("id") == handler_id:
                instruments = handler.get("available_instruments") or []
                if instruments and isinstance(instruments[0], dict):
                    return str(instruments[0].get("type", "token"))
                return "token"
    return None


def disclosure(document: dict[str, Any]) -> Trouble | None:
    """A notice that a person must see before buying; with nobody there, the shop's page takes over."""
    for message in _messages(document):
        if message.get("type") == "warning" and message.get("presentation") == "disclosure":
            detail = str(message.get("content", ""))[:_DETAIL_LIMIT]
            return Trouble(Problem.ESCALATION, detail, web_link(document.get("continue_url")))
    return None


def trouble_of(document: dict[str, Any]) -> Trouble:
    """The gravest message of an answer, by code first and by severity for codes that we do not know."""
    errors = [m for m in _messages(document) if m.get("type") == "error"]
    continue_url = web_link(document.get("continue_url"))
    if not errors:
        problem = Problem.ESCALATION if continue_url else Problem.RETAILER_REFUSED
        return Trouble(problem, "", continue_url)
    chosen = min(errors, key=_gravity)
    problem = _PROBLEM_OF_CODE.get(str(chosen.get("code")), Problem.RETAILER_REFUSED)
    if str(chosen.get("severity", "")).startswith("requires_"):
        problem = Problem.ESCALATION
    return Trouble(problem, str(chosen.get("content", ""))[:_DETAIL_LIMIT], continue_url)


def _gravity(message: dict[str, Any]) -> int:
    """Codes that we know first; of the others what ends the session, then what only a person can give."""
    severity = str(message.get("severity", ""))
    if message.get("code") in _PROBLEM_OF_CODE:
        return 0
    if severity == "unrecoverable":
        return 1
    return 2 if severity.startswith("requires_") else 3


def _messages(document: dict[str, Any]) -> list[dict[str, Any]]:
    messages = document.get("messages")
    return [m for m in messages if isinstance(m, dict)] if isinstance(messages, list) else []


def refusal_of(status: int, answer: bytes) -> Trouble:
    """What an HTTP error means: its messages where it brings any, else its code and content."""
    try:
        document = _document(answer)
    except Unreadable:
        return Trouble(Problem.RETAILER_REFUSED, str(status))
    if _messages(document):
        trouble = trouble_of(document)
        return Trouble(trouble.problem, f"{status} {trouble.detail}".strip(), trouble.continue_url)
    detail = f"{status} {error_detail(answer)}".strip()
    return Trouble(Problem.RETAILER_REFUSED, detail, web_link(document.get("continue_url")))


def web_link(address: object) -> str | None:
    """An address that a person may be sent to, or None: a shop could write `javascript:` there."""
    return address if isinstance(address, str) and address.startswith(("https://", "http://")) else None


def is_not_found(answer: bytes) -> bool:
    """Whether a 200 says that the resource is gone: a business outcome brings no HTTP status of its own."""
    document = _document(answer)
    ucp = document.get("ucp")
    failed = isinstance(ucp, dict) and ucp.get("status") == "error"
    return failed and any(message.get("code") == "not_found" for message in _messages(document))


def error_detail(answer: bytes) -> str:
    """What a protocol error says, for a person."""
    try:
        document = _document(answer)
    except Unreadable:
        return ""
    parts = [
        str(document[name]) for name in ("code", "content", "detail") if isinstance(document.get(name), str)
    ]
    return ": ".join(parts)[:_DETAIL_LIMIT]


def document_of(answer: bytes) -> dict[str, Any]:
    """The answer as a JSON object.

    Raises:
        Unreadable: it is not one.
    """
    return _document(answer)


def read_order(answer: bytes) -> OrderSnapshot:
    """How far an order is. Unknown event types are ignored: the enumeration is open.

    Raises:
        Unreadable: the order does not follow the release.
    """
    document = _document(answer)
    try:
        order = Order.model_validate(document)
    except ValidationError as error:
        raise Unreadable(f"the order does not follow the release: {_first(error)}") from error
    total = next((entry.amount for entry in order.totals if entry.type == "total"), None)
    progress, note = _progress(order)
    return OrderSnapshot(order.id, progress, note, total)


def _progress(order: Order) -> tuple[Progress, str]:
    cancellations = [a for a in order.adjustments or [] if a.type in _CANCELLATIONS]
    # One that names lines takes away only those; what is left is in the lines' own totals.
    whole = any(a.status == "completed" and not a.line_items for a in cancellations)
    gone = bool(order.line_items) and all(line.quantity.total == 0 for line in order.line_items)
    if whole or gone:
        return Progress.CANCELED, next((a.description or "" for a in cancellations), "")
    events = order.fulfillment.events or []
    delivered: dict[str, int] = {}
    for event in events:
        if event.type == "delivered":
            for line in event.line_items:
                delivered[line.id] = delivered.get(line.id, 0) + line.quantity
    if delivered and all(
        delivered.get(line.id, 0) >= line.quantity.total for line in order.line_items if line.quantity.total
    ):
        return Progress.DELIVERED, ""
    shipped = [event for event in events if event.type in (*_SHIPPED_EVENTS, "delivered")]
    if shipped:
        last = shipped[-1]
        return Progress.SHIPPED, " ".join(part for part in (last.carrier, last.tracking_number) if part)
    return Progress.PROCESSING, ""


def _buyer(need: Need) -> dict[str, str]:
    first, _, last = need.buyer_name.partition(" ")
    return {"first_name": first, "last_name": last or first, "email": need.buyer_email}


def _destination(need: Need) -> dict[str, str]:
    first, _, last = need.buyer_name.partition(" ")
    address = _address(need)
    return {
        "id": _DESTINATION_ID,
        "first_name": first,
        "last_name": last or first,
        "street_address": address.street,
        "address_locality": address.locality,
        "postal_code": address.postal_code,
        "address_country": address.country,
    }


def _address(need: Need) -> ShipTo:
    if isinstance(need.fulfilment, PickUp):
        raise Unreadable("this shop's pickup is not spoken yet")
    return need.fulfilment


def _bytes(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _document(answer: bytes) -> dict[str, Any]:
    try:
        document = json.loads(answer)
    except ValueError as error:
        raise Unreadable("the answer is not JSON") from error
    if not isinstance(document, dict):
        raise Unreadable("the answer is not a JSON object")
    return document


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"[:_DETAIL_LIMIT]
