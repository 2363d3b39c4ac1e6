"""What the page about a slot's product and delivery shows and asks for. Its port is `ProductPages`.

As in `views`: frozen facts, sentences in the language that was asked for, no other room.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from replenish_server.web.views import Lang

Way = Literal["ship", "pickup"]


@dataclass(frozen=True)
class ChoiceView:
    """A pack on the shop's shelf.

    Args:
        item_id: the shop's own id.
        title: as the shop calls it.
        price_minor: of one pack.
        currency: ISO 4217.
        available: whether the shop has it.
        content: how much is in a pack, in the slot's shown unit; None where the shop does not say.
        per_minor: price for `per_amount` of the shown unit, rounded; None where the content is not known.
        per_amount: how much that is, such as 1000 for a kilogram in grams.
        chosen: whether the slot buys it now.
    """

    item_id: str
    title: str
    price_minor: int
    currency: str
    available: bool
    content: int | None
    per_minor: int | None
    per_amount: int
    chosen: bool


@dataclass(frozen=True)
class PlaceView:
    """Where goods can be fetched."""

    location_id: str
    name: str
    address: str


@dataclass(frozen=True)
class ProductView:
    """A slot's product and how it comes.

    Args:
        unit: the slot's shown unit: "g", "ml", "pages" or "pack".
        pack: content of the present pack in that unit.
        searchable: whether the retailer has a shelf that can be looked at.
        trouble: a key below "products.trouble." when looking failed, or None.
    """

    slot_id: str
    slot_name: str
    product_name: str
    retailer_name: str
    unit: str
    pack: int
    way: Way
    place_id: str | None
    place_name: str | None
    fallback: bool
    searchable: bool
    query: str
    choices: Sequence[ChoiceView]
    places: Sequence[PlaceView]
    trouble: str | None
    tz: str


@dataclass(frozen=True)
class WayForm:
    """How goods shall come. The place is named by id and shown name; empty where none is chosen."""

    way: Way
    place_id: str
    fallback: bool


class ProductPages(Protocol):
    """Everything the page needs from the server. Called from worker threads; each call is one use case."""

    def product(self, slot_id: str, lang: Lang, query: str, places: bool) -> ProductView | None:
        """The page; with a query the shop is searched, with `places` it is asked where goods are fetched."""

    def choose(self, slot_id: str, item_id: str, pack: int | None) -> None:
        """Buy this from the next order on.

        Args:
            slot_id: for which slot.
            item_id: the shop's own id.
            pack: content in the slot's shown unit, where the shop does not say it.

        Raises:
            Refused: the shop does not know it, cannot be asked, or the content is not known.
        """

    def set_way(self, slot_id: str, form: WayForm) -> None:
        """Let goods come so.

        Raises:
            Refused: the shop does not know the place, or cannot be asked.
        """

    def now(self) -> datetime:
        """The present moment, aware."""
