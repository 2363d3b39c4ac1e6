"""Our UCP client against the sandbox retailer, which has its own reading of the protocol: every release, both
ways of fulfilment, signatures in both directions, and mandates."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from replenish_server.ids import new_idempotency_key
from replenish_server.retailers.http import ShopClient
from replenish_server.retailers.port import (
    Line,
    Need,
    PickUp,
    Placed,
    Problem,
    Progress,
    Quote,
    ShipTo,
    StoredCall,
    Trouble,
)
from replenish_server.retailers.ucp import RELEASES
from replenish_server.retailers.ucp.ap2 import Terms
from replenish_server.retailers.ucp.client import Account, UcpRetailer
from replenish_server.retailers.ucp.connection import Identity
from replenish_server.retailers.ucp.keys import KeyRing
from replenish_server.retailers.ucp.mandates import BookedMandates, Keys, MandateBook
from replenish_server.retailers.ucp.profile import own_profile, own_profile_path
from replenish_server.retailers.ucp.release import Release
from replenish_server.retailers.ucp.shelf import UcpShelf
from replenish_server.retailers.ucp.webhooks import Delivery, verify_delivery
from tests.fakes.retailer_house import HOUSEHOLD, RETAILER, House
from tests.fakes.retailer_journal import MemoryJournal
from tests.support.mortal_house import wait_until

ROOT = Path(__file__).parents[2]
HOME = ShipTo("1 Main Street", "Bonn", "53111", "DE")
NEED = Need((Line("det-1500", 2),), "Ada Byron", "ada@example.org", HOME)


def now() -> datetime:
    """Real time: the sandbox runs by it."""
    return datetime.now(UTC)


class Journal(MemoryJournal):
    """With keys that no other order of the run has."""

    def prepare(self, step: str, method: str, url: str, body: bytes | Callable[[str], bytes]) -> StoredCall:
        """As the database would."""
        if step not in self.calls:
            key = new_idempotency_key()
            content = body if isinstance(body, bytes) else body(key)
            self.calls[step] = StoredCall(key, method, url, content, self._now(), None, None)
        return self.calls[step]


class Us:
    """Our edge: profiles with real keys, and what came to the webhook."""

    def __init__(self, folder: Path) -> None:
        self.keys, self.household = KeyRing(folder / "keys.json"), KeyRing(folder / "household.json")
        self.received: list[Delivery] = []
        us = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                document = us.profiles().get(self.path)
                self._answer(404 if document is None else 200, document)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                us.received.append(Delivery(us.url + self.path, headers, body))
                self._answer(200, {})

            def _answer(self, status: int, document: object) -> None:
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Cache-Control", "public, max-age=300")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def profiles(self) -> dict[str, object]:
        """By path, as the server publishes them."""
        return {
            own_profile_path(release, mandates): own_profile(
                release,
                self.url,
                self.keys.public() + (self.household.public() if mandates else []),
                mandates,
            )
            for release in RELEASES
            for mandates in (False, True)
        }

    def close(self) -> None:
        """Answer nobody any more."""
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def us(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Us]:
    """One edge for all tests."""
    made = Us(tmp_path_factory.mktemp("us"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One sandbox retailer for all tests; its origin."""
    command = [sys.executable, "-m", "device_sim.retailer"]
    command += ["--db", str(tmp_path_factory.mktemp("shop") / "shop.db")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())["url"]
    process.terminate()
    process.wait(10)
    process.stdout.close()


@pytest.fixture
def client() -> Iterator[ShopClient]:
    """Over real sockets."""
    made = ShopClient({}, loopback=True)
    yield made
    made.close()


def retailer(
    url: str,
    client: ShopClient,
    us: Us,
    release: Release = RELEASES[0],
    mandates: BookedMandates | None = None,
) -> UcpRetailer:
    """Our client, signing as us, in one release."""
    account = Account(url, "sandbox_pay", "success_token")
    return UcpRetailer(account, client, now, Identity(us.url, us.keys.signer, (release,)), mandates)


@pytest.mark.parametrize("release", RELEASES, ids=lambda r: r.date)
def test_an_order_is_placed_followed_and_told_in_every_release(
    sandbox: str, client: ShopClient, us: Us, release: Release
) -> None:
    """The shop believes our signatures, and we its webhooks."""
    shop = retailer(sandbox, client, us, release)
    assert shop.connection.business().release is release
    journal = Journal(now)
    quote = shop.quote(NEED, journal)
    assert isinstance(quote, Quote), quote
    assert (quote.subtotal_minor, quote.fulfilment) == (1598, HOME)
    placed = shop.place(quote, journal)
    assert isinstance(placed, Placed), placed
    assert shop.place(quote, journal) == placed

    def told() -> list[Delivery]:
        return [d for d in us.received if placed.retailer_order_id.encode() in d.body]

    assert wait_until(told)
    snapshot = verify_delivery(told()[0], shop.connection, now())
    assert (snapshot.retailer_order_id, snapshot.progress) == (placed.retailer_order_id, Progress.PROCESSING)


def test_goods_are_searched_and_fetched_and_sent_when_the_store_is_out(
    sandbox: str, client: ShopClient, us: Us
) -> None:
    """The shop's own reason is kept."""
    shop = retailer(sandbox, client, us)
    shelf = UcpShelf(shop.connection, now)
    assert "det-1500" in {article.item_id for article in shelf.search("washing", "DE")}
    place = shelf.locations(NEED)[0]
    fetched = replace(NEED, fulfilment=PickUp(place.location_id), fallback=HOME)
    journal = Journal(now)
    quote = shop.quote(fetched, journal)
    assert isinstance(quote, Quote), quote
    assert quote.fulfilment == PickUp(place.location_id)
    assert isinstance(shop.place(quote, journal), Placed)
    empty = {"item_id": "det-1500", "location_id": place.location_id, "stock": 0}
    assert httpx.post(f"{sandbox}/testing/stock", json=empty, trust_env=False).status_code == 200
    instead = shop.quote(fetched, Journal(now))
    assert isinstance(instead, Quote), instead
    assert instead.fulfilment == HOME
    assert instead.fallback_reason


@pytest.mark.parametrize("release", RELEASES[:2], ids=lambda r: r.date)
def test_signed_limits_let_an_order_leave_and_stop_the_one_beyond(
    sandbox: str, client: ShopClient, us: Us, house: House, release: Release
) -> None:
    """The shop checks both mandates with the keys of our profile; we check its word on every checkout."""
    signing = Keys(us.household.signer, us.keys.signer, us.keys.find)
    book = MandateBook(house.database, signing, now)
    at = int(now().timestamp())
    items = (("det-1500", "Detergent"),)
    terms = Terms(
        sandbox, "Shop", items, "EUR", 2000, 3000, 5, "success_token", "sandbox_pay", at, at + 86400
    )
    book.sign(HOUSEHOLD, RETAILER, terms, "Ada")
    shop = retailer(sandbox, client, us, release, BookedMandates(book, RETAILER))
    assert shop.connection.is_locked()
    journal = Journal(now)
    quote = shop.quote(NEED, journal)
    assert isinstance(quote, Quote), quote
    assert quote.permitted
    assert isinstance(shop.place(quote, journal), Placed)
    journal = Journal(now)
    second = shop.quote(NEED, journal)
    assert isinstance(second, Quote), second
    refused = shop.place(second, journal)
    assert isinstance(refused, Trouble), refused
    assert (refused.problem, "3976 is more than 3000" in refused.detail) == (Problem.NO_AGREEMENT, True)
