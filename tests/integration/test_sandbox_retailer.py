"""The sandbox retailer as its own process: real connections, real crashes, real webhooks."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from device_sim.clock import SimClock

ROOT = Path(__file__).parents[2]


class Platform:
    """A platform on this machine: serves its profile, takes webhooks, refuses the first few."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.received: list[tuple[dict[str, str], dict[str, Any]]] = []
        platform = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(200, platform.profile())

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                platform.received.append((dict(self.headers), body))
                platform.refusals -= 1
                self._answer(503 if platform.refusals >= 0 else 200, {})

            def _answer(self, status: int, doc: dict[str, Any]) -> None:
                body = json.dumps(doc).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def profile(self) -> dict[str, Any]:
        names = ("checkout", "order", "fulfillment")
        capabilities: dict[str, Any] = {
            f"dev.ucp.shopping.{name}": [{"version": "2026-04-08"}] for name in names
        }
        capabilities["dev.ucp.shopping.order"][0]["config"] = {"webhook_url": f"{self.url}/hook"}
        return {"ucp": {"version": "2026-04-08", "capabilities": capabilities, "payment_handlers": {}}}

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Shop:
    """One run of the retailer's process."""

    def __init__(self, folder: Path, *options: str) -> None:
        ready = folder / "ready"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "device_sim.retailer", "--db", str(folder / "shop.db")]
        self.process = subprocess.Popen(
            [*command, "--ready-file", str(ready), *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = json.loads(self.process.stdout.readline())["url"]
        assert json.loads(ready.read_text()) == {"url": self.url}

    def end(self, number: int) -> str:
        """Send a signal and wait; what the process said on stderr."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=60)
        return errors


@contextmanager
def open_shop(folder: Path, *options: str) -> Iterator[Shop]:
    shop = Shop(folder, *options)
    try:
        yield shop
    finally:
        shop.end(signal.SIGKILL)


@pytest.fixture
def platform() -> Iterator[Platform]:
    found = Platform()
    yield found
    found.close()


@pytest.fixture
def http(platform: Platform) -> Iterator[httpx.Client]:
    with httpx.Client(
        headers={"UCP-Agent": f'profile="{platform.url}/.well-known/ucp"'}, timeout=10
    ) as client:
        yield client


CART = {
    "line_items": [{"item": {"id": "det-1500"}, "quantity": 1}],
    "fulfillment": {
        "methods": [
            {
                "type": "shipping",
                "destinations": [
                    {
                        "street_address": "Musterweg 1",
                        "address_locality": "Berlin",
                        "postal_code": "10115",
                        "address_country": "DE",
                    }
                ],
                "groups": [{"selected_option_id": "std"}],
            }
        ]
    },
}
INSTRUMENT = {"id": "pi", "handler_id": "sandbox_pay", "type": "token", "credential": {"type": "token"}}
INSTRUMENT["credential"]["token"] = "success_token"
PAYMENT = {"payment": {"instruments": [INSTRUMENT]}}


def create(http: httpx.Client, shop: Shop, key: str) -> httpx.Response:
    return http.post(f"{shop.url}/checkout-sessions", json=CART, headers={"Idempotency-Key": key})


def complete(http: httpx.Client, shop: Shop, session_id: str, key: str) -> httpx.Response:
    path = f"{shop.url}/checkout-sessions/{session_id}/complete"
    return http.post(path, json=PAYMENT, headers={"Idempotency-Key": key})


def really_ordered(http: httpx.Client, shop: Shop) -> list[dict[str, Any]]:
    orders: list[dict[str, Any]] = http.get(f"{shop.url}/testing/orders").json()
    return orders


def wait_for(condition: Any, seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def test_an_order_is_shipped_delivered_and_told_by_an_accelerated_clock(tmp_path, platform, http):
    clock = SimClock.started_now(speed=36_000)  # ten hours in a second
    with open_shop(tmp_path, "--clock", str(clock)) as shop:
        session_id = create(http, shop, "c").json()["id"]
        order_id = complete(http, shop, session_id, "p").json()["order"]["id"]
        wait_for(lambda: len(platform.received) == 4)
        events = [[event["type"] for event in body["fulfillment"]["events"]] for _, body in platform.received]
        assert events[0] == []
        assert events[-1] == ["processing", "shipped", "delivered"]
        assert {body["id"] for _, body in platform.received} == {order_id}
        headers = platform.received[0][0]
        assert headers["UCP-Agent"] == f'profile="{shop.url}/.well-known/ucp"'
        assert len({headers["Webhook-Id"] for headers, _ in platform.received}) == 4
        assert shop.end(signal.SIGTERM) == ""


@pytest.mark.parametrize(("kind", "ordered"), [("accept_then_close", 1), ("close_before", 0)])
def test_a_closed_connection_gives_no_byte_and_keeps_what_was_committed(tmp_path, http, kind, ordered):
    faults = json.dumps({"complete": [{"kind": kind, "times": 1}]})
    with open_shop(tmp_path, "--faults", faults) as shop:
        session_id = create(http, shop, "c").json()["id"]
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            complete(http, shop, session_id, "p")
        assert len(really_ordered(http, shop)) == ordered
        assert complete(http, shop, session_id, "p").json()["status"] == "completed"
        (order,) = really_ordered(http, shop)
        assert (order["idempotency_key"], order["items"]) == ("p", [{"item_id": "det-1500", "quantity": 1}])
        assert shop.end(signal.SIGTERM) == ""


def test_a_hanging_answer_times_out_after_the_order_and_does_not_hold_up_the_end(tmp_path, http):
    with open_shop(tmp_path, "--faults", '{"complete": [{"kind": "hang", "seconds": 100}]}') as shop:
        session_id = create(http, shop, "c").json()["id"]
        with pytest.raises(httpx.ReadTimeout), httpx.Client(headers=http.headers, timeout=0.3) as hasty:
            complete(hasty, shop, session_id, "p")
        wait_for(lambda: len(really_ordered(http, shop)) == 1)
        waiting = threading.Thread(target=lambda: complete(http, shop, session_id, "p"))
        waiting.start()
        time.sleep(0.2)
        began = time.monotonic()
        shop.end(signal.SIGTERM)
        assert time.monotonic() - began < 50  # the answer alone would take twice as long
        assert shop.process.returncode == 0
        waiting.join()


def test_a_killed_shop_forgets_nothing(tmp_path, platform, http):
    platform.refusals = 2
    with open_shop(tmp_path) as shop:
        created = create(http, shop, "c")
        session_id = created.json()["id"]
        completed = complete(http, shop, session_id, "p")
        open_session = create(http, shop, "another").json()["id"]
        shop.end(signal.SIGKILL)
    with open_shop(tmp_path) as shop:
        assert create(http, shop, "c").content == created.content
        assert complete(http, shop, session_id, "p").content == completed.content
        assert (
            http.get(f"{shop.url}/checkout-sessions/{open_session}").json()["status"] == "ready_for_complete"
        )
        (order,) = really_ordered(http, shop)
        assert order["id"] == completed.json()["order"]["id"]
        items = {item["item_id"]: item for item in http.get(f"{shop.url}/catalog").json()["items"]}
        assert items["det-1500"]["stock"] == 499
        # The webhook that was refused before the crash arrives after it, under its first id.
        wait_for(lambda: len(platform.received) == 3)
        assert len({headers["Webhook-Id"] for headers, _ in platform.received}) == 1


@pytest.mark.parametrize("round_number", range(3))
def test_killed_in_the_middle_of_many_orders_every_key_ordered_at_most_once(tmp_path, http, round_number):
    faults = json.dumps({"complete": [{"kind": "accept_then_close", "share": 0.3}], "seed": round_number})
    sessions: list[str] = []
    answered: dict[str, str] = {}
    with open_shop(tmp_path, "--faults", faults) as shop:
        sessions += [create(http, shop, f"c{number}").json()["id"] for number in range(12)]
        killer = threading.Timer(
            0.02 + 0.03 * round_number, lambda: os.kill(shop.process.pid, signal.SIGKILL)
        )
        killer.start()
        for session_id in sessions:
            try:
                answered[session_id] = complete(http, shop, session_id, f"p-{session_id}").json()["order"][
                    "id"
                ]
            except httpx.TransportError:
                continue
        killer.join()
    with open_shop(tmp_path) as shop:
        for session_id in sessions:
            order_id = complete(http, shop, session_id, f"p-{session_id}").json()["order"]["id"]
            assert answered.get(session_id, order_id) == order_id
        orders = really_ordered(http, shop)
        assert len(orders) == len({order["checkout_id"] for order in orders}) == len(sessions)
        items = {item["item_id"]: item for item in http.get(f"{shop.url}/catalog").json()["items"]}
        assert items["det-1500"]["stock"] == 500 - len(sessions)
