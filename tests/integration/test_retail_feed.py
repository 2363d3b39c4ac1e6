"""A retailer that reads the feed, from the household's order to the refund, over its API."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlmodel import select

from replenish_server.households.tables import HouseholdNotice, LedgerEntry
from replenish_server.ordering.journal import DatabaseJournal
from replenish_server.ordering.orders import approve, cancel
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.retailers.book.acts import Step
from replenish_server.retailers.book.states import Act
from replenish_server.retailers.feed.desk import InFlight
from replenish_server.retailers.feed.keys import revoke_key
from replenish_server.retailers.port import Line, Need, Quote, ShipTo, StoredCall
from replenish_server.retailers.tables import Retailer
from tests.fakes.market import Market, act
from tests.fakes.retailer_house import House

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def market(house: House) -> Iterator[Market]:
    """The house and its retailers."""
    made = Market(house)
    yield made
    made.shops.close()


async def test_an_order_from_the_feed_to_the_door(market: Market) -> None:
    """Priced by the list, placed when it stands there, and every act seen by the household."""
    order_id, booked = market.placed()
    assert ("placed", 990 * 2 + 390) == (market.ours(order_id).state, market.ours(order_id).total_minor)
    async with market.client() as client:
        page = (await client.get("/orders")).json()
        assert [booked] == [order["id"] for order in page["orders"]]
        assert [("det-1kg", 2, 990, 1980)] == [
            (line["item_id"], line["packs"], line["unit_minor"], line["total_minor"])
            for line in page["orders"][0]["lines"]
        ]
        assert "1 Main Street" == page["orders"][0]["ship_to"]["street"]
        assert 200 == (await act(client, booked, "acknowledge")).status_code
        shipped = await act(client, booked, "ship", {"carrier": "DHL", "tracking_number": "0034"})
        assert ("shipped", "0034") == (
            shipped.json()["status"],
            shipped.json()["shipment"]["tracking_number"],
        )
        assert "shipped" == market.ours(order_id).state
        assert 200 == (await act(client, booked, "deliver")).status_code
        refunded = await act(
            client, booked, "refund", {"amount_minor": 990, "currency": "EUR", "reason": "r"}
        )
        assert (990, ["refund"]) == (refunded.json()["refunded_minor"], refunded.json()["possible"])
        history = (await client.get(f"/orders/{booked}")).json()["history"]
    assert ["placed", "shipped", "delivered", "closed"] == market.states(order_id)[1:]
    for _ in range(2):
        market.follower.run()
    with market.database.read() as session:
        told = session.exec(select(HouseholdNotice).where(HouseholdNotice.kind == "order_refunded")).all()
        assert [990] == [notice.data["refunded_minor"] for notice in told]
        assert 2370 - 990 == session.get_one(LedgerEntry, order_id).amount_minor
    assert ["placed", "acknowledged", "shipped", "delivered", "refunded"] == [
        line["what"] for line in history
    ]


async def test_the_cursor_tells_each_change_once_and_in_order(market: Market) -> None:
    """A reader that keeps its cursor misses nothing, whatever the page size."""
    first = market.placed("button-1")[1]
    second = market.placed("level-1")[1]
    async with market.client() as client:
        page = (await client.get("/orders", params={"limit": 1})).json()
        assert ([first], True) == ([o["id"] for o in page["orders"]], page["more"])
        page = (await client.get("/orders", params={"limit": 1, "cursor": page["next_cursor"]})).json()
        assert ([second], False) == ([o["id"] for o in page["orders"]], page["more"])
        market.later(minutes=5)
        await act(client, first, "acknowledge")
        again = (await client.get("/orders", params={"cursor": page["next_cursor"]})).json()
        assert [(first, "acknowledged")] == [(o["id"], o["status"]) for o in again["orders"]]
        empty = (await client.get("/orders", params={"cursor": again["next_cursor"]})).json()
        assert ([], again["next_cursor"]) == (empty["orders"], empty["next_cursor"])
        since = market.clock.now().isoformat()
        assert 1 == len((await client.get("/orders", params={"since": since})).json()["orders"])
        assert [second] == [
            o["id"] for o in (await client.get("/orders", params={"status": "placed"})).json()["orders"]
        ]
        for params in ({"cursor": "x"}, {"cursor": "YzEyMzQ1Njc4OTAxMjM0NTY3ODkwMQ"}):
            assert 400 == (await client.get("/orders", params=params)).status_code
        for wrong in ({"limit": "0"}, {"status": "gone"}, {"since": "2026-05-04T12:00:00"}):
            assert 422 == (await client.get("/orders", params=wrong)).status_code


async def test_the_same_key_is_answered_the_same_and_another_body_is_refused(market: Market) -> None:
    """Also across restarts, because the answer is stored with the act."""
    booked = market.placed()[1]
    async with market.client() as client:
        first = await act(client, booked, "ship", {"carrier": "DHL"}, key="k1")
        again = await act(Market.client(market), booked, "ship", {"carrier": "DHL"}, key="k1")
        assert first.content == again.content
        assert "true" == again.headers["idempotent-replayed"]
        other = await act(client, booked, "ship", {"carrier": "UPS"}, key="k1")
        assert (422, "idempotency_conflict") == (other.status_code, other.json()["code"])
        elsewhere = await act(client, booked, "deliver", key="k1")
        assert 422 == elsewhere.status_code
        refused = await act(client, booked, "acknowledge", key="k2")
        assert (409, "out_of_turn") == (refused.status_code, refused.json()["code"])
        assert "(possible now: " in refused.json()["detail"]
        assert 409 == (await act(client, booked, "acknowledge", key="k2")).status_code
        for key in (b"", b"with space", b"\xc3\xa9", b"x" * 256):
            answer = await client.post(f"/orders/{booked}/deliver", json={}, headers={"idempotency-key": key})
            assert answer.status_code in (400, 422), key


def test_a_request_whose_twin_is_still_at_work_is_told_to_wait(market: Market) -> None:
    """409 while the first one runs; the effect happens once."""
    booked = market.placed()[1]
    caller = market.desk.authenticate(market.corner_key)
    assert caller is not None
    with market.database.write():  # the first request waits for this writer
        first = threading.Thread(
            target=market.desk.act, args=(caller, booked, Step(Act.SHIP), "k", b"same"), daemon=True
        )
        first.start()
        while not market.desk._running:  # until it has announced itself
            time.sleep(0.001)
        with pytest.raises(InFlight):
            market.desk.act(caller, booked, Step(Act.SHIP), "k", b"same")
    first.join(20)
    assert market.desk.act(caller, booked, Step(Act.SHIP), "k", b"same").replayed


async def test_without_a_valid_key_nothing_is_said(market: Market) -> None:
    """Wrong, revoked, or none; and a guesser is slowed down."""
    booked = market.placed()[1]
    right = market.corner_key
    for key in ("", "rk_", right[:-1], right + "x", right[:12] + "A" * 32, "x" * 500):
        async with market.client(key) as client:
            answer = await client.get(f"/orders/{booked}")
            assert (401, "Bearer") == (answer.status_code, answer.headers["www-authenticate"])
            assert "application/problem+json" == answer.headers["content-type"]
    with market.database.write() as session:
        revoke_key(session, right[:11], market.clock.now())
    async with market.client() as client:
        assert 401 == (await client.get("/orders")).status_code
        codes = [(await client.get("/orders")).status_code for _ in range(20)]
    assert 429 == codes[-1]


async def test_a_key_that_asks_too_often_waits(market: Market) -> None:
    """With how long; others are not slowed."""
    async with market.client() as client:
        codes = [(await client.get("/orders")).status_code for _ in range(51)]
        assert [200] * 50 + [429] == codes
        assert "1" == (await client.get("/orders")).headers["retry-after"]
        market.seconds += 1.0
        assert 200 == (await client.get("/orders")).status_code
    async with market.client(market.other_key) as client:
        assert 200 == (await client.get("/orders")).status_code


WRONG_BODIES: list[tuple[str, object]] = [
    ("ship", {}),
    ("ship", {"carrier": ""}),
    ("ship", {"carrier": 7}),
    ("ship", {"carrier": "D", "x": 1}),
    ("ship", {"carrier": "D", "tracking_url": "javascript:alert(1)"}),
    ("ship", {"carrier": "D", "expected_at": "2026-05-06T12:00:00"}),
    ("cancel", {}),
    ("cancel", {"reason": "because"}),
    ("acknowledge", {"note": "x" * 301}),
    ("acknowledge", []),
    ("refund", {"amount_minor": 0, "currency": "EUR", "reason": "r"}),
    ("refund", {"amount_minor": "5", "currency": "EUR", "reason": "r"}),
    ("refund", {"amount_minor": 5, "currency": "USD", "reason": "r"}),
    ("refund", {"amount_minor": 2371, "currency": "EUR", "reason": "r"}),
]


async def test_a_body_that_is_not_as_described_changes_nothing(market: Market) -> None:
    """And the answer says what to change."""
    booked = market.placed()[1]
    async with market.client() as client:
        for number, (path, body) in enumerate(WRONG_BODIES):
            answer = await act(client, booked, path, body, key=f"k{number}")
            assert 422 == answer.status_code, (path, body, answer.text)
            assert answer.json()["detail"]
        large = await client.post(f"/orders/{booked}/ship", content=b" " * 20_000)
        assert 413 == large.status_code
        now = (await client.get(f"/orders/{booked}")).json()
    assert ("placed", 0) == (now["status"], now["refunded_minor"])


async def test_an_order_that_nobody_acknowledges_asks_and_goes_on_when_it_is_seen(market: Market) -> None:
    """After a day a person is asked; a late word from the retailer takes it up again."""
    order_id, booked = market.placed()
    market.later(hours=25)
    market.follower.run()
    assert ("needs_attention", "unacknowledged") == (
        market.ours(order_id).state,
        market.ours(order_id).problem,
    )
    async with market.client() as client:
        await act(client, booked, "ship", {"carrier": "DHL"})
    assert "shipped" == market.ours(order_id).state
    assert ["placed", "needs_attention", "placed", "shipped"] == market.states(order_id)[1:]


async def test_what_a_person_cancels_then_is_taken_out_of_the_feed(market: Market) -> None:
    """In the same transaction, so that it cannot be shipped behind their back."""
    order_id, booked = market.placed()
    market.later(hours=25)
    market.follower.run()
    with market.database.write() as session:
        cancel(session, order_id, now=market.clock.now())
    async with market.client() as client:
        assert "canceled" == (await client.get(f"/orders/{booked}")).json()["status"]
        assert 409 == (await act(client, booked, "ship", {"carrier": "DHL"})).status_code


async def test_a_canceled_order_frees_the_slot_with_its_reason(market: Market) -> None:
    """The retailer's no is the household's canceled."""
    order_id, booked = market.placed()
    async with market.client() as client:
        await act(client, booked, "cancel", {"reason": "out_of_stock"})
    assert "canceled" == market.ours(order_id).state


def test_what_is_not_on_the_list_or_too_dear_is_not_entered(market: Market) -> None:
    """A person is asked; the book stays empty."""
    order_id = market.order()
    with market.database.write() as session:
        ours = session.get_one(PurchaseOrder, order_id)
        ours.item_id = "unknown"
        session.add(ours)
    market.dispatcher.run()
    assert "item_unavailable" == market.ours(order_id).problem
    dear = market.order("level-1")
    with market.database.write() as session:
        ours = session.get_one(PurchaseOrder, dear)
        ours.packs = 4  # 4 x 9.90 + 3.90 is over the cap of 30.00
        session.add(ours)
    market.dispatcher.run()
    assert "price_over_cap" == market.ours(dear).problem
    assert [] == market.booked()


async def test_one_retailer_never_sees_or_moves_anothers_orders(market: Market) -> None:
    """Law 8 for retailers: every operation of the published description, with the other's key."""
    order_id, booked = market.placed()
    async with market.client() as client:
        description = (await client.get("/openapi.json")).json()
    paths = [
        (method, path, operation)
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    ]
    assert len(paths) == 8
    async with market.client(market.other_key) as stranger:
        for method, path, operation in paths:
            url = path.replace("{order_id}", booked)
            body = None
            if "requestBody" in operation:
                body = operation["requestBody"]["content"]["application/json"]["examples"]["example"]["value"]
            answer = await stranger.request(
                method, url, json=body, headers={"idempotency-key": f"k{method}{path}"}
            )
            if "{order_id}" in path:
                assert 404 == answer.status_code, (method, path)
            else:
                assert [] == answer.json()["orders"]
            assert booked not in answer.text
    assert ("placed", 1) == (market.ours(order_id).state, len(market.booked()))


async def test_every_operation_is_described_with_an_example_that_works(market: Market) -> None:
    """The examples of the description are sent as they stand; each is accepted in some order of acts."""
    async with market.client() as client:
        description = (await client.get("/openapi.json")).json()
        ways = {"deliver": ["ship"]}
        for name in ("acknowledge", "ship", "ready-for-pickup", "deliver", "cancel", "refund"):
            booked = market.entered()
            operation = description["paths"][f"/orders/{{order_id}}/{name}"]["post"]
            for earlier in ways.get(name, []):
                await act(client, booked, earlier, {"carrier": "DHL"})
            answer = await act(client, booked, name, _example(operation["requestBody"]))
            assert 200 == answer.status_code, (name, answer.text)
            shown = _example(operation["responses"]["200"])
            nullable = {"ship_to", "shipment", "pickup_location_id"}  # a description cannot show a null
            assert shown.keys() | nullable == answer.json().keys()
            assert name == "refund" or shown["possible"] == answer.json()["possible"], name
            for status, response in operation["responses"].items():
                problem = response["content"].get("application/problem+json") if status != "200" else None
                assert status == "200" or problem["examples"]["example"]["value"]["code"], (name, status)


def _example(holder: dict[str, Any]) -> Any:
    return holder["content"]["application/json"]["examples"]["example"]["value"]


class DyingJournal:
    """A journal whose worker dies at one of its writes, before or after it."""

    def __init__(self, journal: DatabaseJournal, dies_at: str) -> None:
        self._journal, self._dies_at = journal, dies_at

    def find(self, step: str) -> StoredCall | None:
        """As the journal."""
        return self._journal.find(step)

    def prepare(self, step: str, method: str, url: str, body: bytes) -> StoredCall:
        """As the journal, and death after it."""
        call = self._journal.prepare(step, method, url, body)
        if self._dies_at == f"after prepare {step}":
            raise Died
        return call

    def answered(self, step: str, status: int, answer: bytes) -> None:
        """Death before it, or as the journal."""
        if self._dies_at == f"before answered {step}":
            raise Died
        self._journal.answered(step, status, answer)


class Died(BaseException):
    """The process is gone."""


@pytest.mark.parametrize(
    "dies_at",
    ["after prepare create", "before answered create", "after prepare complete", "before answered complete"],
)
def test_wherever_the_worker_dies_the_order_stands_in_the_feed_once(market: Market, dies_at: str) -> None:
    """What it was about to enter is entered by the next one, under the same key."""
    order_id = market.order()
    with market.database.read() as session:
        shop = market.shops.shop(session.get_one(Retailer, market.corner))
    address = ShipTo("1 Main Street", "Bonn", "53111", "DE")
    need = Need((Line("det-1kg", 2),), "Ada Byron", "ada@example.org", address)
    journal = DatabaseJournal(market.database, market.ours(order_id).parcel_id, 1, 0, market.clock.now)

    def work(journal: DyingJournal) -> None:
        quote = shop.quote(need, journal)
        assert isinstance(quote, Quote)
        shop.place(quote, journal)

    with pytest.raises(Died):
        work(DyingJournal(journal, dies_at))
    market.dispatcher.release_leases()
    market.dispatcher.run()
    assert "placed" == market.ours(order_id).state
    assert [market.ours(order_id).retailer_order_id] == [order.id for order in market.booked()]


def test_a_price_that_is_a_day_old_is_asked_for_again(market: Market) -> None:
    """An order that waited is quoted anew, and nothing is entered twice."""
    order_id = market.order(approved=False)
    market.dispatcher.run()
    assert 2370 == market.ours(order_id).quoted_minor
    market.later(hours=30)
    with market.database.write() as session:
        approve(session, order_id, 2370, now=market.clock.now())
    for _ in range(3):
        market.dispatcher.run()
        market.later(minutes=2)
    assert ("placed", 1) == (market.ours(order_id).state, len(market.booked()))
