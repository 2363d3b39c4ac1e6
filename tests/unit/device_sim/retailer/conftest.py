"""A shop in the process, a platform that it can call, and a clock moved by hand."""

import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from device_sim.retailer import RetailerConfig, create_app
from tests.fakes.es256 import Signer

PROFILE_URL = "https://platform.test/.well-known/ucp"
WEBHOOK_URL = "https://platform.test/webhooks/ucp"
CAPABILITIES = ("checkout", "order", "fulfillment", "discount", "catalog.search", "catalog.lookup")


class HandClock:
    """Time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.at_s = 1_790_000_000.0

    def now_s(self) -> float:
        return self.at_s

    def pass_hours(self, hours: float) -> None:
        self.at_s += hours * 3600


class FakePlatform:
    """The other side of the shop's outgoing calls: a profile, and a webhook address that can refuse."""

    def __init__(self) -> None:
        self.version = "2026-04-08"
        self.capabilities: tuple[str, ...] = CAPABILITIES
        self.profile_answer: httpx.Response | None = None
        self.profile_fetches = 0
        self.refusals = 0
        self.received: list[httpx.Request] = []
        self.signer = Signer("platform-1")
        self.published = [self.signer.jwk]
        self.keys_field = "signing_keys"

    def answer(self, request: httpx.Request) -> httpx.Response:
        if str(request.url) == WEBHOOK_URL:
            self.received.append(request)
            if self.refusals:
                self.refusals -= 1
                return httpx.Response(503)
            return httpx.Response(200, json={"ucp": {"version": self.version}})
        self.profile_fetches += 1
        return self.profile_answer or httpx.Response(
            200, json=self.profile(), headers={"Cache-Control": "public, max-age=60"}
        )

    def profile(self) -> dict[str, Any]:
        capabilities = {f"dev.ucp.shopping.{name}": [{"version": self.version}] for name in self.capabilities}
        if "order" in self.capabilities:
            capabilities["dev.ucp.shopping.order"][0]["config"] = {"webhook_url": WEBHOOK_URL}
        ucp = {"version": self.version, "capabilities": capabilities, "payment_handlers": {}}
        return {"ucp": ucp, self.keys_field: self.published}

    def orders_heard(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.received]


class Client:
    """A platform's calls to the shop, with a fresh key for each unless told otherwise."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self.shop = app.state.shop
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://shop.test",
            headers={"UCP-Agent": f'profile="{PROFILE_URL}"'},
        )
        self._numbers = itertools.count(1)

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.http.get(path, **more)

    async def send(self, method: str, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key or f"key-{next(self._numbers)}"}
        content = b"" if body is None else json.dumps(body).encode()
        return await self.http.request(method, path, content=content, headers=headers)

    async def create(self, body: dict[str, Any], key: str | None = None) -> httpx.Response:
        return await self.send("POST", "/checkout-sessions", body, key)

    async def complete(
        self, session_id: str, token: str = "success_token", key: str | None = None
    ) -> httpx.Response:
        path = f"/checkout-sessions/{session_id}/complete"
        return await self.send("POST", path, payment(token), key)

    async def ready(self, item_id: str = "det-1500", quantity: int = 2, option: str = "std") -> str:
        """The id of a session that only wants to be completed."""
        answer = await self.create(cart(item_id, quantity, option))
        assert answer.status_code == 201, answer.text
        assert answer.json()["status"] == "ready_for_complete", answer.json()["messages"]
        return str(answer.json()["id"])

    async def order(self, item_id: str = "det-1500", quantity: int = 2, option: str = "std") -> str:
        """The id of a placed order."""
        answer = await self.complete(await self.ready(item_id, quantity, option))
        assert answer.json()["status"] == "completed", answer.json()["messages"]
        return str(answer.json()["order"]["id"])


ADDRESS = {
    "street_address": "Musterweg 1",
    "address_locality": "Berlin",
    "postal_code": "10115",
    "address_country": "DE",
}


def lines(item_id: str = "det-1500", quantity: int = 2) -> dict[str, Any]:
    return {"line_items": [{"item": {"id": item_id}, "quantity": quantity}]}


def cart(item_id: str = "det-1500", quantity: int = 2, option: str = "std") -> dict[str, Any]:
    group = {"selected_option_id": option}
    method = {"type": "shipping", "destinations": [{"id": "home", **ADDRESS}], "groups": [group]}
    return lines(item_id, quantity) | {"fulfillment": {"methods": [method]}}


def payment(token: str = "success_token") -> dict[str, Any]:
    instrument = {"id": "pi_1", "handler_id": "sandbox_pay", "type": "token"}
    return {"payment": {"instruments": [instrument | {"credential": {"type": "token", "token": token}}]}}


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def platform() -> FakePlatform:
    return FakePlatform()


@pytest.fixture
async def client(tmp_path, clock: HandClock, platform: FakePlatform) -> AsyncIterator[Client]:
    config = RetailerConfig(base_url="http://shop.test", webhook_backoff_s=(0.0, 0.0), webhook_tries=5)
    app = create_app(tmp_path / "shop.db", clock, config, transport=httpx.MockTransport(platform.answer))
    found = Client(app)
    yield found
    await found.http.aclose()
    await found.shop.close()


@pytest.fixture
def a_cart():
    return cart


@pytest.fixture
def some_lines():
    return lines


@pytest.fixture
def a_payment():
    return payment


@pytest.fixture
def address() -> dict[str, str]:
    return dict(ADDRESS)
