"""PURE: what a shop has on its shelf, as its catalogue says it: packs with their price and content.

Source: UCP catalog search and lookup, product and variant of every release that has them.
"""

from typing import Any

import msgspec

from replenish_server.retailers.port import Article, Content
from replenish_server.retailers.ucp.documents import Unreadable
from replenish_server.retailers.ucp.shapes import work_out

_TITLE_LIMIT = 200
# Content in the units that people write, by every name in use: UN/CEFACT codes and plain ones.
_UNITS: dict[str, tuple[str, int]] = {
    "mg": ("mg", 1),
    "g": ("mg", 1000),
    "grm": ("mg", 1000),
    "kg": ("mg", 1_000_000),
    "kgm": ("mg", 1_000_000),
    "lb": ("mg", 453_592),
    "lbr": ("mg", 453_592),
    "oz": ("mg", 28_350),
    "onz": ("mg", 28_350),
    "ml": ("ml", 1),
    "mlt": ("ml", 1),
    "cl": ("ml", 10),
    "clt": ("ml", 10),
    "l": ("ml", 1000),
    "ltr": ("ml", 1000),
    "pages": ("page", 1),
    "page": ("page", 1),
    "c62": ("piece", 1),
    "ea": ("piece", 1),
    "h87": ("piece", 1),
    "each": ("piece", 1),
    "ct": ("piece", 1),
    "pieces": ("piece", 1),
}


class _Price(msgspec.Struct):
    amount: int
    currency: str


class _Measure(msgspec.Struct):
    value: float
    unit: str
    scale: int = 0


class _Availability(msgspec.Struct):
    available: bool | None = None


class _Variant(msgspec.Struct):
    id: str
    price: _Price
    title: str = ""
    availability: _Availability | None = None
    unit_price: Any = None
    metadata: Any = None
    quantity_unit: Any = None


class _Product(msgspec.Struct):
    title: str = ""
    variants: list[_Variant] = []


class _Page(msgspec.Struct):
    has_next_page: bool = False
    cursor: str | None = None


class _Found(msgspec.Struct):
    products: list[_Product] = []
    pagination: _Page | None = None


work_out(_Measure, _Found)


def search_body(query: str, country: str, limit: int, cursor: str | None) -> dict[str, Any]:
    """A search; a page may be shorter than its limit, and only the shop says whether it is the last."""
    pagination: dict[str, Any] = {"limit": limit}
    if cursor is not None:
        pagination["cursor"] = cursor
    return {"query": query, "context": {"address_country": country}, "pagination": pagination}


def lookup_body(item_id: str, country: str) -> dict[str, Any]:
    """A lookup of one pack."""
    return {"ids": [item_id], "context": {"address_country": country}}


def read_articles(document: dict[str, Any]) -> tuple[list[Article], str | None]:
    """The packs of one page, in the shop's order, and where the next page begins, if there is one.

    Raises:
        Unreadable: the answer does not follow the release.
    """
    try:
        found = msgspec.convert(document, _Found)
    except msgspec.ValidationError as error:
        raise Unreadable(f"the catalogue does not follow the release: {error}"[:300]) from error
    articles = [
        Article(
            variant.id,
            _title(product, variant),
            variant.price.amount,
            variant.price.currency,
            variant.availability is None or variant.availability.available is not False,
            _content(variant),
        )
        for product in found.products
        for variant in product.variants
        if variant.quantity_unit is None  # goods by weight are no packs
    ]
    page = found.pagination
    return articles, page.cursor if page is not None and page.has_next_page else None


def _title(product: _Product, variant: _Variant) -> str:
    parts = [product.title] if variant.title.startswith(product.title) else [product.title, variant.title]
    text = " · ".join(part for part in parts if part) if len(parts) > 1 else variant.title
    return (text or variant.id)[:_TITLE_LIMIT]


def _content(variant: _Variant) -> Content | None:
    """How much a pack holds, where the shop says it in a unit that is known."""
    measured = variant.unit_price.get("measure") if isinstance(variant.unit_price, dict) else None
    if measured is None and isinstance(variant.metadata, dict) and "unit_amount" in variant.metadata:
        measured = {"value": variant.metadata["unit_amount"], "unit": variant.metadata.get("unit")}
    try:
        measure = msgspec.convert(measured, _Measure)
    except msgspec.ValidationError:
        return None
    known = _UNITS.get(measure.unit.lower())
    if known is None or not 0 <= measure.scale <= 9 or not 0 < measure.value < 1e12:
        return None
    base, factor = known
    amount = round(measure.value * factor / 10**measure.scale)
    return Content(amount, base) if amount > 0 else None
