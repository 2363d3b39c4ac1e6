"""Prices a wish against the shelf: lines, shipping, discount, totals, and what is still missing.

PURE: the same wish and the same shelf always give the same quote. Prices are gross, so there is no tax line.
Source: UCP 2026-04-08, checkout "Totals" and "Error Handling", fulfillment and discount extensions.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from device_sim.retailer.catalogue import Item
from device_sim.retailer.wire import DISCOUNT, FULFILLMENT, Doc, amount, error, notice

METHOD_ID = "ship_1"
GROUP_ID = "pkg_1"
METHOD_PATH = "$.fulfillment.methods[0]"
ADDRESS_NEEDED = ("street_address", "address_locality", "postal_code", "address_country")
UNDELIVERABLE = ("AQ", "ATA", "Antarctica")


@dataclass(frozen=True)
class ShippingOption:
    """One speed; the price is in EUR cents for the whole order."""

    option_id: str
    title: str
    description: str
    price_minor: int


# The cheapest first, as the extension advises.
SHIPPING = (
    ShippingOption("std", "Standard shipping", "On the doorstep the next day", 390),
    ShippingOption("express", "Express shipping", "Twice as fast, by courier", 890),
)

# Code (upper case) -> title and percent off the goods.
CODES = {"WELCOME10": ("Welcome, 10 % off", 10)}


@dataclass(frozen=True)
class Quote:
    """What the wish costs now. `parts` are the members of the checkout resource that follow from it."""

    status: str
    total_minor: int
    parts: Doc
    destination: Doc | None
    option: ShippingOption | None


def price(wish: Doc, items: Mapping[str, Item], active: tuple[str, ...]) -> Quote:
    """Quote a wish.

    Args:
        wish: as `wish.read_wish` gives it.
        items: the shelf by item id.
        active: the capabilities in force; without fulfillment a person has to finish the order.
    """
    lines, messages = _lines(wish, items)
    subtotal = sum(line["totals"][-1]["amount"] for line in lines)
    totals = [amount("subtotal", subtotal, "Goods")]
    parts: Doc = {"line_items": lines}
    off = 0
    if DISCOUNT in active and wish["codes"]:
        parts["discounts"], warnings = _discounts(wish["codes"], subtotal)
        messages += warnings
        off = sum(applied["amount"] for applied in parts["discounts"]["applied"])
    if off:
        totals.append(amount("discount", -off, "Discount"))
    destination: Doc | None = None
    option: ShippingOption | None = None
    if FULFILLMENT in active:
        destination, option, missing = _shipping(wish)
        messages += missing
        parts["fulfillment"] = {"methods": [_method(wish, lines, destination, option)]}
    else:
        messages.append(
            error(
                "fulfillment_required",
                "These goods are shipped: take the fulfillment extension, or let a person finish.",
                severity="requires_buyer_input",
            )
        )
    shipping = option.price_minor if option else 0
    if option:
        totals.append(amount("fulfillment", shipping, option.title))
    totals.append(amount("total", subtotal - off + shipping, "Total, VAT included"))
    parts["totals"] = totals
    parts["messages"] = messages
    return Quote(_status(messages), totals[-1]["amount"], parts, destination, option)


def _status(messages: list[Doc]) -> str:
    severities = {message["severity"] for message in messages if message["type"] == "error"}
    if severities & {"requires_buyer_input", "requires_buyer_review"}:
        return "requires_escalation"
    return "incomplete" if severities else "ready_for_complete"


def _lines(wish: Doc, items: Mapping[str, Item]) -> tuple[list[Doc], list[Doc]]:
    lines: list[Doc] = []
    messages: list[Doc] = []
    wanted: Counter[str] = Counter()
    for index, asked in enumerate(wish["lines"]):
        item = items.get(asked["item_id"])
        if item is None:
            content = f"Item {asked['item_id']} was not found and is left out."
            messages.append(error("item_unavailable", content, f"$.line_items[{index}]"))
            continue
        wanted[item.item_id] += asked["quantity"]
        if wanted[item.item_id] > item.stock:
            content = f"Not enough stock of {item.title}: {item.stock} left."
            messages.append(error("out_of_stock", content, f"$.line_items[{len(lines)}].quantity"))
        cost = item.price_minor * asked["quantity"]
        lines.append(
            {
                "id": asked["id"],
                "item": {"id": item.item_id, "title": item.title, "price": item.price_minor},
                "quantity": asked["quantity"],
                "totals": [amount("subtotal", cost, "Goods"), amount("total", cost, "Total")],
            }
        )
    return lines, messages


def _discounts(codes: list[str], subtotal: int) -> tuple[Doc, list[Doc]]:
    applied: dict[str, Doc] = {}
    warnings: list[Doc] = []
    for index, code in enumerate(codes):
        known = CODES.get(code.upper())
        path = f"$.discounts.codes[{index}]"
        if known is None:
            warnings.append(
                notice("warning", "discount_code_invalid", f"The code {code} is not known.", path)
            )
        elif code.upper() in applied:
            warnings.append(notice("warning", "discount_code_already_applied", f"{code} counts once.", path))
        else:
            title, percent = known
            applied[code.upper()] = {"code": code, "title": title, "amount": subtotal * percent // 100}
    return {"codes": codes, "applied": [entry for entry in applied.values() if entry["amount"]]}, warnings


def _shipping(wish: Doc) -> tuple[Doc | None, ShippingOption | None, list[Doc]]:
    if wish["methods"] > 1 or wish["method_type"] not in (None, "shipping"):
        return None, None, [error("invalid", "This shop ships everything in one parcel.", METHOD_PATH)]
    chosen = wish["selected_destination_id"]
    destination: Doc | None = next((entry for entry in wish["destinations"] if entry["id"] == chosen), None)
    path = f"{METHOD_PATH}.selected_destination_id"
    if destination is None:
        code, content = (
            ("missing", "Send an address.") if chosen is None else ("invalid", "No such destination.")
        )
        return None, None, [error(code, content, path)]
    messages = [
        error("missing", f"The address needs {field}.", f"{METHOD_PATH}.destinations[0].{field}")
        for field in ADDRESS_NEEDED
        if not destination.get(field)
    ]
    if destination.get("address_country") in UNDELIVERABLE:
        messages.append(error("address_undeliverable", "No parcel service goes to Antarctica.", path))
    if messages:
        return destination, None, messages
    option = next((entry for entry in SHIPPING if entry.option_id == wish["selected_option_id"]), None)
    if option is None:
        content = (
            "Choose a shipping option." if wish["selected_option_id"] is None else "No such shipping option."
        )
        code = "missing" if wish["selected_option_id"] is None else "invalid"
        messages.append(error(code, content, f"{METHOD_PATH}.groups[0].selected_option_id"))
    return destination, option, messages


def _method(wish: Doc, lines: list[Doc], destination: Doc | None, option: ShippingOption | None) -> Doc:
    line_ids = [line["id"] for line in lines]
    method: Doc = {"id": METHOD_ID, "type": "shipping", "line_item_ids": line_ids}
    if wish["destinations"]:
        method["destinations"] = wish["destinations"]
    if destination is None:
        return method
    options = [
        {
            "id": entry.option_id,
            "title": entry.title,
            "description": entry.description,
            "totals": [amount("total", entry.price_minor, entry.title)],
        }
        for entry in SHIPPING
    ]
    group: Doc = {"id": GROUP_ID, "line_item_ids": line_ids, "options": options}
    if option is not None:
        group["selected_option_id"] = option.option_id
    return method | {"selected_destination_id": destination["id"], "groups": [group]}
