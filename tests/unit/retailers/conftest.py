"""A client of a scripted merchant, on a clock that stands still until a test moves it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from replenish_server.retailers.http import ShopClient
from replenish_server.retailers.instruments import Account
from replenish_server.retailers.port import Expired, Line, Need, Placed, Quote, ShipTo, Trouble, Unknown
from replenish_server.retailers.ucp.client import UcpRetailer
from replenish_server.retailers.ucp.connection import Identity
from tests.fakes.retailer_journal import MemoryJournal
from tests.fakes.retailer_merchant import API, SITE, Merchant, checkout, profile, says

HOME = "https://home.test"
PROFILE_URL = f"{HOME}/.well-known/ucp"


@dataclass
class Conversation:
    """One attempt at one order: client, merchant, journal and clock."""

    merchant: Merchant
    client: ShopClient
    moment: datetime
    journal: MemoryJournal
    need: Need

    def shop(self) -> UcpRetailer:
        """A client that remembers nothing, as after a restart."""
        account = Account(SITE, "pay-1", "tok-secret")
        return UcpRetailer(account, self.client, lambda: self.moment, Identity(HOME))

    def quote(self) -> Quote | Trouble:
        """Ask for a quote."""
        return self.shop().quote(self.need, self.journal)

    def place(self) -> Placed | Trouble | Unknown | Expired:
        """Complete the quote."""
        quote = self.quote()
        assert isinstance(quote, Quote), quote
        return self.shop().place(quote, self.journal)

    def wait(self, **duration: float) -> None:
        """Let time pass."""
        self.moment += timedelta(**duration)


@pytest.fixture
def need() -> Need:
    """Two packs to an address."""
    address = ShipTo("1 Main Street", "Bonn", "53111", "DE")
    return Need((Line("det-1kg", 2),), "Ada Byron", "ada@example.org", address)


@pytest.fixture
def merchant() -> Merchant:
    """A merchant whose profile and create work."""
    return (
        Merchant()
        .on(f"GET {SITE}/.well-known/ucp", says(profile()))
        .on(f"POST {API}/checkout-sessions", says(checkout(), 201))
    )


@pytest.fixture
def talk(merchant: Merchant, need: Need) -> Iterator[Conversation]:
    """The conversation with the merchant."""
    client = ShopClient({}, httpx.MockTransport(merchant))
    moment = datetime(2026, 5, 4, 12, tzinfo=UTC)
    conversation = Conversation(merchant, client, moment, MemoryJournal(lambda: conversation.moment), need)
    yield conversation
    client.close()
