"""A thousand forged, broken, replayed, reordered and foreign webhooks move no order; the true one does."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from replenish_server.ids import new_id
from replenish_server.ordering.deliveries import DeliveryDesk
from replenish_server.ordering.follow import Follower
from replenish_server.ordering.orders import create_order, move
from replenish_server.ordering.states import Event, State
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.retailers.http import ShopClient
from replenish_server.retailers.port import TryLater
from replenish_server.retailers.tables import Retailer
from replenish_server.retailers.ucp.connection import Connection, Identity
from replenish_server.retailers.ucp.documents import Unreadable
from replenish_server.retailers.ucp.signatures import Signer, base64url, sign_request
from replenish_server.retailers.ucp.thumbprints import public_jwk
from replenish_server.retailers.ucp.webhooks import OLDEST, Delivery, DeliveryRefused
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import NOW, RETAILER, House
from tests.fakes.retailer_merchant import Doc, event, order, profile
from tests.laws.conftest import FreshHouse

pytestmark = pytest.mark.law

HOME = "https://home.test"
HOOK = f"{HOME}/webhooks/ucp"
OURS, OTHERS = "https://shop.test", "https://other.test"
KEYS = {
    url: Signer(url, ec.derive_private_key(n, ec.SECP256R1())) for n, url in enumerate((OURS, OTHERS), 11)
}
PROCESSING, SHIPPED, DELIVERED = order(), order(event("shipped")), order(event("shipped"), event("delivered"))


def serve(request: httpx.Request) -> httpx.Response:
    """The profiles of both shops; nobody else's is ever asked for."""
    origin = f"https://{request.url.host}"
    assert (request.method, request.url.path) == ("GET", "/.well-known/ucp"), request.url
    document = profile() | {"signing_keys": [public_jwk(KEYS[origin]) | {"kid": origin}]}
    return httpx.Response(200, content=json.dumps(document).encode(), request=request)


class Desk:
    """A house with one shipped order at one of two shops, and the desk that takes in webhooks."""

    def __init__(self, house: House) -> None:
        self.house, self.clock = house, ManualClock(NOW)
        with house.database.write() as session:
            ours = session.get_one(Retailer, RETAILER)
            ours.url = OURS
            session.add(ours)
            session.add(
                Retailer(
                    id="shop-2",
                    name="Other",
                    url=OTHERS,
                    payment_handler="p",
                    payment_token="t",
                    created_at=NOW,
                )
            )
        new = house.order_of(house.slots["level-1"])
        with house.database.write() as session:
            self.order_id = create_order(session, new, NOW)
            kept = session.get_one(PurchaseOrder, self.order_id)
            kept.retailer_order_id = "ord_9"
            move(session, kept, Event.PLACE, NOW)
            move(session, kept, Event.SHIP, NOW)
        self.client = ShopClient({}, httpx.MockTransport(serve))
        lines = {url: Connection(url, self.client, Identity(HOME)) for url in KEYS}
        follower = Follower(house.database, self._never, self.clock)
        self.desk = DeliveryDesk(house.database, lambda r: lines[r.url], follower, self.clock)

    def _never(self, retailer: Retailer) -> None:
        raise TryLater(retailer.id)

    def state(self) -> str:
        """Of the order."""
        with self.house.database.read() as session:
            return session.get_one(PurchaseOrder, self.order_id).state

    def tell(self, delivery: Delivery) -> str:
        """What the desk makes of a call."""
        try:
            self.desk.take_in(delivery)
        except DeliveryRefused as refused:
            return refused.code
        except Unreadable:
            return "unreadable"
        return "taken in"


@pytest.fixture
def desk(fresh_house: FreshHouse) -> Iterator[Desk]:
    """One for each test."""
    made = Desk(fresh_house())
    yield made
    made.client.close()


def call(document: Doc, shop: str = OURS, signer: Signer | None = None, **change: str) -> Delivery:
    """A webhook as a shop sends it; keywords replace headers before it is signed."""
    headers = {
        "content-type": "application/json",
        "ucp-agent": f'profile="{shop}/.well-known/ucp"',
        "webhook-id": new_id("whk"),
        "webhook-timestamp": str(int(NOW.timestamp())),
    } | {name.replace("_", "-"): value for name, value in change.items()}
    body = json.dumps(document).encode()
    added = sign_request(signer or KEYS[shop], "POST", HOOK, headers, body, int(NOW.timestamp()))
    return Delivery(HOOK, headers | {name.lower(): value for name, value in added.items()}, body)


def flip(chance: random.Random, content: bytes) -> bytes:
    """One bit of it."""
    place = chance.randrange(len(content) * 8)
    changed = bytearray(content)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


def mutation(chance: random.Random) -> Delivery:
    """One way in which a webhook that says "delivered" is not what the shop said."""
    true = call(DELIVERED)
    names = [n for n in true.headers if n not in ("webhook-id", "webhook-timestamp")]
    name = chance.choice(names)
    stranger = Signer(OURS, ec.generate_private_key(ec.SECP256R1()))
    kinds = {
        "body": lambda: replace(true, body=flip(chance, true.body)),
        "longer": lambda: replace(true, body=true.body + b" "),
        "header": lambda: replace(
            true,
            headers={**true.headers, name: flip(chance, true.headers[name].encode()).decode("latin-1")},
        ),
        "headerless": lambda: replace(true, headers={n: v for n, v in true.headers.items() if n != name}),
        "target": lambda: replace(true, url=f"{HOOK}?to={chance.random()}"),
        "stranger's key": lambda: call(DELIVERED, signer=stranger),
        "other shop": lambda: call(DELIVERED, OTHERS),
        "other shop's key": lambda: call(DELIVERED, signer=KEYS[OTHERS]),
        "unknown shop": lambda: call(DELIVERED, "https://evil.test", KEYS[OURS]),
        "another path": lambda: call(DELIVERED, f"{OURS}/x", KEYS[OURS]),
        "too old": lambda: call(
            DELIVERED, webhook_timestamp=str(int((NOW - OLDEST - timedelta(seconds=1)).timestamp()))
        ),
        "from the future": lambda: call(DELIVERED, webhook_timestamp=str(int(NOW.timestamp()) + 301)),
        "nameless": lambda: call(DELIVERED, webhook_id=""),
        "earlier": lambda: call(chance.choice([PROCESSING, SHIPPED])),
        "unsigned": lambda: replace(
            true, headers={n: v for n, v in true.headers.items() if not n.startswith("signature")}
        ),
        "another order": lambda: call(DELIVERED | {"id": "ord_8"}),
    }
    return kinds[chance.choice(list(kinds))]()


def test_a_thousand_webhooks_that_the_shop_did_not_send_move_nothing(desk: Desk) -> None:
    """And then the true one does, once, and cannot be undone by what came before."""
    chance = random.Random(20260504)
    told = []
    for _ in range(1000):
        delivery = mutation(chance)
        told.append(delivery)
        desk.tell(delivery)
        assert desk.state() == State.SHIPPED, delivery
    true = call(DELIVERED)
    assert desk.tell(true) == "taken in"
    assert desk.state() == State.DELIVERED
    for delivery in [true, call(PROCESSING), call(SHIPPED), *told[:100]]:
        desk.tell(delivery)
        assert desk.state() == State.DELIVERED


@pytest.mark.parametrize(
    ("delivery", "code"),
    [
        (call(DELIVERED, OTHERS), "order_of_another_business"),
        (call(DELIVERED, "https://evil.test", KEYS[OURS]), "unknown_business"),
        (call(DELIVERED, signer=KEYS[OTHERS]), "key_not_found"),
        (replace(call(DELIVERED), body=b'{"id":"ord_9"}'), "digest_mismatch"),
        (call(DELIVERED, webhook_id=""), "invalid"),
        (replace(call(DELIVERED), body=b"<html>"), "unreadable"),
    ],
)
def test_why_one_is_refused(desk: Desk, delivery: Delivery, code: str) -> None:
    """In UCP's own words."""
    assert desk.tell(delivery) == code


def test_a_replay_is_taken_in_once(desk: Desk) -> None:
    """Whatever happened in between."""
    true = call(SHIPPED)
    assert desk.tell(true) == "taken in"
    desk.clock.pass_s(3600)
    assert desk.tell(true) == "taken in"
    assert desk.state() == State.SHIPPED


def test_the_first_releases_sign_with_a_detached_token(desk: Desk) -> None:
    """Without naming themselves: the order's own shop has to have signed it."""
    body = json.dumps({"event_type": "order_delivered", "order": DELIVERED}).encode()
    for shop, expected in ((OTHERS, State.SHIPPED), (OURS, State.DELIVERED)):
        head = base64url(json.dumps({"alg": "ES256", "kid": shop}).encode())
        signature = KEYS[shop].sign(f"{head}.{base64url(body)}".encode())
        desk.tell(Delivery(HOOK, {"request-signature": f"{head}..{base64url(signature)}"}, body))
        assert desk.state() == expected
