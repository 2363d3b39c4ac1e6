"""Placing an order once, whatever the network, the shop or the clock do in between."""

import json
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

import pytest

from replenish_server.retailers.instruments import Account, Instrument
from replenish_server.retailers.port import (
    Expired,
    JournalClosed,
    OrderSnapshot,
    Placed,
    Problem,
    Progress,
    Quote,
    Trouble,
    TryLater,
    Unknown,
)
from replenish_server.retailers.ucp.client import UcpRetailer
from replenish_server.retailers.ucp.connection import Identity
from tests.fakes.retailer_journal import MemoryJournal
from tests.fakes.retailer_merchant import (
    API,
    SESSION,
    SITE,
    Doc,
    Script,
    checkout,
    error,
    hangs,
    order,
    profile,
    refusal,
    says,
)
from tests.unit.retailers.conftest import Conversation

COMPLETE = f"POST {SESSION}/complete"
READ = f"GET {SESSION}"
ORDER = f"GET {API}/orders/ord_9"
PLACED = Placed("ord_9", f"{SITE}/orders/ord_9", 2490, "EUR")
DISCLOSURE = {"type": "warning", "code": "allergens", "content": "lye", "presentation": "disclosure"}


@pytest.fixture(autouse=True)
def ready(talk: Conversation) -> None:
    """A session that is ready, and a complete that works."""
    talk.merchant.on(READ, says(checkout())).on(COMPLETE, says(checkout("completed")))


def unanswered(talk: Conversation, *scripts: Script) -> None:
    """A first complete that may have been carried out; then what the complete says."""
    talk.merchant.on(COMPLETE, hangs, *scripts)
    assert isinstance(talk.place(), Unknown)


def problem(talk: Conversation) -> Problem:
    """The kind of trouble that placing ends in."""
    found = talk.place()
    assert isinstance(found, Trouble), found
    return found.problem


def test_a_ready_session_is_looked_at_once_more_and_completed(talk: Conversation) -> None:
    """One complete, with one instrument of the type that the session named."""
    assert PLACED == talk.place()
    (sent,) = talk.merchant.sent(COMPLETE)
    (instrument,) = json.loads(sent.content)["payment"]["instruments"]
    assert ("pay-1", "shop_token") == (instrument["handler_id"], instrument["type"])
    assert sent.headers["Content-Type"] == "application/json"
    assert len(talk.merchant.sent(READ)) == 1


def test_the_request_was_stored_before_it_was_sent(talk: Conversation) -> None:
    """Key and bytes are in the journal while the shop still thinks."""
    seen: list[tuple[str, bytes]] = []

    def look(request):
        call = talk.journal.find("complete")
        assert call is not None
        seen.append((call.key, call.body))
        return says(checkout("completed"))(request)

    talk.merchant.on(COMPLETE, look)
    talk.place()
    (sent,) = talk.merchant.sent(COMPLETE)
    assert [(sent.headers["Idempotency-Key"], sent.content)] == seen


def test_a_placed_order_is_not_placed_again(talk: Conversation) -> None:
    """The answer is in the journal."""
    assert PLACED == talk.place()
    assert PLACED == talk.place()
    assert len(talk.merchant.sent(COMPLETE)) == 1


@pytest.mark.parametrize(
    "script",
    [hangs, *[says({}, s) for s in (303, 307, 408, 409, 425, 429, 500, 502, 503, 504, 507, 520, 524)]],
)
def test_after_no_clear_answer_the_session_is_read_before_the_same_bytes_go_again(
    talk: Conversation, script: Script
) -> None:
    """Never under another key, never with other bytes, never without asking first."""
    talk.merchant.on(COMPLETE, script, says(checkout("completed")))
    assert isinstance(talk.place(), Unknown)
    assert PLACED == talk.place()
    first, second = talk.merchant.sent(COMPLETE)
    assert first.content == second.content
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    last_three = [f"{r.method} {r.url}" for r in talk.merchant.requests][-3:]
    assert [READ, COMPLETE] == last_three[1:]


def test_an_order_found_by_reading_is_not_sent_again(talk: Conversation) -> None:
    """The first complete had been carried out."""
    unanswered(talk)
    talk.merchant.on(READ, says(checkout("completed")))
    assert PLACED == talk.place()
    assert len(talk.merchant.sent(COMPLETE)) == 1
    talk.merchant.on(READ, hangs)
    assert PLACED == talk.place()


def test_a_shop_that_is_still_completing_is_given_time(talk: Conversation) -> None:
    """No second complete while it says so, and a person once its key is too old."""
    unanswered(talk)
    talk.merchant.on(READ, says(checkout("complete_in_progress")))
    assert isinstance(talk.place(), Unknown)
    assert len(talk.merchant.sent(COMPLETE)) == 1
    talk.wait(hours=24, seconds=1)
    assert problem(talk) is Problem.UNKNOWN_OUTCOME


def test_complete_in_progress_is_followed_to_the_order(talk: Conversation) -> None:
    """The answer is not final, so it is not kept."""
    talk.merchant.on(COMPLETE, says(checkout("complete_in_progress")))
    assert isinstance(talk.place(), Unknown)
    talk.merchant.on(READ, says(checkout("completed")))
    assert PLACED == talk.place()


def test_a_key_older_than_its_lifetime_is_never_sent_again(talk: Conversation) -> None:
    """The shop may have forgotten it, and would order twice."""
    unanswered(talk)
    talk.wait(hours=24)
    talk.merchant.on(COMPLETE, hangs)
    assert isinstance(talk.place(), Unknown)
    talk.wait(seconds=1)
    assert problem(talk) is Problem.UNKNOWN_OUTCOME
    assert len(talk.merchant.sent(COMPLETE)) == 2


@pytest.mark.parametrize("script", [hangs, says({}, 503), says({}, 401), says(b"<html>")])
def test_a_shop_that_cannot_be_asked_is_asked_for_a_day_and_then_a_person(
    talk: Conversation, script: Script
) -> None:
    """An order of unknown fate does not wait for ever in silence."""
    unanswered(talk)
    talk.merchant.on(READ, script)
    with suppress(TryLater):
        assert isinstance(talk.place(), Unknown)
    talk.wait(hours=25)
    assert problem(talk) is Problem.UNKNOWN_OUTCOME
    assert len(talk.merchant.sent(COMPLETE)) == 1


@pytest.mark.parametrize(
    "script",
    [
        says({}, 404),
        says({}, 410),
        says(refusal(error("not_found", "unrecoverable"))),
        says(checkout("canceled")),
        says(checkout(expires_at="2026-05-04T11:59:59Z")),
    ],
    ids=["404", "410", "not found at 200", "canceled", "expired"],
)
def test_an_unanswered_complete_of_a_lost_session_goes_to_a_person(
    talk: Conversation, script: Script
) -> None:
    """It may have become an order before it was lost: no new session."""
    unanswered(talk)
    talk.merchant.on(READ, script)
    assert problem(talk) is Problem.UNKNOWN_OUTCOME
    assert len(talk.merchant.sent(COMPLETE)) == 1


@pytest.mark.parametrize(
    "script",
    [
        says({}, 404),
        says({}, 410),
        says(refusal(error("not_found", "unrecoverable"))),
        says(checkout("canceled")),
    ],
    ids=["404", "410", "not found at 200", "canceled"],
)
def test_a_session_lost_before_the_complete_is_expired(talk: Conversation, script: Script) -> None:
    """Nothing was completed, so a new session harms nobody."""
    talk.merchant.on(READ, script)
    assert isinstance(talk.place(), Expired)
    assert [] == talk.merchant.sent(COMPLETE)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 424])
def test_a_refusal_of_the_repetition_says_nothing_of_the_first_try(talk: Conversation, status: int) -> None:
    """A gate before the shop's memory of keys may have answered: a person looks, and no new session opens."""
    unanswered(talk, says({"code": "x", "content": "no"}, status))
    found = talk.place()
    assert Trouble(Problem.UNKNOWN_OUTCOME, f"{status} x: no") == found
    call = talk.journal.find("complete")
    assert call is not None
    assert call.status is None


def test_the_need_says_with_what_is_paid(talk: Conversation) -> None:
    """By its place in the household's list; where that has become shorter, with the last."""
    visa, giro = Instrument("Visa", "pay-1", "tok-visa"), Instrument("Giro", "pay-1", "tok-giro")
    account = Account(SITE, "pay-1", "tok-first", (visa, giro))
    used = []
    for place in range(4):
        talk.journal = MemoryJournal(lambda: talk.moment)
        shop = UcpRetailer(account, talk.client, lambda: talk.moment, Identity("https://home.test"))
        quote = shop.quote(replace(talk.need, instrument=place), talk.journal)
        assert isinstance(quote, Quote)
        assert isinstance(shop.place(quote, talk.journal), Placed)
        (paid,) = json.loads(talk.merchant.sent(COMPLETE)[-1].content)["payment"]["instruments"]
        used.append(paid["credential"]["token"])
    assert used == ["tok-first", "tok-visa", "tok-giro", "tok-giro"]
    assert "tok" not in repr(visa)


def test_a_handler_that_the_shop_no_longer_takes_is_a_payment_that_failed(talk: Conversation) -> None:
    """Nothing is opened with it; another instrument may help."""
    other = profile(payment_handlers={"x.y": [{"id": "other", "version": "2026-04-08"}]})
    talk.merchant.on(f"GET {SITE}/.well-known/ucp", says(other))
    found = talk.quote()
    assert isinstance(found, Trouble)
    assert (found.problem, found.may_pay_otherwise) == (Problem.PAYMENT_FAILED, True)
    assert "no longer accepts" in found.detail
    assert [] == talk.merchant.sent(f"POST {API}/checkout-sessions")


def test_a_refused_card_is_final(talk: Conversation) -> None:
    """402 with the shop's words, at the first try and at a repetition."""
    talk.merchant.on(COMPLETE, says({"code": "payment_failed", "content": "declined"}, 402))
    declined = Trouble(Problem.PAYMENT_FAILED, "402 payment_failed: declined", may_pay_otherwise=True)
    assert declined == talk.place()
    assert problem(talk) is Problem.PAYMENT_FAILED
    assert len(talk.merchant.sent(COMPLETE)) == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (checkout(messages=[error("payment_failed")]), Problem.PAYMENT_FAILED),
        (refusal(error("out_of_stock", "unrecoverable")), Problem.OUT_OF_STOCK),
        (
            checkout("requires_escalation", messages=[error("3ds", "requires_buyer_review")]),
            Problem.ESCALATION,
        ),
        (checkout("canceled", messages=[error("moon", "unrecoverable")]), Problem.RETAILER_REFUSED),
    ],
)
def test_a_business_outcome_of_the_complete_is_final(
    talk: Conversation, answer: Doc, expected: Problem
) -> None:
    """It is kept, so that asking again sends nothing."""
    talk.merchant.on(COMPLETE, says(answer))
    assert expected is problem(talk)
    assert expected is problem(talk)
    assert len(talk.merchant.sent(COMPLETE)) == 1


def test_an_unreadable_answer_leaves_the_outcome_unknown(talk: Conversation) -> None:
    """The order may exist: the session is asked, and tells."""
    talk.merchant.on(COMPLETE, says(b"<html>"))
    assert isinstance(talk.place(), Unknown)
    talk.merchant.on(READ, says(checkout("completed")))
    assert PLACED == talk.place()


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (checkout(total=2491), Problem.PRICE_OVER_CAP),
        (checkout(total=2489), Problem.PRICE_OVER_CAP),
        (checkout(currency="USD"), Problem.PRICE_OVER_CAP),
        (checkout("requires_escalation", messages=[error("x", "requires_buyer_input")]), Problem.ESCALATION),
        (checkout("incomplete", messages=[error("out_of_stock")]), Problem.OUT_OF_STOCK),
        (checkout(messages=[DISCLOSURE]), Problem.ESCALATION),
        (
            checkout(totals=[{"type": "subtotal", "amount": 1}, {"type": "total", "amount": 2490}]),
            Problem.UNREADABLE,
        ),
        (refusal(error("moon", "unrecoverable")), Problem.RETAILER_REFUSED),
    ],
    ids=["dearer", "cheaper", "currency", "escalated", "sold out", "disclosure", "totals", "refused"],
)
def test_a_session_that_changed_since_its_quote_is_not_completed(
    talk: Conversation, now: Doc, expected: Problem
) -> None:
    """What was judged is what is bought, or nothing."""
    talk.merchant.on(READ, says(now))
    assert expected is problem(talk)
    assert [] == talk.merchant.sent(COMPLETE)
    assert talk.journal.find("complete") is None


def test_a_session_whose_handlers_leave_ours_out_is_not_completed(talk: Conversation) -> None:
    """The session's handlers are authoritative."""
    ucp = checkout()["ucp"] | {"payment_handlers": {"x.y": [{"id": "other", "version": "2026-04-08"}]}}
    talk.merchant.on(READ, says(checkout(ucp=ucp)))
    assert problem(talk) is Problem.PAYMENT_FAILED
    assert [] == talk.merchant.sent(COMPLETE)


def test_a_session_that_a_person_finished_at_the_shop_is_placed(talk: Conversation) -> None:
    """It is followed, and not bought a second time."""
    talk.merchant.on(READ, says(checkout("completed")))
    assert PLACED == talk.place()
    assert [] == talk.merchant.sent(COMPLETE)


@pytest.mark.parametrize("script", [hangs, says({}, 503), says({}, 301)])
def test_a_shop_that_does_not_answer_before_the_complete_is_asked_later(
    talk: Conversation, script: Script
) -> None:
    """Nothing is unknown yet."""
    talk.merchant.on(READ, script)
    with pytest.raises(TryLater):
        talk.place()
    assert talk.journal.find("complete") is None


def test_an_order_taken_over_by_another_worker_is_not_completed(talk: Conversation) -> None:
    """The journal is the gate."""
    assert isinstance(talk.quote(), Quote)
    talk.journal.closed = True
    with pytest.raises(JournalClosed):
        talk.place()
    assert [] == talk.merchant.sent(COMPLETE)


def test_a_permalink_that_is_no_web_address_is_left_out(talk: Conversation) -> None:
    """It would be a link on our page."""
    bad = checkout("completed", order={"id": "ord_9", "permalink_url": "javascript:alert(1)"})
    talk.merchant.on(COMPLETE, says(bad))
    assert Placed("ord_9", "", 2490, "EUR") == talk.place()


# --- following -----------------------------------------------------------------------------------------


def test_an_order_is_read_with_the_headers_that_the_binding_asks_for(talk: Conversation) -> None:
    """A Request-Id of its own, and no Idempotency-Key: nothing changes."""
    talk.merchant.on(ORDER, says(order()))
    assert OrderSnapshot("ord_9", Progress.PROCESSING, "", 2490) == talk.shop().read_order("ord_9")
    (sent,) = talk.merchant.sent(ORDER)
    UUID(sent.headers["Request-Id"])
    assert "UCP-Agent" in sent.headers
    assert "Idempotency-Key" not in sent.headers


@pytest.mark.parametrize(
    "script",
    [
        hangs,
        says({}, 404),
        says({}, 503, Retry_After="9"),
        says(b"<html>"),
        says(refusal(error("not_found"))),
        says(order(id="ord_8")),
        says(order(line_items=None)),
    ],
)
def test_no_usable_view_of_an_order_changes_nothing(talk: Conversation, script: Script) -> None:
    """It is asked again later."""
    talk.merchant.on(ORDER, script)
    with pytest.raises(TryLater):
        talk.shop().read_order("ord_9")


def test_ids_of_the_shop_stay_one_segment_of_the_path(talk: Conversation) -> None:
    """A slash in an id leads nowhere else."""
    call = f"GET {API}/orders/..%2Fa%3Fb"
    talk.merchant.on(call, says(order(id="../a?b")))
    assert talk.shop().read_order("../a?b").retailer_order_id == "../a?b"
