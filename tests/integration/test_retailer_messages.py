"""Messages to retailers: stored with their change, signed as Standard Webhooks says, sent until taken."""

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from sqlmodel import select
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from replenish_server.ordering.orders import cancel
from replenish_server.retailers.feed.messages import Messenger, rotate_secret, set_hook
from replenish_server.retailers.feed.tables import RetailerMessage
from replenish_server.retailers.http import Answer, NoAnswer
from tests.fakes.market import Market
from tests.fakes.retailer_house import House


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
