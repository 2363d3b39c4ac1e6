"""The port to a shop, and the step journal through which an adapter makes every call that changes something.

An adapter never keeps state of its own: what it must remember over a crash it puts in the journal before
it sends (docs/adr/0004).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Problem(StrEnum):
    """Why an order needs a person."""

    PRICE_OVER_CAP = "price_over_cap"
    PRICE_JUMPED = "price_jumped"
    OVER_BUDGET = "over_budget"
    OUTSIDE_MANDATE = "outside_mandate"
    OTHER_PRODUCT = "other_product"
    OUT_OF_STOCK = "out_of_stock"
    ITEM_UNAVAILABLE = "item_unavailable"
    PAYMENT_FAILED = "payment_failed"
    ADDRESS = "address"
    ESCALATION = "escalation"
    NO_AGREEMENT = "no_agreement"
    UNKNOWN_OUTCOME = "unknown_outcome"
    MISMATCH = "mismatch"
    RETAILER_REFUSED = "retailer_refused"
    UNREADABLE = "unreadable"
    UNACKNOWLEDGED = "unacknowledged"


@dataclass(frozen=True)
class Line:
    """So many packs of one article."""

    item_id: str
    packs: int


@dataclass(frozen=True)
class ShipTo:
    """A parcel to this address."""

    street: str
    locality: str
    postal_code: str
    country: str


@dataclass(frozen=True)
class PickUp:
    """Goods to be fetched at one of the shop's locations, by its own id."""

    location_id: str


Fulfilment = ShipTo | PickUp


@dataclass(frozen=True)
class Need:
    """What is to be bought, for whom, and how it reaches them.

    Args:
        lines: what to buy; each article stands once.
        buyer_name: who buys.
        buyer_email: where the shop may write to.
        fulfilment: the way that the household wants.
        fallback: the way that it accepts when the shop cannot serve the first; None when it accepts none.
        instrument: with which of the household's instruments at this shop it is paid, from 0.
    """

    lines: tuple[Line, ...]
    buyer_name: str
    buyer_email: str
    fulfilment: Fulfilment
    fallback: Fulfilment | None = None
    instrument: int = 0


@dataclass(frozen=True)
class QuotedLine:
    """What one line costs, in minor units of the quote's currency."""

    item_id: str
    packs: int
    unit_minor: int
    total_minor: int


@dataclass(frozen=True)
class Quote:
    """A binding offer for one checkout session.

    Args:
        checkout_id: the shop's id of the session.
        total_minor: all that would be charged, in minor units of `currency`.
        currency: ISO 4217.
        expires_at: until when the session can be completed, or None when the shop does not say.
        continue_url: where a person can finish the session at the shop, or None.
        lines: what each line costs; empty where a shop does not say.
        subtotal_minor: the goods before discounts, or None where the shop does not say; so the next three.
        shipping_minor: carrying or keeping the goods.
        tax_minor: tax on top of the prices.
        discount_minor: what was taken off, never negative.
        fulfilment: the way that the quote is for; None where the shop has only one.
        fallback_reason: why it is not the way that was wanted, in the shop's words; None when it is.
        permitted: whether what the household signed lets this be completed without a person at this shop.
        instrument: see `Need.instrument`.
    """

    checkout_id: str
    total_minor: int
    currency: str
    expires_at: datetime | None
    continue_url: str | None = None
    lines: tuple[QuotedLine, ...] = ()
    subtotal_minor: int | None = None
    shipping_minor: int | None = None
    tax_minor: int | None = None
    discount_minor: int | None = None
    fulfilment: Fulfilment | None = None
    fallback_reason: str | None = None
    permitted: bool = False
    instrument: int = 0


@dataclass(frozen=True)
class Content:
    """How much a pack holds: an amount of mg, ml, pages or pieces."""

    amount: int
    unit: str


@dataclass(frozen=True)
class Article:
    """A pack on a shop's shelf.

    Args:
        item_id: the shop's own id, as a line names it.
        title: as the shop calls it.
        price_minor: of one pack, in minor units of `currency`.
        currency: ISO 4217.
        available: whether the shop says that it has it.
        content: how much is in it, or None where the shop does not say.
    """

    item_id: str
    title: str
    price_minor: int
    currency: str
    available: bool
    content: Content | None = None


@dataclass(frozen=True)
class Location:
    """Where goods can be fetched: the shop's id, its name, and an address on one line, or an empty one."""

    location_id: str
    name: str
    address: str


@dataclass(frozen=True)
class Placed:
    """The shop has the order."""

    retailer_order_id: str
    permalink: str
    total_minor: int
    currency: str


@dataclass(frozen=True)
class Trouble:
    """The shop answered, and a person has to look at it.

    Args:
        problem: what kind.
        detail: the shop's own words, cut to 300 characters; empty when it gave none.
        continue_url: where a person can go on at the shop, or None.
        checkout_id: the session that was opened and left open, or None.
        item_id: the article that it is about; None where the shop named none, or more than one.
        may_pay_otherwise: whether the shop did not take this instrument, and another one may be tried.
    """

    problem: Problem
    detail: str = ""
    continue_url: str | None = None
    checkout_id: str | None = None
    item_id: str | None = None
    may_pay_otherwise: bool = False


class Tier(StrEnum):
    """How far a retailer lets a replenishment go by itself; each one hands over to the next."""

    ORDER = "order"
    CHECKOUT = "checkout"
    CART = "cart"
    LIST = "list"


@dataclass(frozen=True)
class HandOff:
    """Nothing can be ordered here without a person: what the person gets instead.

    Args:
        tier: `CART`, a link that opens a filled cart; `LIST`, an entry on the household's shopping list.
        url: where the person goes on, or None where there is only the list.
        reason: "only_cart" or "only_list" where the retailer offers no more, else the `Problem` that kept a
            higher tier from working.
        detail: the retailer's own words on that, cut to 300 characters; empty when it gave none.
    """

    tier: Tier
    url: str | None
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Unknown:
    """It is not known whether the order exists. Only asking again, or a person, may settle it."""

    detail: str


@dataclass(frozen=True)
class Expired:
    """The session ended before it was completed; a new one is needed."""


class Progress(StrEnum):
    """How far a placed order has come, as the shop tells it.

    `UNACKNOWLEDGED`: the shop should have said by now that it has seen the order.
    """

    PROCESSING = "processing"
    UNACKNOWLEDGED = "unacknowledged"
    SHIPPED = "shipped"
    READY = "ready_for_pickup"
    DELIVERED = "delivered"
    CANCELED = "canceled"


@dataclass(frozen=True)
class OrderSnapshot:
    """The shop's present view of an order."""

    retailer_order_id: str
    progress: Progress
    note: str
    total_minor: int | None


class TryLater(Exception):
    """The shop did not answer, or said "later", before anything was completed.

    Args:
        detail: what happened.
        wait_s: seconds that the shop asked us to wait, or None.
    """

    def __init__(self, detail: str, wait_s: float | None = None) -> None:
        super().__init__(detail)
        self.wait_s = wait_s


class NotThere(TryLater):
    """The shop answered that it has no such order. It may be wrong: a person decides what that means."""


class JournalClosed(Exception):
    """The order was canceled, or another worker has taken it over: nothing more may be sent."""


@dataclass(frozen=True)
class StoredCall:
    """A call that is stored, whether or not it was ever sent.

    Args:
        key: idempotency key.
        method: HTTP method.
        url: where to.
        body: the exact bytes; a repetition sends these and no others.
        prepared_at: when it was stored.
        status: HTTP status of the answer, or None while none came.
        answer: body of the answer, or None.
    """

    key: str
    method: str
    url: str
    body: bytes
    prepared_at: datetime
    status: int | None
    answer: bytes | None


@dataclass(frozen=True)
class Opening:
    """The first call of a conversation, as it will be stored: its step, method, address and body.

    A body that must carry its own key is a function of it.
    """

    step: str
    method: str
    url: str
    body: bytes | Callable[[str], bytes]


class Journal(Protocol):
    """The steps of one attempt at one order."""

    def find(self, step: str) -> StoredCall | None:
        """The stored call of this step."""

    def prepare(self, step: str, method: str, url: str, body: bytes | Callable[[str], bytes]) -> StoredCall:
        """Store a call with a fresh key, committed on return; the stored one if the step has one.

        A body that must carry the key itself is a function of it.

        Raises:
            JournalClosed: nothing more may be sent for this order.
        """

    def hold(self) -> None:
        """See that nobody else has taken over: to be asked right before a completing call is sent.

        Raises:
            JournalClosed: this worker was overtaken, or slept past its lease; it sends nothing any more.
        """

    def answered(self, step: str, status: int, answer: bytes) -> None:
        """Store the answer of a step, committed on return.

        Raises:
            JournalClosed: this worker was overtaken while it waited for the answer.
        """


class RetailerPort(Protocol):
    """What ordering asks of any shop."""

    def opening(self, need: Need) -> Opening | None:
        """What `quote` will send first in a new conversation, where that is known without asking anybody: it
        is stored with the order itself. None where something has to be looked up before."""

    def quote(self, need: Need, journal: Journal) -> Quote | Trouble | HandOff:
        """Build a checkout session and learn what it would cost. Repeating it repeats nothing.

        Raises:
            TryLater: no usable answer yet; call again with the same journal.
            JournalClosed: see `Journal.prepare`.
        """

    def place(self, quote: Quote, journal: Journal) -> Placed | Trouble | Unknown | Expired:
        """Complete the session of a quote, or find out what became of an earlier try.

        Raises:
            TryLater: nothing was completed, and nothing is unknown; call again.
            JournalClosed: see `Journal.prepare`.
        """

    def retire(self, checkout_id: str, journal: Journal) -> Placed | Trouble | Unknown | None:
        """Close a session that is given up for a new one. A person may have finished it at the shop.

        Returns:
            None when it can no longer become an order; Placed when it has; Trouble when the shop keeps it
            open.

        Raises:
            TryLater: no usable answer; call again.
            JournalClosed: see `Journal.prepare`.
        """

    def read_order(self, retailer_order_id: str) -> OrderSnapshot:
        """The shop's present view of an order.

        Raises:
            TryLater: no usable answer.
        """
