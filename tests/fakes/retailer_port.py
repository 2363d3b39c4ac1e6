"""A shop behind the port that names any price and keeps what was bought: for what ordering must hold."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from replenish_server.retailers.port import (
    Journal,
    Need,
    OrderSnapshot,
    Placed,
    Progress,
    Quote,
)


@dataclass
class NamesItsPrice:
    """Implements `retailers.port.RetailerPort`.

    Args:
        prices: (total in minor units, currency) of each quote in turn.
        bought: what was completed: total and currency.
    """

    prices: Iterator[tuple[int, str]]
    bought: list[tuple[int, str]] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    quotes: int = 0

    def quote(self, _need: Need, _journal: Journal) -> Quote:
        """The next price."""
        self.quotes += 1
        total_minor, currency = next(self.prices)
        return Quote(f"chk_{self.quotes}", total_minor, currency, None)

    def place(self, quote: Quote, journal: Journal) -> Placed:
        """It is bought."""
        journal.prepare("complete", "POST", f"https://shop.test/{quote.checkout_id}", b"{}")
        self.bought.append((quote.total_minor, quote.currency))
        journal.answered("complete", 200, b"{}")
        return Placed(f"ord_{len(self.bought)}", "", quote.total_minor, quote.currency)

    def retire(self, checkout_id: str, _journal: Journal) -> None:
        """The earlier session is closed."""
        self.retired.append(checkout_id)

    def read_order(self, retailer_order_id: str) -> OrderSnapshot:
        """Nothing ever ships."""
        return OrderSnapshot(retailer_order_id, Progress.PROCESSING, "", None)
