"""Answers bent as a conformance author would: what is only odd is let be, what is dangerous stops."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from replenish_server.retailers.http import Answer
from replenish_server.retailers.port import (
    NotThere,
    Placed,
    Problem,
    Progress,
    Quote,
    Trouble,
    TryLater,
    Unknown,
)
from replenish_server.retailers.ucp.documents import document_of, read_order
from tests.fakes.retailer_merchant import (
    API,
    SESSION,
    SITE,
    Doc,
    checkout,
    error,
    event,
    line,
    method,
    order,
    order_line,
    refusal,
    says,
)
from tests.unit.retailers.conftest import Conversation

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
CREATE, UPDATE, READ = f"POST {API}/checkout-sessions", f"PUT {SESSION}", f"GET {SESSION}"
COMPLETE, ORDER = f"POST {SESSION}/complete", f"GET {API}/orders/ord_9"


@pytest.mark.parametrize("word", ["processing", "pending", "paid", "complete_pending", "", "COMPLETED"])
def test_a_state_that_no_release_has_is_no_proof_that_nothing_was_bought(
    talk: Conversation, word: str
) -> None:
    """It is asked about like one that is still completing; a day later a person decides. No second key."""
    talk.merchant.on(READ, says(checkout()))
    talk.merchant.on(COMPLETE, says(checkout(word)))
    assert isinstance(talk.place(), Unknown)
    talk.merchant.on(READ, says(checkout(word)))
    assert isinstance(talk.place(), Unknown)
    assert len(talk.merchant.sent(COMPLETE)) == 1
    talk.wait(hours=25)
    outcome = talk.place()
    assert isinstance(outcome, Trouble)
    assert outcome.problem is Problem.UNKNOWN_OUTCOME


@pytest.mark.parametrize("lacking", [{"order": None}, {"totals": []}, {"order": {"id": ""}}])
def test_completed_without_saying_what_ends_with_a_person(talk: Conversation, lacking: Doc) -> None:
    """It is asked about for a day, and not for ever."""
    talk.merchant.on(READ, says(checkout())).on(COMPLETE, says(checkout("completed") | lacking))
    assert isinstance(talk.place(), Unknown)
    talk.merchant.on(READ, says(checkout("completed") | lacking))
    assert isinstance(talk.place(), Unknown)
    talk.wait(hours=25)
    outcome = talk.place()
    assert isinstance(outcome, Trouble)
    assert outcome.problem is Problem.UNKNOWN_OUTCOME


@pytest.mark.parametrize("where", [UPDATE, READ, COMPLETE])
def test_another_session_is_no_answer(talk: Conversation, where: str) -> None:
    """A cache between us and the shop may answer with somebody else's."""
    talk.merchant.on(CREATE, says(checkout("incomplete", fulfillment=None), 201))
    talk.merchant.on(UPDATE, says(checkout())).on(READ, says(checkout()))
    talk.merchant.on(COMPLETE, says(checkout("completed")))
    talk.merchant.on(
        where, says(checkout("completed" if where == COMPLETE else "ready_for_complete", id="chk_2"))
    )
    quote = talk.quote()
    outcome = quote if isinstance(quote, Trouble) else talk.place()
    assert isinstance(outcome, Unknown if where == COMPLETE else Trouble)
    assert "another session" in outcome.detail


def test_an_error_on_reading_a_session_does_not_close_it(talk: Conversation) -> None:
    """Only its absence, or the shop's word, does: else two sessions could become orders."""
    talk.merchant.on(READ, says(refusal(error("internal_error", "unrecoverable"))))
    assert isinstance(talk.shop().retire("chk_1", talk.journal), Trouble)
    talk.merchant.on(READ, says(refusal(error("not_found", "unrecoverable"))))
    assert talk.shop().retire("chk_1", talk.journal) is None


@pytest.mark.parametrize("severity", ["requires_buyer_input", "requires_buyer_review", "unrecoverable"])
@pytest.mark.parametrize("late", [False, True])
def test_a_session_that_calls_itself_ready_with_a_grave_error_is_a_persons(
    talk: Conversation, severity: str, late: bool
) -> None:
    """Whether it says so at once or only in the last look."""
    told = checkout(messages=[error("age_check", severity, "how old are you?")])
    talk.merchant.on(CREATE, says(checkout() if late else told, 201)).on(READ, says(told))
    outcome = talk.quote()
    if late:
        assert isinstance(outcome, Quote)
        outcome = talk.place()  # type: ignore[assignment]
    assert isinstance(outcome, Trouble)
    assert outcome.detail == "how old are you?"
    assert talk.merchant.sent(COMPLETE) == []


@pytest.mark.parametrize(
    "message",
    [
        error("recoverable_thing", "recoverable"),
        {"type": "warning", "code": "x", "content": "y"},
        {"type": "info", "code": "x", "content": "y"},
        {"type": "a word of tomorrow", "severity": "unrecoverable"},
        {"type": "warning", "severity": "requires_buyer_review"},
    ],
)
def test_lesser_messages_do_not_stop_a_ready_session(talk: Conversation, message: Doc) -> None:
    """A leftover of what was mended, a notice, and what nobody knows."""
    ready = checkout(messages=[message])
    talk.merchant.on(CREATE, says(ready, 201)).on(READ, says(ready)).on(COMPLETE, says(checkout("completed")))
    assert isinstance(talk.place(), Placed)


@pytest.mark.parametrize(
    "more",
    [
        {"links": [{"type": "moon", "url": 5}], "x-future": {"deep": [1]}, "actions": {}},
        {"expires_at": 5, "messages": None, "links": None, "continue_url": None, "discounts": None},
        {"expires_at": "tomorrow", "continue_url": ["https://x"], "order": None},
        {"line_items": [line(1) | {"id": "a", "totals": []}, line(1) | {"id": "b", "totals": []}]},
        {
            "line_items": [
                line() | {"item": {"id": "det-1kg", "title": None, "price": 1000, "image_url": None}}
            ]
        },
        {
            "fulfillment": {
                "methods": [method() | {"available": True, "destinations": [{"id": "home", "name": None}]}]
            }
        },
        {"currency": "JPY"},
        {"currency": "KWD"},
    ],
    ids=[
        "future members",
        "nulls",
        "odd but optional",
        "two lines",
        "null title",
        "null name",
        "no decimals",
        "three",
    ],
)
def test_what_is_only_odd_is_let_be(talk: Conversation, more: Doc) -> None:
    """Unknown members, nulls for absence, a line cut in two, minor units of any exponent."""
    ready, done = checkout(**more), checkout("completed", currency=more.get("currency", "EUR"))
    talk.merchant.on(CREATE, says(ready, 201)).on(READ, says(ready)).on(COMPLETE, says(done))
    assert talk.place() == Placed("ord_9", f"{SITE}/orders/ord_9", 2490, more.get("currency", "EUR"))


@pytest.mark.parametrize("amount", [2**53, 2**63, 2**64, -(2**63), 10**30, 2490.5, "2490", True, None])
def test_an_amount_that_cannot_be_kept_is_not_paid(talk: Conversation, amount: Any) -> None:
    """Beyond what JSON readers agree on, fractions of the smallest unit, and what is no number."""
    totals = [{"type": "subtotal", "amount": amount}, {"type": "total", "amount": amount}]
    talk.merchant.on(CREATE, says(checkout(totals=totals), 201))
    outcome = talk.quote()
    assert isinstance(outcome, Trouble)
    assert outcome.problem is Problem.UNREADABLE


def test_the_greatest_amount_that_can_be_kept_is_quoted(talk: Conversation) -> None:
    """Whether it is too much is not the adapter's to say."""
    most = 2**53 - 1
    totals = [{"type": "subtotal", "amount": most}, {"type": "total", "amount": most}]
    bare = [line() | {"totals": [], "item": {"id": "det-1kg"}}]
    talk.merchant.on(CREATE, says(checkout(totals=totals, line_items=bare), 201))
    outcome = talk.quote()
    assert isinstance(outcome, Quote)
    assert outcome.total_minor == most


def test_text_that_no_database_takes_is_mended() -> None:
    """NUL, and half a surrogate pair; a whole pair is a letter and stays."""
    document = document_of(b'{"a": "x\\u0000y", "b\\ud83d": ["\\ud83d\\ude00", "\\udc00"]}')
    assert document == {"a": "x\ufffdy", "b\ufffd": ["\U0001f600", "\ufffd"]}


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 409])
def test_a_shop_that_only_says_later_is_told_to_a_person_after_a_day(talk: Conversation, status: int) -> None:
    """The key is the same all day; nothing can have been bought by a session that was never opened."""
    talk.merchant.on(CREATE, says(b"", status))
    with pytest.raises(TryLater):
        talk.quote()
    talk.wait(hours=23)
    with pytest.raises(TryLater):
        talk.quote()
    talk.wait(hours=2)
    outcome = talk.quote()
    assert isinstance(outcome, Trouble)
    assert str(status) in outcome.detail
    assert len({sent.headers["Idempotency-Key"] for sent in talk.merchant.sent(CREATE)}) == 1


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "99999999999999999999"}, 3600.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Mon, 04 May 2026 12:00:30 GMT", "date": "Mon, 04 May 2026 12:00:00 GMT"}, 30.0),
        ({"retry-after": "Mon, 04 May 2026 11:00:00 GMT", "date": "Mon, 04 May 2026 12:00:00 GMT"}, 0.0),
        ({"retry-after": "Mon, 04 May 2026 12:00:30 GMT"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(headers: dict[str, str], wait_s: float | None) -> None:
    """RFC 9110, section 10.2.3; a date counts from the answer's own."""
    assert Answer(429, headers, b"").wait_s == wait_s


@pytest.mark.parametrize(
    ("document", "progress"),
    [
        (order(line_items=[order_line() | {"quantity": 2}]), Progress.PROCESSING),
        (order({"type": "delivered", "id": "e"}), Progress.DELIVERED),
        (order({"type": "delivered", "line_items": None}), Progress.DELIVERED),
        (order(event("shipped") | {"carrier": 5, "tracking_number": None}), Progress.SHIPPED),
        (order(event("a word of tomorrow")), Progress.PROCESSING),
        (
            order(adjustments=[{"type": "cancellation", "status": "completed", "description": 5}]),
            Progress.CANCELED,
        ),
        (order(totals=None, fulfillment=None), Progress.PROCESSING),
    ],
)
def test_an_order_is_read_as_far_as_it_goes(document: Doc, progress: Progress) -> None:
    """Plain numbers, events about everything, and what has no meaning to us."""
    assert read_order(document).progress is progress


def test_an_order_that_is_not_there_is_told_apart(talk: Conversation) -> None:
    """Whatever its body says."""
    talk.merchant.on(ORDER, says(b"<html>", 404))
    with pytest.raises(NotThere):
        talk.shop().read_order("ord_9")


def test_a_completion_that_is_accepted_for_later_is_followed_to_its_end(talk: Conversation) -> None:
    """202, then the session until it says."""
    ends = (NOW + timedelta(hours=1)).isoformat()
    waiting = checkout("complete_in_progress", expires_at=ends)
    talk.merchant.on(READ, says(checkout())).on(COMPLETE, says(waiting, 202))
    assert isinstance(talk.place(), Unknown)
    talk.merchant.on(READ, says(waiting))
    assert isinstance(talk.place(), Unknown)
    talk.merchant.on(READ, says(checkout("completed")))
    assert isinstance(talk.place(), Placed)
    assert len(talk.merchant.sent(COMPLETE)) == 1
