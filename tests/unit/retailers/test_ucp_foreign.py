"""What merchants of others want of a request, and how their refusals are told (docs/retailers.md)."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from replenish_server.retailers.instruments import Account
from replenish_server.retailers.port import Placed, Problem, Quote, Trouble
from replenish_server.retailers.ucp import RELEASES
from replenish_server.retailers.ucp.client import UcpRetailer
from replenish_server.retailers.ucp.connection import Identity
from replenish_server.retailers.ucp.release import Release
from replenish_server.retailers.ucp.signatures import Signer, verify_detached
from replenish_server.retailers.ucp.thumbprints import public_jwk
from tests.fakes.retailer_merchant import API, SESSION, SITE, checkout, method, profile, says
from tests.unit.retailers.conftest import HOME, Conversation
from tests.unit.retailers.test_ucp_releases import DISCOVER, of_release


@pytest.mark.parametrize("release", RELEASES, ids=lambda r: r.date)
def test_january_says_the_way_in_an_update_and_names_all_in_it(talk: Conversation, release: Release) -> None:
    """Its merchants take a create without fulfilment only, and want every id and an empty risk member."""
    bare = of_release(checkout("incomplete", fulfillment=None), release.date)
    ready = of_release(checkout(), release.date)
    done = ready | {"status": "completed", "order": {"id": "ord_9", "permalink_url": f"{SITE}/o"}}
    talk.merchant.on(DISCOVER, says(of_release(profile(), release.date)))
    talk.merchant.on(f"POST {API}/checkout-sessions", says(bare, 201)).on(f"GET {SESSION}", says(ready))
    unchosen = of_release(checkout("incomplete", fulfillment={"methods": [method(None)]}), release.date)
    talk.merchant.on(f"PUT {SESSION}", says(unchosen), says(ready))
    talk.merchant.on(f"POST {SESSION}/complete", says(done))
    assert isinstance(talk.place(), Placed)
    (create,) = talk.merchant.sent(f"POST {API}/checkout-sessions")
    first, second = (json.loads(sent.content) for sent in talk.merchant.sent(f"PUT {SESSION}"))
    (complete,) = talk.merchant.sent(f"POST {SESSION}/complete")
    january = release.date == "2026-01-23"
    assert ("fulfillment" not in json.loads(create.content)) is january
    assert (first["fulfillment"]["methods"][0].get("id") == "shipping") is january
    group = second["fulfillment"]["methods"][0]["groups"][0]
    assert (group.get("line_item_ids") == ["li-1"]) is january
    assert ("risk_signals" in json.loads(complete.content)) is january


def test_january_requests_carry_a_detached_signature(talk: Conversation) -> None:
    """Over the very bytes, checked here as its shops check webhooks."""
    ready = of_release(checkout(), "2026-01-23")
    talk.merchant.on(DISCOVER, says(of_release(profile(), "2026-01-23")))
    talk.merchant.on(f"POST {API}/checkout-sessions", says(ready, 201)).on(f"GET {SESSION}", says(ready))
    signer = Signer("k", ec.generate_private_key(ec.SECP256R1()))
    key = public_jwk(signer)
    ours = Signer(key["kid"], signer.key)
    shop = UcpRetailer(
        Account(SITE, "pay-1", "tok"), talk.client, lambda: talk.moment, Identity(HOME, lambda: ours)
    )
    assert isinstance(shop.quote(talk.need, talk.journal), Quote)
    (create,) = talk.merchant.sent(f"POST {API}/checkout-sessions")
    token = create.headers["Request-Signature"]
    assert verify_detached(token, create.content, [key]) == key["kid"]
    assert "signature-input" not in create.headers


@pytest.mark.parametrize("code", ["key_not_found", "signature_invalid"])
def test_a_shop_that_cannot_find_our_key_gets_the_same_bytes_unsigned(talk: Conversation, code: str) -> None:
    """It has done nothing yet. Any other refusal of a signature stays one."""
    signer = Signer("k", ec.generate_private_key(ec.SECP256R1()))
    create = f"POST {API}/checkout-sessions"
    talk.merchant.on(create, says({"code": code, "content": "who?"}, 401), says(checkout(), 201))
    identity = Identity(HOME, lambda: signer)
    shop = UcpRetailer(Account(SITE, "pay-1", "tok"), talk.client, lambda: talk.moment, identity)
    outcome = shop.quote(talk.need, talk.journal)
    sent = talk.merchant.sent(create)
    if code == "key_not_found":
        assert isinstance(outcome, Quote)
        assert [("signature" in request.headers) for request in sent] == [True, False]
        assert len({(request.content, request.headers["Idempotency-Key"]) for request in sent}) == 1
    else:
        assert isinstance(outcome, Trouble)
        assert len(sent) == 1


@pytest.mark.parametrize(
    ("status", "said", "problem"),
    [
        (400, "Insufficient stock for item det-1kg", Problem.OUT_OF_STOCK),
        (400, "Product det-1kg not found", Problem.ITEM_UNAVAILABLE),
        (404, "Item not found", Problem.ITEM_UNAVAILABLE),
        (400, "the wind is not right", Problem.RETAILER_REFUSED),
    ],
)
def test_january_says_in_words_what_is_missing(
    talk: Conversation, status: int, said: str, problem: Problem
) -> None:
    """Without a code; and another product of the slot's list may help."""
    talk.merchant.on(f"POST {API}/checkout-sessions", says({"detail": said, "code": "INVALID"}, status))
    trouble = talk.quote()
    assert isinstance(trouble, Trouble)
    assert trouble.problem is problem


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b'{"detail": [{"loc": ["body", "x"], "msg": "Field required"}]}', "Field required"),
        (b"\xe2\x9c\x96 Invalid input\n  at currency", "Invalid input at currency"),
        (b'{"message": "no such thing"}', "no such thing"),
        (b"<html><h1>Oops</h1></html>", "422"),
        (b"", "422"),
        (b"\xff\xfe\x00", "422"),
    ],
)
def test_a_refusal_in_any_shape_is_told_in_the_shops_words(
    talk: Conversation, answer: bytes, said: str
) -> None:
    """Web frameworks answer bad input in their own ways; a bare number helps nobody."""
    talk.merchant.on(f"POST {API}/checkout-sessions", says(answer, 422))
    trouble = talk.quote()
    assert isinstance(trouble, Trouble)
    assert said in trouble.detail
    assert "<" not in trouble.detail
