"""Our side of a conversation with the sandbox retailer in a process of its own.

An edge with real keys, a journal with keys that no other order of a run has, and the client.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from replenish_server.ids import new_idempotency_key
from replenish_server.retailers.http import ShopClient
from replenish_server.retailers.instruments import Account
from replenish_server.retailers.port import JournalClosed, Line, Need, ShipTo, StoredCall
from replenish_server.retailers.ucp import RELEASES
from replenish_server.retailers.ucp.client import UcpRetailer
from replenish_server.retailers.ucp.connection import Identity
from replenish_server.retailers.ucp.keys import KeyRing
from replenish_server.retailers.ucp.mandates import BookedMandates
from replenish_server.retailers.ucp.profile import own_profile, own_profile_path
from replenish_server.retailers.ucp.release import Release
from replenish_server.retailers.ucp.webhooks import Delivery
from tests.fakes.retailer_journal import MemoryJournal

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
            if self.closed:
                raise JournalClosed("closed by the test")
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


@contextmanager
def open_sandbox(folder: Path) -> Iterator[str]:
    """A sandbox retailer in its own process; its origin."""
    command = [sys.executable, "-m", "device_sim.retailer", "--db", str(folder / "shop.db")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())["url"]
    process.terminate()
    process.wait(10)
    process.stdout.close()
