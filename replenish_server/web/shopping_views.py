"""What the shopping list shows and asks for: what a person is to buy. The port behind it is `ShoppingPages`.

As in `views`: frozen facts, aware times, sentences in the language that was asked for, no other room.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from replenish_server.web.views import Lang


@dataclass(frozen=True)
class EntryView:
    """One thing to buy. `link` opens the filled cart ("cart") or the shop's page, where there is one; `why`
    says in a sentence why no order was placed."""

    order_id: str
    slot_name: str
    product_name: str
    packs: int
    retailer_name: str
    tier: Literal["cart", "list"]
    link: str | None
    why: str
    since: datetime
    currency: str


@dataclass(frozen=True)
class ShoppingView:
    """What is to buy, oldest first, and what was bought and has not been seen to arrive."""

    to_buy: Sequence[EntryView]
    coming: Sequence[EntryView]
    tz: str


class ShoppingPages(Protocol):
    """Everything the list needs from the server. Called from worker threads; each call is one use case."""

    def shopping(self, lang: Lang, household_id: str | None = None) -> ShoppingView:
        """The list."""

    def bought(self, order_id: str, by: str, paid: str) -> None:
        """Somebody bought it: `by` is their name, "" when nobody has to say; `paid` what they typed that it
        cost in all, "" for nothing.

        Raises:
            Refused: it is not to be bought (any more), or the amount is none.
        """

    def arrived(self, order_id: str, by: str) -> None:
        """What somebody bought is in the house.

        Raises:
            Refused: nothing of that kind is awaited.
        """

    def now(self) -> datetime:
        """The present moment, aware."""
