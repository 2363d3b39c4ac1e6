"""PURE: what we ask for, as request bodies. Nothing in them is the shop's to say.

Source: UCP checkout, fulfillment and payment request schemas of every release that is spoken.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from replenish_server.retailers.port import Fulfilment, Line, Need, PickUp, QuotedLine, ShipTo
from replenish_server.retailers.ucp.documents import Checkout, Method, Option
from replenish_server.retailers.ucp.release import Release

DESTINATION_ID = "home"
Body = dict[str, Any]


def create_body(need: Need, way: Fulfilment, *, says_way: bool = True) -> Body:
    """A new session.

    Args:
        need: what is to be bought.
        way: how it reaches the household: the need's fulfilment or its fallback.
        says_way: whether the shop has the extension that says so, and reads it in a create.
    """
    body: Body = {
        "line_items": [{"item": {"id": line.item_id}, "quantity": line.packs} for line in need.lines],
        "buyer": _buyer(need),
    }
    return body | {"fulfillment": {"methods": [_wanted(need, way)]}} if says_way else body


def update_body(checkout: Checkout, need: Need, way: Fulfilment, release: Release) -> Body | None:
    """The whole writable state: our address or location, and the cheapest option of each group.

    Returns:
        None when the session already holds all that we can say.
    """
    kind = _kind(way)
    method = next((method for method in checkout.methods if method.type == kind), None)
    wanted = _wanted(need, way) | {"line_item_ids": [line.id for line in checkout.line_items]}
    if release.way_follows:
        wanted["id"] = kind  # that release wants one, also where the shop has named no method yet
    complete = method is not None
    if method is not None:
        wanted["id"] = method.id
        complete = goes_to(method, way)
        if complete and method.selected_destination_id is not None:
            wanted["selected_destination_id"] = method.selected_destination_id
        groups = []
        for group in method.groups or []:
            cheapest = _cheapest(group.options or [])
            if cheapest is None:
                continue
            named = {"line_item_ids": group.line_item_ids} if release.way_follows else {}
            groups.append({"id": group.id, "selected_option_id": cheapest} | named)
            complete = complete and group.selected_option_id == cheapest
        wanted["groups"] = groups
    if complete:
        return None
    body: Body = {
        "line_items": [
            ({"id": line.id} if line.id else {}) | {"item": {"id": line.item.id}, "quantity": line.quantity}
            for line in checkout.line_items
        ],
        "buyer": _buyer(need),
        "fulfillment": {"methods": [wanted]},
    }
    return {"id": checkout.id} | body if release.update_names_session else body


def complete_body(handler_id: str, instrument_type: str, token: str, release: Release) -> Body:
    """The completion: exactly one instrument, an opaque token."""
    instrument = {
        "id": "household",
        "handler_id": handler_id,
        "type": instrument_type,
        "credential": {"type": "token", "token": token},
    }
    body: Body = {"payment": {"instruments": [instrument]}}
    return body | {"risk_signals": {}} if release.risk_signals else body


def same_goods(checkout: Checkout, need: Need) -> bool:
    """Whether the session holds just what we asked for: a shop may adjust quantities, or count in grams."""
    by_piece = all(line.item.quantity_unit is None or _by_piece(line.item) for line in checkout.line_items)
    return by_piece and packs_held(checkout) == packs_of(need.lines)


def packs_held(checkout: Checkout) -> Counter[str]:
    """Packs by article; a shop may have an article in two lines."""
    held = Counter[str]()
    for line in checkout.line_items:
        held[line.item.id] += line.quantity
    return held


def packs_of(lines: Sequence[Line | QuotedLine]) -> Counter[str]:
    """The same of lines of ours."""
    wanted = Counter[str]()
    for line in lines:
        wanted[line.item_id] += line.packs
    return wanted


def asked_articles(body: Body | None) -> list[str]:
    """The articles that a body asks for, in the order of its lines."""
    return [str(line["item"]["id"]) for line in (body or {}).get("line_items", ())]


def changed_article(checkout: Checkout, need: Need) -> str | None:
    """The one article of which a session does not hold what we asked for; None where it is not just one."""
    wanted = {(line.item_id, line.packs) for line in need.lines}
    held = {(line.item.id, line.quantity) for line in checkout.line_items}
    odd = {item_id for item_id, _ in wanted ^ held}
    ours = {line.item_id for line in need.lines}
    return odd.pop() if len(odd) == 1 and odd <= ours else None


def arrives(checkout: Checkout, way: Fulfilment) -> bool:
    """Whether all that carries goods goes where we said: nobody pays for a parcel to nowhere."""
    carrying = [method for method in checkout.methods if method.line_item_ids]
    return bool(carrying) and all(
        method.type == _kind(way) and method.selected_destination_id and goes_to(method, way)
        for method in carrying
    )


def goes_to(method: Method, way: Fulfilment) -> bool:
    """Whether the selected destination is ours: under the id we gave, or our address under the shop's own."""
    selected = method.selected_destination_id
    if isinstance(way, PickUp):
        return selected == way.location_id
    described = next((d for d in method.destinations or [] if d.id == selected), None)
    if described is None or described.postal_code is None:
        return selected == DESTINATION_ID
    return (described.street_address, described.postal_code, described.address_country) == (
        way.street,
        way.postal_code,
        way.country,
    )


def payment_instrument_type(ucp: Any, handler_id: str) -> str | None:
    """The instrument type that the shop's handler wants in this session; "token" when it names none.

    Args:
        ucp: the answer's `ucp` member.
        handler_id: of our handler.

    Returns:
        None when the session's handlers, which are authoritative, do not include ours.
    """
    groups = ucp.get("payment_handlers") if isinstance(ucp, dict) else None
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


def _by_piece(item: Any) -> bool:
    return bool(item.quantity_unit.unit == "C62" and item.quantity_unit.scale == 0)


def _kind(way: Fulfilment) -> str:
    return "pickup" if isinstance(way, PickUp) else "shipping"


def _wanted(need: Need, way: Fulfilment) -> Body:
    if isinstance(way, PickUp):
        return {"type": "pickup", "selected_destination_id": way.location_id}
    return {
        "type": "shipping",
        "destinations": [_destination(need, way)],
        "selected_destination_id": DESTINATION_ID,
    }


def _cheapest(options: Sequence[Option]) -> str | None:
    """The id of the option that costs least; one whose price is not known yet is no bargain."""
    priced = [(t.amount, option.id) for option in options for t in option.totals if t.type == "total"]
    return min(priced, key=lambda pair: pair[0])[1] if priced else None


def _buyer(need: Need) -> dict[str, str]:
    first, last = _names(need)
    return {"first_name": first, "last_name": last, "email": need.buyer_email}


def _destination(need: Need, address: ShipTo) -> dict[str, str]:
    first, last = _names(need)
    return {
        "id": DESTINATION_ID,
        "first_name": first,
        "last_name": last,
        "street_address": address.street,
        "address_locality": address.locality,
        "postal_code": address.postal_code,
        "address_country": address.country,
    }


def _names(need: Need) -> tuple[str, str]:
    first, _, last = need.buyer_name.partition(" ")
    return first, last or first
