"""Prices a wish against the shelf: lines, promotions, the way to the household, totals, what is missing.

PURE: the same wish and shelves always give the same quote. Prices are gross, so there is no tax line.
Source: UCP 2026-04-08, checkout "Totals" and "Error Handling", fulfillment and discount extensions.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from device_sim.retailer import fulfilment
from device_sim.retailer.catalogue import Item
from device_sim.retailer.fulfilment import Way
from device_sim.retailer.levers import Levers
from device_sim.retailer.promotions import Promotions, promote
from device_sim.retailer.wire import DISCOUNT, FULFILLMENT, Doc, amount, error, notice

BUYER_SEVERITIES = {"requires_buyer_input", "requires_buyer_review"}


@dataclass(frozen=True)
class Shelves:
    """What there is: items with the warehouse's stock, and the stores' stock by location and item id."""

    items: Mapping[str, Item]
    at_stores: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def stock(self, item: Item, wish: Doc) -> int:
        """Packs of `item` where this wish would take them from."""
        if wish["method_type"] != "pickup":
            return item.stock
        chosen = wish["selected_destination_id"]
        # A store that has too little is the fulfilment's to say, which names it; here the fullest counts.
        stores = [self.at_stores[chosen]] if chosen in self.at_stores else list(self.at_stores.values())
        return max((shelf.get(item.item_id, 0) for shelf in stores), default=0)


@dataclass(frozen=True)
class Quote:
    """What the wish costs now. `parts` are the members of the checkout resource that follow from it."""

    status: str
    total_minor: int
    parts: Doc
    way: Way | None


def price(
    wish: Doc,
    shelves: Shelves,
    active: tuple[str, ...],
    levers: Levers,
    address_needed: tuple[str, ...] = fulfilment.ADDRESS_FIELDS,
) -> Quote:
    """Quote a wish.

    Args:
        wish: as `wish.read_wish` gives it.
        active: the capabilities in force; without fulfillment a person has to finish an order of goods.
        address_needed: the fields without which no parcel can be sent.
    """
    lines, messages = _lines(wish, shelves, levers)
    sold = [shelves.items[line["item"]["id"]] for line in lines]
    costs = [(item.product_id, line["quantity"], _cost(line)) for item, line in zip(sold, lines, strict=True)]
    found = promote(wish["codes"], costs) if DISCOUNT in active else Promotions()
    _take_off(lines, found)
    messages += found.warnings
    parts: Doc = {"line_items": lines}
    if found.applied or (DISCOUNT in active and wish["codes"]):
        parts["discounts"] = {"codes": wish["codes"], "applied": found.applied}
    by_mail = bool(sold) and all(item.by_mail for item in sold)
    way: Way | None = None
    if FULFILLMENT in active or by_mail:
        way = fulfilment.choose(wish, lines, by_mail, shelves.at_stores, address_needed)
        messages += way.messages
        if FULFILLMENT in active:
            parts["fulfillment"] = way.parts
    else:
        text = "These goods are shipped: take the fulfillment extension, or let a person finish."
        messages.append(error("fulfillment_required", text, severity="requires_buyer_input"))
    parts["totals"] = _totals(lines, found, way)
    parts["messages"] = [*messages, *(dict(entry) for entry in levers.says)]
    return Quote(status_of(parts["messages"]), parts["totals"][-1]["amount"], parts, way)


def status_of(messages: list[Doc]) -> str:
    """The status of an open session with these messages."""
    severities = {message["severity"] for message in messages if message["type"] == "error"}
    if severities & BUYER_SEVERITIES:
        return "requires_escalation"
    return "incomplete" if severities else "ready_for_complete"


def _cost(line: Doc) -> int:
    cost: int = line["totals"][0]["amount"]
    return cost


def _lines(wish: Doc, shelves: Shelves, levers: Levers) -> tuple[list[Doc], list[Doc]]:
    lines: list[Doc] = []
    messages: list[Doc] = []
    wanted: Counter[str] = Counter()
    for index, asked in enumerate(wish["lines"]):
        item, quantity = shelves.items.get(asked["item_id"]), asked["quantity"]
        if item is None:
            text = f"Item {asked['item_id']} was not found and is left out."
            messages.append(error("item_unavailable", text, f"$.line_items[{index}]"))
            continue
        stock = shelves.stock(item, wish)
        if stock == 0 and not levers.backorders:
            text = f"{item.title} is out of stock and is left out."
            messages.append(error("out_of_stock", text, f"$.line_items[{index}]"))
            continue
        path, left = f"$.line_items[{len(lines)}].quantity", stock - wanted[item.item_id]
        if quantity > left:
            if levers.backorders:
                text = f"{max(left, 0)} of {quantity} can be sent now, the rest in {levers.backorder_h:g} h."
                messages.append(notice("warning", "backorder", text, path))
            elif levers.adjusts_quantity and left > 0:
                text = f"Quantity adjusted, requested {quantity} but only {left} available."
                messages.append(notice("warning", "quantity_adjusted", text, path))
                quantity = left
            else:
                text = f"Not enough stock of {item.title}: {stock} left."
                messages.append(error("out_of_stock", text, path))
        wanted[item.item_id] += quantity
        cost = item.price_minor * quantity
        lines.append(
            {
                "id": asked["id"],
                "item": {"id": item.item_id, "title": item.title, "price": item.price_minor},
                "quantity": quantity,
                "totals": [amount("subtotal", cost, "Goods"), amount("total", cost, "Total")],
            }
        )
    return lines, messages


def _take_off(lines: list[Doc], found: Promotions) -> None:
    for index, off in found.per_line.items():
        totals = lines[index]["totals"]
        totals.insert(1, amount("items_discount", -off, "Discount"))
        totals[-1] = amount("total", totals[-1]["amount"] - off, "Total")


def _totals(lines: list[Doc], found: Promotions, way: Way | None) -> list[Doc]:
    subtotal = amount("subtotal", sum(_cost(line) for line in lines), "Goods")
    if len(lines) > 1:
        subtotal["lines"] = [
            {"display_text": f"{line['quantity']} × {line['item']['title']}", "amount": _cost(line)}
            for line in lines
        ]
    totals = [subtotal]
    if found.per_line:
        totals.append(amount("items_discount", -sum(found.per_line.values()), "Discount on items"))
    if found.off_order:
        entry = amount("discount", -found.off_order_minor, "Discount")
        if len(found.off_order) > 1:
            entry["lines"] = [{"display_text": title, "amount": -off} for title, off in found.off_order]
        totals.append(entry)
    if way is not None and way.option is not None and way.kind != "digital":
        totals.append(amount("fulfillment", way.option.price_minor, way.option.title))
    totals.append(amount("total", sum(entry["amount"] for entry in totals), "Total, VAT included"))
    return totals
