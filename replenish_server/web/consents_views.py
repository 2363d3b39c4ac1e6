"""What the page about orders without a person at a shop shows and asks for. Its port is `ConsentPages`.

As in `views`: frozen facts, aware times, no other room.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

Offer = Literal["yes", "no", "unknown"]


@dataclass(frozen=True)
class SignedView:
    """What the household signed for one shop; amounts in minor units of `currency`."""

    mandate_id: str
    items: Sequence[str]
    currency: str
    max_minor: int
    budget_minor: int
    spent_minor: int
    max_occurrences: int
    occurrences: int
    signed_by: str
    signed_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class ShopView:
    """One shop: whether it takes mandates, whether it gave a permission in writing, what was signed, and the
    names of what it is paid with, in the order in which they are tried."""

    retailer_id: str
    name: str
    offers: Offer
    has_agreement: bool
    items: Sequence[str]
    signed: SignedView | None
    ways_to_pay: Sequence[str] = ()


@dataclass(frozen=True)
class ConsentsView:
    """All shops that the household buys from through UCP."""

    currency: str
    shops: Sequence[ShopView]
    tz: str


@dataclass(frozen=True)
class ConsentForm:
    """What a person wants to sign; amounts in minor units of the household's currency."""

    retailer_id: str
    max_minor: int
    budget_minor: int
    max_occurrences: int
    days: int


@dataclass(frozen=True)
class WayToPay:
    """What a person adds: a name of their own, the shop's payment handler, and the token that it issued."""

    name: str
    handler: str
    token: str = field(repr=False)


class ConsentPages(Protocol):
    """Everything the page needs from the server. Called from worker threads; each call is one use case."""

    def consents(self, household_id: str | None) -> ConsentsView | None:
        """The page; None while there is no household."""

    def sign(self, household_id: str | None, form: ConsentForm, by: str) -> None:
        """Sign; an earlier mandate for the same shop is revoked.

        Raises:
            Refused: the limits make no sense, or there is nothing to agree to.
        """

    def revoke(self, household_id: str | None, mandate_id: str) -> None:
        """Nothing more is ordered under it.

        Raises:
            Refused: there is no such mandate, or it is revoked.
        """

    def add_way_to_pay(self, household_id: str | None, retailer_id: str, way: WayToPay) -> None:
        """Put one at the end of the list.

        Raises:
            Refused: it has no name, handler or token, or one of the name is there.
        """

    def use_first(self, household_id: str | None, retailer_id: str, name: str) -> None:
        """Try this one first.

        Raises:
            Refused: it is gone, or signed limits name the first one.
        """

    def remove_way_to_pay(self, household_id: str | None, retailer_id: str, name: str) -> None:
        """Forget one.

        Raises:
            Refused: it is gone, the last, or signed limits name it.
        """

    def now(self) -> datetime:
        """The present moment, aware."""
