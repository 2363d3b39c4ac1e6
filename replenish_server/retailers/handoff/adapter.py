"""Retailers that hand over to a person, and the way down to them from one that could not do more."""

from replenish_server.retailers.handoff.template import cart_link
from replenish_server.retailers.port import (
    Expired,
    HandOff,
    Journal,
    Need,
    Opening,
    OrderSnapshot,
    Placed,
    Problem,
    Quote,
    RetailerPort,
    Tier,
    Trouble,
    TryLater,
    Unknown,
)

_HANDS_OVER = frozenset({Problem.UNREADABLE, Problem.RETAILER_REFUSED, Problem.ESCALATION})
"""What a person can go around with a cart of their own; an empty shelf or a bad address is the same there."""


class HandOffRetailer:
    """A shop without a checkout for programs. Implements `RetailerPort`.

    Args:
        cart_template: how its cart link is made, or None where there is only the shopping list.
        url: the shop's own page, or empty.
    """

    def __init__(self, cart_template: str | None, url: str) -> None:
        self._template = cart_template
        self._url = url or None

    def opening(self, need: Need) -> None:
        """Nothing is ever sent."""

    def quote(self, need: Need, journal: Journal) -> HandOff:
        """A cart link where the shop takes one, an entry on the list otherwise."""
        if self._template is None:
            return HandOff(Tier.LIST, self._url, "only_list")
        return _cart_or_list(self._template, self._url, need, "only_cart", "")

    def place(self, quote: Quote, journal: Journal) -> Trouble:
        """Never: there is no quote to place."""
        return Trouble(Problem.ESCALATION, continue_url=self._url)

    def retire(self, checkout_id: str, journal: Journal) -> None:
        """Nothing was ever opened."""

    def read_order(self, retailer_order_id: str) -> OrderSnapshot:
        """Only the person knows."""
        raise TryLater(f"order {retailer_order_id!r} was bought by a person; this shop cannot be asked")


class HandingOver:
    """A retailer with a cart to fall back on: what its checkout cannot do, a person does there.

    Args:
        retailer: the adapter that is tried first.
        cart_template: how its cart link is made.
        url: the shop's own page.
        unattended: whether the shop has agreed to orders without a person.
    """

    def __init__(self, retailer: RetailerPort, cart_template: str, url: str, unattended: bool) -> None:
        self._retailer, self._unattended = retailer, unattended
        self._template, self._url = cart_template, url or None

    def opening(self, need: Need) -> Opening | None:
        """As the retailer does."""
        return self._retailer.opening(need)

    def quote(self, need: Need, journal: Journal) -> Quote | Trouble | HandOff:
        """The retailer's quote, or a cart where its checkout gives a person no page to go on."""
        quote = self._retailer.quote(need, journal)
        if isinstance(quote, HandOff) or quote.continue_url is not None:
            return quote  # a page that the shop prepared has the right price and address already
        if isinstance(quote, Trouble) and quote.problem in _HANDS_OVER:
            return _cart_or_list(self._template, self._url, need, quote.problem.value, quote.detail)
        asks = isinstance(quote, Quote) and not (self._unattended or quote.permitted)
        if asks and journal.find("complete") is None:
            return _cart_or_list(self._template, self._url, need, Problem.NO_AGREEMENT.value, "")
        return quote

    def place(self, quote: Quote, journal: Journal) -> Placed | Trouble | Unknown | Expired:
        """As the retailer does: past the quote, an order may have left, and no second way is opened."""
        return self._retailer.place(quote, journal)

    def retire(self, checkout_id: str, journal: Journal) -> Placed | Trouble | Unknown | None:
        """As the retailer does."""
        return self._retailer.retire(checkout_id, journal)

    def read_order(self, retailer_order_id: str) -> OrderSnapshot:
        """As the retailer does."""
        return self._retailer.read_order(retailer_order_id)


def _cart_or_list(template: str, url: str | None, need: Need, reason: str, detail: str) -> HandOff:
    link = cart_link(template, [(line.item_id, line.packs) for line in need.lines])
    if link is None:
        return HandOff(Tier.LIST, url, "cart_too_small", detail)
    return HandOff(Tier.CART, link, reason, detail)
