"""From a need to a binding quote: discovery, session, delivery, and every reason to stop."""

import json
from typing import Any
from uuid import UUID

import httpx
import pytest

from replenish_server.retailers.port import JournalClosed, Problem, Quote, QuotedLine, Trouble, TryLater
from tests.fakes.retailer_merchant import (
    API,
    SESSION,
    SITE,
    Doc,
    Merchant,
    Script,
    checkout,
    error,
    hangs,
    line,
    method,
    option,
    profile,
    refusal,
    says,
)
from tests.unit.retailers.conftest import PROFILE_URL, Conversation

CREATE = f"POST {API}/checkout-sessions"
UPDATE = f"PUT {SESSION}"
DISCOVER = f"GET {SITE}/.well-known/ucp"
DISCLOSURE = {"type": "warning", "code": "allergens", "content": "lye", "presentation": "disclosure"}


def trouble(talk: Conversation) -> Trouble:
    """The trouble that a quote ends in."""
    found = talk.quote()
    assert isinstance(found, Trouble), found
    return found


def test_a_ready_session_is_a_quote(talk: Conversation) -> None:
    """One call beside the discovery, and the numbers are the shop's."""
    assert talk.quote() == Quote(
        "chk_1",
        2490,
        "EUR",
        None,
        f"{SITE}/c/chk_1",
        lines=(QuotedLine("det-1kg", 2, 1000, 2000),),
        subtotal_minor=2000,
        shipping_minor=490,
        tax_minor=0,
        discount_minor=0,
        fulfilment=talk.need.fulfilment,
    )
    assert [DISCOVER, CREATE] == [f"{r.method} {r.url}" for r in talk.merchant.requests]


def test_every_call_names_us_and_every_change_its_key(talk: Conversation) -> None:
    """UCP-Agent on all; Request-Id, Idempotency-Key and Content-Type as the REST binding asks."""
    first = checkout("incomplete", fulfillment={"methods": [method(None)]})
    talk.merchant.on(CREATE, says(first, 201)).on(UPDATE, says(checkout()))
    talk.quote()
    discover, *calls = talk.merchant.requests
    assert f'profile="{PROFILE_URL}"' == discover.headers["UCP-Agent"]
    for request in calls:
        assert f'profile="{PROFILE_URL}/2026-04-08"' == request.headers["UCP-Agent"]
        assert request.headers["Accept"] == "application/json"
    create, update = talk.merchant.sent(CREATE)[0], talk.merchant.sent(UPDATE)[0]
    for request in (create, update):
        assert request.headers["Content-Type"] == "application/json"
        UUID(request.headers["Request-Id"])
    assert create.headers["Idempotency-Key"] != update.headers["Idempotency-Key"]
    assert create.headers["Request-Id"] != update.headers["Request-Id"]


def test_address_and_delivery_are_chosen_until_the_session_is_ready(talk: Conversation) -> None:
    """A shop that asks one thing after the other is answered one thing after the other."""
    bare = checkout("incomplete", fulfillment={"methods": []})
    priced = checkout("incomplete", fulfillment={"methods": [method(None)]})
    talk.merchant.on(CREATE, says(bare, 201)).on(UPDATE, says(priced), says(checkout()))
    assert isinstance(talk.quote(), Quote)
    assert [None, "std"] == [
        next(
            (
                g["selected_option_id"]
                for g in json.loads(r.content)["fulfillment"]["methods"][0].get("groups", [])
            ),
            None,
        )
        for r in talk.merchant.sent(UPDATE)
    ]


def test_a_shop_that_never_gets_ready_is_not_asked_for_ever(talk: Conversation) -> None:
    """Three updates, then a person."""
    stubborn = checkout("incomplete", fulfillment={"methods": []}, messages=[error("moon")])
    talk.merchant.on(CREATE, says(stubborn, 201)).on(UPDATE, says(stubborn))
    assert trouble(talk).problem is Problem.RETAILER_REFUSED
    assert len(talk.merchant.sent(UPDATE)) == 3


def test_a_repeated_quote_asks_nothing_again(talk: Conversation) -> None:
    """What was answered is in the journal, over restarts too."""
    assert talk.quote() == talk.quote()
    assert len(talk.merchant.sent(CREATE)) == 1


@pytest.mark.parametrize(
    "script",
    [
        hangs,
        *[says({"code": "x", "content": "x"}, s) for s in (408, 409, 425, 429, 500, 502, 503, 504, 507, 524)],
    ],
)
def test_no_usable_answer_is_asked_for_again_with_the_same_bytes_and_key(
    talk: Conversation, script: Script
) -> None:
    """Whatever became of the first, the shop can tell that it is the same request."""
    talk.merchant.on(CREATE, script, says(checkout(), 201))
    with pytest.raises(TryLater):
        talk.quote()
    assert isinstance(talk.quote(), Quote)
    first, second = talk.merchant.sent(CREATE)
    assert first.content == second.content
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert first.headers["Request-Id"] != second.headers["Request-Id"]


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [("7", 7.0), ("0", 0.0), ("99999999999999999999", 3600.0), ("soon", None), ("-1", None), ("²", None)],
)
def test_retry_after_is_heeded_within_reason(talk: Conversation, text: str, wait_s: float | None) -> None:
    """A shop may slow us down, not put us off for ever."""
    talk.merchant.on(CREATE, says({}, 429, Retry_After=text))
    with pytest.raises(TryLater) as later:
        talk.quote()
    assert wait_s == later.value.wait_s


@pytest.mark.parametrize(
    ("answer", "problem", "detail"),
    [
        (refusal(error("out_of_stock", "unrecoverable")), Problem.OUT_OF_STOCK, "about out_of_stock"),
        (refusal(error("not_found")), Problem.ITEM_UNAVAILABLE, "about not_found"),
        (refusal(error("capabilities_incompatible")), Problem.RETAILER_REFUSED, "about capabilities"),
        (
            checkout("requires_escalation", messages=[error("slot", "requires_buyer_input")]),
            Problem.ESCALATION,
            "about slot",
        ),
        (checkout(line_items=[line(1)]), Problem.ITEM_UNAVAILABLE, "changed what was asked for"),
        (
            checkout(
                line_items=[line(1)],
                messages=[{"type": "warning", "code": "quantity_adjusted", "content": "only 1"}],
            ),
            Problem.ITEM_UNAVAILABLE,
            "changed what was asked for",
        ),
        (checkout(messages=[DISCLOSURE]), Problem.ESCALATION, "lye"),
        (checkout(total=2490, totals=[
            {"type": "subtotal", "amount": 2000}, {"type": "total", "amount": 2490}
        ]), Problem.UNREADABLE, "add up"),
        (checkout("completed", order=None, fulfillment={"methods": [method()]}), Problem.ESCALATION, ""),
        (checkout("moon"), Problem.ESCALATION, ""),
        (b"<html>", Problem.UNREADABLE, "not JSON"),
    ],
)  # fmt: skip
def test_a_business_outcome_comes_with_http_200_and_goes_to_a_person(
    talk: Conversation, answer: Doc | bytes, problem: Problem, detail: str
) -> None:
    """The body decides, not the status; nothing is bought."""
    talk.merchant.on(CREATE, says(answer)).on(UPDATE, says(answer))
    found = trouble(talk)
    assert problem is found.problem
    assert detail in found.detail


def test_a_session_without_a_destination_is_not_paid_for(talk: Conversation) -> None:
    """Ready, says the shop; but the parcel would go nowhere."""
    nowhere = checkout(fulfillment={"methods": [method("std", None)]})
    talk.merchant.on(CREATE, says(nowhere, 201)).on(UPDATE, says(nowhere))
    assert trouble(talk).problem is Problem.ADDRESS


@pytest.mark.parametrize(
    ("status", "body", "detail", "link"),
    [
        (400, {"code": "invalid_profile_url", "content": "bad"}, "400 invalid_profile_url: bad", None),
        (
            424,
            {"code": "profile_unreachable", "content": "gone", "continue_url": f"{SITE}/cart"},
            "424 profile_unreachable: gone",
            f"{SITE}/cart",
        ),
        (422, refusal(error("version_unsupported", "unrecoverable")), "422 about version_unsupported", None),
        (403, b"<html>", "403", None),
        (302, b"", "302", None),
    ],
)
def test_a_protocol_error_is_not_tried_blindly_again(
    talk: Conversation, status: int, body: Doc | bytes, detail: str, link: str | None
) -> None:
    """Its words and its link reach a person, and the answer is kept."""
    talk.merchant.on(CREATE, says(body, status, Location=f"{SITE}/elsewhere"))
    assert Trouble(Problem.RETAILER_REFUSED, detail, link) == trouble(talk)
    assert trouble(talk).detail == detail
    assert len(talk.merchant.sent(CREATE)) == 1


def test_an_answer_of_two_mebibytes_is_no_answer(talk: Conversation) -> None:
    """A body is read up to its limit and no further."""
    talk.merchant.on(CREATE, says(b"x" * (2 << 20), 201))
    with pytest.raises(TryLater, match="exceeds"):
        talk.quote()


def test_a_closed_journal_sends_nothing(talk: Conversation) -> None:
    """The order was canceled, or another worker has it."""
    talk.journal.closed = True
    with pytest.raises(JournalClosed):
        talk.quote()
    assert [] == talk.merchant.sent(CREATE)


# --- discovery -----------------------------------------------------------------------------------------


def without(name: str) -> dict[str, Any]:
    """The capabilities but one."""
    capabilities = dict(profile()["ucp"]["capabilities"])
    del capabilities[f"dev.ucp.shopping.{name}"]
    return {"capabilities": capabilities}


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (profile(version="2026-01-11"), "speaks UCP 2026-01-11"),
        (profile(**without("checkout")), "does not offer dev.ucp.shopping.checkout"),
        (
            profile(capabilities={n: [{"version": "2026-01-23"}] for n in profile()["ucp"]["capabilities"]}),
            "does not offer",
        ),
        (
            profile(
                capabilities={
                    n: [{"version": "2026-04-08", "spec": "https://evil.test/spec"}]
                    for n in profile()["ucp"]["capabilities"]
                }
            ),
            "does not offer",
        ),
        (profile(services={}), "no REST or MCP binding"),
        (
            profile(
                services={
                    "dev.ucp.shopping": [{"version": "2026-04-08", "transport": "a2a", "endpoint": API}]
                }
            ),
            "no REST or MCP binding",
        ),
        (
            profile(
                services={
                    "dev.ucp.shopping": [
                        {"version": "2026-04-08", "transport": "rest", "endpoint": "http://shop.test"}
                    ]
                }
            ),
            "leave TLS",
        ),
        (b"<html>", "cannot be read"),
        ({}, "cannot be read"),
    ],
)
def test_a_shop_we_cannot_speak_with_is_named_so(talk: Conversation, document: Doc | bytes, why: str) -> None:
    """Before anything is sent to it."""
    talk.merchant.on(DISCOVER, says(document))
    found = trouble(talk)
    assert found.problem is Problem.UNREADABLE
    assert why in found.detail
    assert [] == talk.merchant.sent(CREATE)


@pytest.mark.parametrize("name", ["fulfillment", "order"])
def test_a_shop_that_cannot_ship_or_tell_is_left_to_a_person(talk: Conversation, name: str) -> None:
    """A session is prepared, and the shop's page shown; nothing is said that the shop did not offer."""
    talk.merchant.on(DISCOVER, says(profile(**without(name))))
    found = trouble(talk)
    assert (found.problem, found.continue_url) == (Problem.ESCALATION, f"{SITE}/c/chk_1")
    assert f"does not offer dev.ucp.shopping.{name}" in found.detail
    (sent,) = talk.merchant.sent(CREATE)
    assert ("fulfillment" in json.loads(sent.content)) is (name != "fulfillment")


def test_another_default_release_leads_to_the_profile_for_ours(talk: Conversation) -> None:
    """`ucp.supported_versions` maps a release to its own, complete profile."""
    leaf = f"{SITE}/.well-known/ucp/2026-04-08"
    newer = profile(version="2026-08-25", supported_versions={"2026-04-08": leaf})
    talk.merchant.on(DISCOVER, says(newer)).on(f"GET {leaf}", says(profile()))
    assert isinstance(talk.quote(), Quote)


def test_a_leaf_of_another_release_than_its_name_is_refused(talk: Conversation) -> None:
    """The leaf's own version counts."""
    leaf = f"{SITE}/.well-known/ucp/2026-04-08"
    newer = profile(version="2026-08-25", supported_versions={"2026-04-08": leaf})
    talk.merchant.on(DISCOVER, says(newer)).on(f"GET {leaf}", says(profile(version="2026-01-23")))
    assert "2026-01-23" in trouble(talk).detail


def test_a_leaf_on_another_host_is_not_fetched(talk: Conversation) -> None:
    """A profile cannot send us to another house."""
    newer = profile(version="2026-08-25", supported_versions={"2026-04-08": "https://evil.test/ucp"})
    talk.merchant.on(DISCOVER, says(newer))
    assert "2026-08-25" in trouble(talk).detail
    assert len(talk.merchant.requests) == 1


@pytest.mark.parametrize("script", [hangs, says(b"", 503), says(b"", 301, Location="https://evil.test/")])
def test_a_profile_that_does_not_come_is_asked_for_later(talk: Conversation, script: Script) -> None:
    """Redirects of profiles are not followed."""
    talk.merchant.on(DISCOVER, script)
    with pytest.raises(TryLater):
        talk.quote()
    assert len(talk.merchant.requests) == 1


def test_the_profile_is_kept_for_a_while(talk: Conversation, merchant: Merchant) -> None:
    """One shop object asks once."""
    shop = talk.shop()
    shop.quote(talk.need, talk.journal)
    shop.quote(talk.need, talk.journal)
    assert len(merchant.sent(DISCOVER)) == 1


def test_option_prices_are_compared_across_every_parcel(talk: Conversation) -> None:
    """Each group gets its own cheapest option."""
    two = method(None)
    two["groups"].append(
        {"id": "parcel-2", "line_item_ids": ["li-1"], "options": [option("slow", 100), option("fast", 200)]}
    )
    talk.merchant.on(CREATE, says(checkout("incomplete", fulfillment={"methods": [two]}), 201))
    talk.merchant.on(UPDATE, says(checkout()))
    talk.quote()
    (sent,) = talk.merchant.sent(UPDATE)
    groups = json.loads(sent.content)["fulfillment"]["methods"][0]["groups"]
    assert [("parcel-1", "std"), ("parcel-2", "slow")] == [(g["id"], g["selected_option_id"]) for g in groups]


def test_the_client_leaves_no_secret_in_what_it_raises(talk: Conversation) -> None:
    """The payment token goes into one body only."""
    talk.merchant.on(CREATE, hangs)
    with pytest.raises(TryLater) as later:
        talk.quote()
    assert "tok-secret" not in str(later.value)
    assert all(b"tok-secret" not in r.content for r in talk.merchant.requests if isinstance(r, httpx.Request))
