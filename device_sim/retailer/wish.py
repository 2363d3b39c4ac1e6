"""Reads what a platform asks for in a checkout body. It checks shapes; what can be had is `quote`'s to say.

A PUT replaces the whole session, so a wish is always read complete and never merged with an earlier one.
Source: UCP 2026-04-08, checkout "Update Checkout", fulfillment schemas (create and update requests).
"""

from typing import Any

from device_sim.retailer.jcs import canonical
from device_sim.retailer.wire import Doc, ProtocolError, decode

QUANTITY_MAX = 10_000
LINES_MAX = 100
ADDRESS_FIELDS = (
    "first_name",
    "last_name",
    "phone_number",
    "street_address",
    "extended_address",
    "address_locality",
    "address_region",
    "postal_code",
    "address_country",
)


def read_body(raw: bytes) -> Doc:
    """A JSON object; an empty body reads as `{}`. Raises ProtocolError 400 on anything else."""
    try:
        body = decode(raw) if raw.strip() else {}
    except (ValueError, RecursionError) as problem:
        raise invalid(f"The body is not JSON: {problem}") from problem
    if not isinstance(body, dict):
        raise invalid("The body must be a JSON object.")
    return body


def read_wish(body: Doc) -> Doc:
    """The part of a create or update body that the shop acts on.

    Returns:
        lines [{id, item_id, quantity}], buyer, codes [..], method_type (None: not said), methods (how many),
        destinations [{id, address..}], selected_destination_id, selected_option_id (each None: not chosen).

    Raises:
        ProtocolError: 400, the body has not the shape of a checkout.
    """
    entries = body.get("line_items")
    if not isinstance(entries, list) or not 0 < len(entries) <= LINES_MAX:
        raise invalid(f"line_items must be a list of 1 to {LINES_MAX} lines.")
    discounts = _object(body.get("discounts"), "discounts")
    codes = discounts.get("codes") or []
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise invalid("discounts.codes must be a list of strings.")
    buyer = _object(body.get("buyer"), "buyer")
    try:
        canonical(buyer)  # it is shown in a checkout that may be signed
    except (ValueError, RecursionError) as problem:
        raise invalid(f"buyer cannot be shown in a checkout: {problem}") from problem
    return {"lines": _lines(entries), "buyer": buyer, "codes": codes} | _fulfillment(body)


def _lines(entries: list[Any]) -> list[Doc]:
    lines: list[Doc] = []
    taken = {str(entry.get("id")) for entry in entries if isinstance(entry, dict)}
    free = (f"li_{number}" for number in range(1, 2 * LINES_MAX + 1) if f"li_{number}" not in taken)
    for index, entry in enumerate(entries):
        where = f"line_items[{index}]"
        line = _object(entry, where)
        item_id = _object(line.get("item"), f"{where}.item").get("id")
        quantity = line.get("quantity")
        if not isinstance(item_id, str) or not item_id:
            raise invalid(f"{where}.item.id must be a string.")
        if type(quantity) is not int or not 1 <= quantity <= QUANTITY_MAX:
            raise invalid(f"{where}.quantity must be an integer from 1 to {QUANTITY_MAX}.")
        line_id = line.get("id") or next(free)
        if not isinstance(line_id, str) or any(known["id"] == line_id for known in lines):
            raise invalid(f"{where}.id must be a string that no other line has.")
        lines.append({"id": line_id, "item_id": item_id, "quantity": quantity})
    return lines


def _fulfillment(body: Doc) -> Doc:
    methods = _object(body.get("fulfillment"), "fulfillment").get("methods") or []
    if not isinstance(methods, list):
        raise invalid("fulfillment.methods must be a list.")
    method = _object(methods[0], "fulfillment.methods[0]") if methods else {}
    destinations = [
        _destination(entry, index)
        for index, entry in enumerate(_list(method.get("destinations"), "destinations"))
    ]
    groups = _list(method.get("groups"), "groups")
    group = _object(groups[0], "groups[0]") if groups else {}
    chosen = method.get("selected_destination_id")
    if chosen is None and len(destinations) == 1:
        # One address and no choice named is a choice; with two the platform has to say which.
        chosen = destinations[0]["id"]
    return {
        "methods": len(methods),
        "method_type": method.get("type"),
        "destinations": destinations,
        "selected_destination_id": _text_or_none(chosen, "selected_destination_id"),
        "selected_option_id": _text_or_none(group.get("selected_option_id"), "selected_option_id"),
    }


def _destination(entry: Any, index: int) -> Doc:
    given = _object(entry, f"destinations[{index}]")
    address = {name: given[name] for name in ADDRESS_FIELDS if given.get(name) is not None}
    if not all(isinstance(value, str) for value in address.values()):
        raise invalid(f"destinations[{index}] must hold strings.")
    destination_id = given.get("id")
    return {
        "id": destination_id if isinstance(destination_id, str) and destination_id else f"dest_{index + 1}"
    } | address


def _object(value: Any, name: str) -> Doc:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"{name} must be an object.")
    return value


def _list(value: Any, name: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise invalid(f"{name} must be a list.")
    return value


def _text_or_none(value: Any, name: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise invalid(f"{name} must be a string.")
    return value


def invalid(content: str) -> ProtocolError:
    """The answer to a request that has not the protocol's shape."""
    return ProtocolError(400, "invalid_request", content)
