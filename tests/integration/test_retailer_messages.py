"""Messages to retailers: stored with their change, signed as Standard Webhooks says, sent until taken."""

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from replenish_server.households.notices import list_notices
from replenish_server.ordering.orders import cancel
from replenish_server.ordering.refused_changes import tell_refused_change
from replenish_server.ordering.tables import Withdrawal
from replenish_server.ordering.withdrawals import sending_of, withdraw
from replenish_server.retailers.feed.messages import Messenger, rotate_secret, set_hook
from replenish_server.retailers.feed.tables import RetailerMessage
from replenish_server.retailers.http import Answer, NoAnswer
from tests.fakes.market import Market, act
from tests.fakes.retailer_house import HOUSEHOLD, House


class Listener:
    """A retailer's address: what it got, and what it will answer next."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes, dict[str, str]]] = []
        self.answers: list[int | None] = []

    def __call__(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Take one message."""
        self.got.append((url, body, headers))
        status = self.answers.pop(0) if self.answers else 204
        if status is None:
            raise NoAnswer("closed")
        return Answer(status, {}, b"")


@pytest.fixture
def market(house: House) -> Iterator[Market]:
    """The house and its retailers; Standard Webhooks judges times by the machine's clock."""
    made = Market(house)
    made.clock.moment = datetime.now(UTC)
    yield made
    made.shops.close()


def hooked(market: Market) -> tuple[str, Listener, Callable[[], int]]:
    """The first retailer's secret, its listener, and the worker."""
    with market.database.write() as session:
        secret = set_hook(session, market.corner, "https://corner.test/hook", market.clock.now())
    listener = Listener()
    return secret, listener, Messenger(market.database, listener, market.clock, random.Random(1)).run


def test_an_order_is_told_signed_and_whole(market: Market) -> None:
    """And what is changed on the way is not taken."""
    secret, listener, run = hooked(market)
    _, booked = market.placed()
    assert 1 == run()
    assert 0 == run()
    url, body, headers = listener.got[0]
    assert "https://corner.test/hook" == url
    told = Webhook(secret).verify(body, headers)
    assert ("order.placed", booked, 2370) == (told["type"], told["data"]["id"], told["data"]["total_minor"])
    for wrong in (body.replace(b"2370", b"1"), body + b" "):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(wrong, headers)


def test_it_is_tried_again_under_the_same_id_until_taken(market: Market) -> None:
    """Later each time; a listener that is gone for good is not asked again."""
    _, listener, run = hooked(market)
    listener.answers = [None, 500, 302, 200]
    market.placed()
    waits = []
    for _ in range(4):
        assert 1 == run()
        assert 0 == run()
        with market.database.read() as session:
            message = session.exec(select(RetailerMessage)).one()
        if message.next_try_at is not None:
            waits.append((message.next_try_at - market.clock.now()).total_seconds())
            market.clock.moment = message.next_try_at
    assert all(least <= wait <= 1.2 * least for least, wait in zip((5, 300, 1800), waits, strict=True))
    assert 1 == len({headers["webhook-id"] for _, _, headers in listener.got})
    assert message.sent_at is not None
    listener.answers = [410]
    market.placed("level-1")
    run()
    market.later(days=30)
    assert 0 == run()


def test_both_secrets_sign_while_one_follows_the_other(market: Market) -> None:
    """For a day; then only the new one."""
    old, listener, run = hooked(market)
    with market.database.write() as session:
        new = rotate_secret(session, market.corner, market.clock.now())
    assert new is not None
    market.placed()
    run()
    _, body, headers = listener.got[0]
    assert Webhook(old).verify(body, headers) == Webhook(new).verify(body, headers)
    market.later(hours=25)
    market.placed("level-1")
    run()
    assert 1 == len(listener.got[1][2]["webhook-signature"].split(" "))
    with market.database.write() as session:
        assert rotate_secret(session, market.other, market.clock.now()) is None


def test_a_persons_cancel_is_told_and_nobody_without_a_hook_is(market: Market) -> None:
    """order.canceled with the whole order; no hook, no message."""
    order_id, _ = market.placed("level-1")
    _, listener, run = hooked(market)
    market.later(hours=25)
    market.follower.run()
    with market.database.write() as session:
        cancel(session, order_id, now=market.clock.now())
    run()
    assert [("order.canceled", "canceled")] == [
        (json.loads(body)["type"], json.loads(body)["data"]["status"]) for _, body, _ in listener.got
    ]


def withdrawn(market: Market, order_id: str) -> str:
    """A person withdraws; what their page says of how the shop learns of it."""
    with market.database.write() as session:
        statement = withdraw(session, order_id, "Ada", "a@example.org", "too much", market.clock.now(), "Ada")
        return sending_of(session, statement).state


@pytest.mark.parametrize("delivered", [True, False])
async def test_a_withdrawal_is_told_with_its_statement(market: Market, delivered: bool) -> None:
    """Stored with it, sent under one id until it is taken; the feed shows it on line and in history."""
    _, listener, run = hooked(market)
    order_id, booked = market.placed()
    run()
    async with market.client() as client:
        for step, body in (("ship", {"carrier": "Post"}), ("deliver", {})) if delivered else ():
            assert 200 == (await act(client, booked, step, body)).status_code
    listener.got.clear()
    listener.answers = [500, None] if delivered else []
    assert "stands" == withdrawn(market, order_id)
    for _ in range(3):
        run()
        market.clock.moment += timedelta(hours=1)
    told = [json.loads(body) for _, body, _ in listener.got]
    kinds = [] if delivered else ["order.canceled"]
    ids = {headers["webhook-id"] for _, body, headers in listener.got if b'"order.withdrawal_req' in body}
    asked = [message for message in told if message["type"] == "order.withdrawal_requested"]
    assert {*kinds, "order.withdrawal_requested"} == {message["type"] for message in told}
    statement = asked[0]["data"]["withdrawal"]
    assert ("Ada", "too much", "det-1kg") == tuple(statement[key] for key in ("name", "reason", "item_id"))
    assert len(ids) == 1
    async with market.client() as client:
        seen = (await client.get(f"/orders/{booked}")).json()
    assert seen["lines"][0]["withdrawal_requested_at"] == statement["declared_at"]
    assert [entry["name"] for entry in seen["history"] if entry["what"] == "withdrawal_requested"] == ["Ada"]
    with market.database.read() as session:
        sending = sending_of(session, session.get_one(Withdrawal, order_id))
    assert ("sent", True) == (sending.state, sending.at is not None)


async def test_a_withdrawal_without_an_address_stands_in_the_feed(market: Market) -> None:
    """A retailer that only reads finds it with its cursor."""
    order_id, booked = market.placed()
    async with market.client() as client:
        cursor = (await client.get("/orders")).json()["next_cursor"]
        assert "stands" == withdrawn(market, order_id)
        changed = (await client.get(f"/orders?cursor={cursor}")).json()["orders"]
    assert [booked] == [order["id"] for order in changed]
    assert changed[0]["lines"][0]["withdrawal_requested_at"]


def test_a_withdrawal_that_nobody_takes_comes_back_to_the_household(market: Market) -> None:
    """The address is gone: the household is told once that it has to send it itself."""
    _, listener, _ = hooked(market)
    order_id, _ = market.placed()
    listener.answers = [410] * 5
    withdrawn(market, order_id)
    Messenger(market.database, listener, market.clock, random.Random(1), tell_refused_change).run()
    with market.database.read() as session:
        kinds = [row.kind for row in list_notices(session, HOUSEHOLD, 20)]
    assert 1 == kinds.count("withdrawal_undelivered")
