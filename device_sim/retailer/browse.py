"""The protocol's catalogue: search, lookup and one product. It reads the shelf and changes nothing.

Source: UCP 2026-04-08, catalog (search, lookup and their REST binding).
"""

from collections.abc import Iterable
from typing import Any

from device_sim.retailer.catalogue import PRODUCTS, TAGS, Item
from device_sim.retailer.wire import (
    CATALOG_LOOKUP,
    CATALOG_SEARCH,
    CURRENCY,
    Doc,
    ProtocolError,
    envelope,
    error,
    notice,
    refusal,
)

IDS_MAX = 50
PAGE = 10  # the binding names this default
PAGE_MAX = 50


def search(body: Doc, items: dict[str, Item]) -> Doc:
    """Products with a pack that has every word of `query` and passes `filters.price`; cursor pages.

    Raises ProtocolError 400 without a query or a filter, or with a cursor that is not ours.
    """
    query, filters = body.get("query"), body.get("filters")
    if not isinstance(query, str | None) or not (query or filters):
        raise ProtocolError(400, "invalid_request", "Search by query, by filters, or both.")
    words = (query or "").lower().split()
    found = [
        item for item in _within(items.values(), filters) if all(word in _searchable(item) for word in words)
    ]
    pagination = body.get("pagination") if isinstance(body.get("pagination"), dict) else {}
    try:
        start = int((pagination or {}).get("cursor") or 0)
        limit = min(max(int((pagination or {}).get("limit") or PAGE), 1), PAGE_MAX)
    except (TypeError, ValueError) as problem:
        raise ProtocolError(
            400, "invalid_request", "pagination has a cursor of ours and a number."
        ) from problem
    products = [_product(product_id, packs) for product_id, packs in _grouped(found).items()]
    more = start + limit < len(products)
    page = {"has_next_page": more, "total_count": len(products)} | (
        {"cursor": str(start + limit)} if more else {}
    )
    return {
        "ucp": envelope([CATALOG_SEARCH]),
        "products": products[start : start + limit],
        "pagination": page,
    }


def lookup(body: Doc, items: dict[str, Item]) -> Doc:
    """The packs behind product and item ids, each saying which ids led to it; `messages` name the unknown.

    Raises ProtocolError 400 without ids or with more than IDS_MAX.
    """
    ids = body.get("ids")
    if not isinstance(ids, list) or not ids or not all(isinstance(entry, str) for entry in ids):
        raise ProtocolError(400, "invalid_request", "ids must be a list of strings.")
    if len(ids) > IDS_MAX:
        raise ProtocolError(400, "request_too_large", f"At most {IDS_MAX} ids in one lookup.")
    inputs: dict[str, list[Doc]] = {}
    unknown = []
    for wanted in dict.fromkeys(ids):
        if wanted in items:
            inputs.setdefault(wanted, []).append({"id": wanted, "match": "exact"})
        elif packs := [item for item in items.values() if item.product_id == wanted]:
            inputs.setdefault(packs[0].item_id, []).append({"id": wanted, "match": "featured"})
        else:
            unknown.append(notice("info", "not_found", wanted))
    found = _within((items[item_id] for item_id in inputs), body.get("filters"))
    products = [_product(product_id, packs, inputs) for product_id, packs in _grouped(found).items()]
    doc: Doc = {"ucp": envelope([CATALOG_LOOKUP]), "products": products}
    return doc | ({"messages": unknown} if unknown else {})


def product(body: Doc, items: dict[str, Item]) -> Doc:
    """One product with all its packs, the asked one first. Raises ProtocolError 400 without an id."""
    wanted = body.get("id")
    if not isinstance(wanted, str):
        raise ProtocolError(400, "invalid_request", "id must be a string.")
    product_id = items[wanted].product_id if wanted in items else wanted
    packs = [item for item in items.values() if item.product_id == product_id]
    if not packs:
        message = error("not_found", "No such product.", severity="unrecoverable")
        return refusal([CATALOG_LOOKUP], [message])
    packs.sort(key=lambda item: item.item_id != wanted)
    return {"ucp": envelope([CATALOG_LOOKUP]), "product": _product(product_id, packs) | _choice(packs)}


def _searchable(item: Item) -> str:
    tags = " ".join(TAGS.get(item.product_id, ()))
    return f"{item.item_id} {item.title} {PRODUCTS[item.product_id]} {tags}".lower()


def _within(items: Iterable[Item], filters: Any) -> list[Item]:
    bounds = filters.get("price") if isinstance(filters, dict) else None
    low = bounds.get("min") if isinstance(bounds, dict) else None
    high = bounds.get("max") if isinstance(bounds, dict) else None
    return [
        item
        for item in items
        if (not isinstance(low, int) or item.price_minor >= low)
        and (not isinstance(high, int) or item.price_minor <= high)
    ]


def _grouped(items: Iterable[Item]) -> dict[str, list[Item]]:
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(item.product_id, []).append(item)
    return groups


def _product(product_id: str, packs: list[Item], inputs: dict[str, list[Doc]] | None = None) -> Doc:
    prices = sorted(item.price_minor for item in packs)
    title = PRODUCTS[product_id]
    variants = []
    for item in packs:
        variant: Doc = {
            "id": item.item_id,
            "sku": item.item_id,
            "title": item.title,
            "description": {"plain": item.title},
            "price": _money(item.price_minor),
            "availability": {
                "available": item.stock > 0,
                "status": "in_stock" if item.stock else "out_of_stock",
            },
            "metadata": {"unit": item.unit, "unit_amount": item.unit_amount},
        }
        if inputs is not None:
            variant["inputs"] = inputs[item.item_id]
        variants.append(variant)
    return {
        "id": product_id,
        "title": title,
        "description": {"plain": title},
        "tags": list(TAGS.get(product_id, ())),
        "price_range": {"min": _money(prices[0]), "max": _money(prices[-1])},
        "variants": variants,
    }


def _choice(packs: list[Item]) -> Doc:
    """The one thing that packs of a product differ in; the first pack is the one selected."""
    if len(packs) < 2:
        return {}
    values = [{"id": pack.item_id, "label": pack.title, "exists": True} for pack in packs]
    for value, pack in zip(values, packs, strict=True):
        value["available"] = pack.stock > 0
    first = {"name": "Pack", "id": packs[0].item_id, "label": packs[0].title}
    return {"options": [{"name": "Pack", "values": values}], "selected": [first]}


def _money(minor: int) -> Doc:
    return {"amount": minor, "currency": CURRENCY}
