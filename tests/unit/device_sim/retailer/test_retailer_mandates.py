"""AP2 at the shop: every checkout is signed, and no order comes about without the household's mandate."""

import copy
import hashlib
import json

import pytest

from tests.fakes.es256 import Signer, b64u, is_signed_by, unb64u

AP2 = "ap2_mandate"


@pytest.fixture
def ap2(platform):
    platform.capabilities = (*platform.capabilities, AP2)


def jcs(value) -> bytes:
    """Good enough for documents whose names are plain ASCII."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def jws(signer: Signer, claims: dict, **header) -> str:
    head = b64u(json.dumps({"alg": "ES256", "kid": signer.kid} | header).encode())
    signed = f"{head}.{b64u(json.dumps(claims).encode())}"
    return f"{signed}.{b64u(signer.sign(signed.encode()))}"


def checkout_jwt(session: dict) -> str:
    head, _, signature = session["ap2"]["merchant_authorization"].partition("..")
    terms = {name: value for name, value in session.items() if name != "ap2"}
    return f"{head}.{b64u(jcs(terms))}.{signature}"


def closed_claims(session: dict, **more) -> dict:
    jwt = checkout_jwt(session)
    digest = b64u(hashlib.sha256(jwt.encode()).digest())
    return {"vct": "mandate.checkout.1", "checkout_jwt": jwt, "checkout_hash": digest} | more


def disclosed(value) -> tuple[str, str]:
    text = b64u(json.dumps(["c2FsdA", value]).encode())
    return text, b64u(hashlib.sha256(text.encode()).digest())


async def complete(client, payment, session, mandate):
    body = payment() | ({"ap2": {"checkout_mandate": mandate}} if mandate else {})
    return await client.send("POST", f"/checkout-sessions/{session['id']}/complete", body)


@pytest.fixture
async def session(client, ap2, a_cart):
    return (await client.create(a_cart())).json()


async def test_every_checkout_answer_carries_the_shops_signature_over_the_rest(client, session, a_cart):
    (jwk,) = (await client.get("/.well-known/ucp")).json()["signing_keys"]
    updated = await client.send("PUT", f"/checkout-sessions/{session['id']}", a_cart(quantity=3))
    for answer in (session, (await client.get(f"/checkout-sessions/{session['id']}")).json(), updated.json()):
        head, nothing, signature = answer["ap2"]["merchant_authorization"].split(".")
        assert json.loads(unb64u(head)) == {"alg": "ES256", "kid": jwk["kid"]}
        terms = {name: value for name, value in answer.items() if name != "ap2"}
        assert nothing == ""
        assert is_signed_by(jwk, f"{head}.{b64u(jcs(terms))}".encode(), unb64u(signature))
    assert "dev.ucp.shopping.ap2_mandate" in session["ucp"]["capabilities"]


async def test_a_platform_without_the_extension_gets_no_authorization_and_needs_no_mandate(client, a_cart):
    session = (await client.create(a_cart())).json()
    assert "ap2" not in session
    assert (await client.complete(session["id"])).json()["status"] == "completed"


@pytest.mark.parametrize("form", ["checkout_jwt", "checkout", "disclosed"])
async def test_a_mandate_of_the_platforms_key_completes(client, platform, session, a_payment, form):
    claims = closed_claims(session)
    mandate = jws(platform.signer, claims)
    if form == "checkout":
        mandate = jws(platform.signer, {"vct": claims["vct"], "checkout": session})
    elif form == "disclosed":
        text, digest = disclosed(claims)
        mandate = f"{jws(platform.signer, {'delegate_payload': [{'...': digest}]})}~{text}"
    answer = await complete(client, a_payment, session, mandate)
    assert answer.json()["status"] == "completed", answer.text
    assert "merchant_authorization" in answer.json()["ap2"]


def chain(household: Signer, agent: Signer, session: dict, constraints: list, **terminal) -> str:
    """An open mandate that the household signed once, and the closed one that its agent made of it."""
    opened = {"vct": "mandate.checkout.open.1", "constraints": constraints, "cnf": {"jwk": agent.jwk}}
    text, digest = disclosed(opened)
    root = f"{jws(household, {'delegate_payload': [{'...': digest}]})}~{text}~"
    claims = {
        "delegate_payload": [closed_claims(session)],
        "aud": "http://shop.test",
        "sd_hash": b64u(hashlib.sha256(root.encode()).digest()),
    } | terminal
    return f"{root}~{jws(agent, claims, typ='kb+sd-jwt')}"


def for_items(*ids: str, quantity: int = 2) -> dict:
    items = [{"id": item_id, "title": item_id} for item_id in ids]
    return {
        "type": "checkout.line_items",
        "items": [{"id": "x", "acceptable_items": items, "quantity": quantity}],
    }


HERE = {"type": "checkout.allowed_merchants", "allowed": [{"name": "S", "website": "http://shop.test"}]}
ELSEWHERE = {"type": "checkout.allowed_merchants", "allowed": [{"name": "E", "website": "https://e.test"}]}


async def test_an_agent_closes_what_the_household_opened(client, platform, session, a_payment):
    mandate = chain(platform.signer, Signer("agent"), session, [HERE, for_items("det-1500", "det-3000")])
    answer = await complete(client, a_payment, session, mandate)
    assert answer.json()["status"] == "completed", answer.text


@pytest.mark.parametrize(
    ("constraints", "terminal", "code"),
    [
        ([ELSEWHERE], {}, "mandate_scope_mismatch"),
        ([for_items("toner-black")], {}, "mandate_scope_mismatch"),
        ([for_items("det-1500", quantity=1)], {}, "mandate_scope_mismatch"),
        ([{"type": "checkout.weather"}], {}, "mandate_scope_mismatch"),
        ([HERE], {"aud": "https://e.test"}, "mandate_scope_mismatch"),
        ([HERE], {"sd_hash": "AAAA"}, "mandate_invalid_signature"),
        ([HERE], {"exp": 1_700_000_000}, "mandate_expired"),
    ],
)
async def test_an_agent_cannot_go_beyond_it(
    client, platform, session, a_payment, constraints, terminal, code
):
    mandate = chain(platform.signer, Signer("agent"), session, constraints, **terminal)
    answer = await complete(client, a_payment, session, mandate)
    assert (answer.status_code, answer.json()["code"]) == (403, code)
    assert (await client.get("/testing/orders")).json() == []


async def test_an_agent_with_another_key_is_refused(client, platform, session, a_payment):
    mandate = chain(platform.signer, Signer("agent"), session, [HERE])
    root, _, _ = mandate.rpartition("~~")
    bound = b64u(hashlib.sha256(f"{root}~".encode()).digest())
    claims = {"delegate_payload": [closed_claims(session)], "sd_hash": bound}
    answer = await complete(client, a_payment, session, f"{root}~~{jws(Signer('agent'), claims)}")
    assert answer.json()["code"] == "mandate_invalid_signature"


async def test_what_is_wrong_with_a_mandate_is_said_and_nothing_is_ordered(
    client, platform, session, a_payment, a_cart
):
    other = (await client.create(a_cart(quantity=1))).json()
    cheaper = copy.deepcopy(session)
    cheaper["totals"][-1]["amount"] -= 100
    stolen = closed_claims(session) | {"checkout_hash": "AAAA"}
    own = platform.signer
    cases = {
        None: "mandate_required",
        "not.a.chain~": "mandate_invalid_signature",
        jws(Signer("platform-1"), closed_claims(session)): "mandate_invalid_signature",
        jws(Signer("stranger"), closed_claims(session)): "mandate_invalid_signature",
        jws(own, closed_claims(session), alg="none"): "mandate_invalid_signature",
        jws(own, closed_claims(session, exp=1_789_999_999)): "mandate_expired",
        jws(own, closed_claims(session) | {"vct": "mandate.payment.1"}): "mandate_scope_mismatch",
        jws(own, closed_claims(other)): "mandate_scope_mismatch",
        jws(own, stolen): "mandate_scope_mismatch",
        jws(own, {"vct": "mandate.checkout.1"}): "merchant_authorization_missing",
        jws(own, {"vct": "mandate.checkout.1", "checkout": session | {"ap2": {}}}): (
            "merchant_authorization_missing"
        ),
        jws(own, {"vct": "mandate.checkout.1", "checkout": cheaper}): "merchant_authorization_invalid",
    }
    for mandate, code in cases.items():
        answer = await complete(client, a_payment, session, mandate)
        assert (answer.status_code, answer.json()["code"]) == (403, code)
    assert (await client.get("/testing/orders")).json() == []
    platform.published = []
    client.shop.store.run("DELETE FROM profiles")
    answer = await complete(client, a_payment, session, jws(own, closed_claims(session)))
    assert answer.json()["code"] == "agent_missing_key"


async def test_a_price_that_changed_after_the_mandate_makes_it_about_another_checkout(
    client, platform, session, a_payment
):
    await client.http.post("/testing/price", json={"item_id": "det-1500", "price_minor": 999})
    answer = await complete(client, a_payment, session, jws(platform.signer, closed_claims(session)))
    assert answer.json()["code"] == "mandate_scope_mismatch"
    seen = (await client.get(f"/checkout-sessions/{session['id']}")).json()
    answer = await complete(client, a_payment, seen, jws(platform.signer, closed_claims(seen)))
    assert answer.json()["status"] == "completed"


@pytest.mark.parametrize(
    "opened",
    [
        {"constraints": 7},
        {"constraints": ["free"]},
        {"constraints": [{"type": "checkout.allowed_merchants", "allowed": [{"website": None}]}]},
        {"constraints": [{"type": "checkout.line_items", "items": [{"quantity": "two"}]}]},
        {"constraints": [{"type": "checkout.line_items", "items": [{"acceptable_items": 3}]}]},
        {"_sd": 5},
        {"_sd": [{"not": "a digest"}]},
        {"cnf": {"jwk": {"kty": "EC", "crv": "P-256", "x": 1, "y": []}}},
        {"exp": []},
    ],
)
async def test_a_mandate_of_the_wrong_shape_is_refused_and_breaks_nothing(
    client, platform, session, a_payment, opened
):
    agent = Signer("agent")
    claims = {"vct": "mandate.checkout.open.1", "constraints": [HERE], "cnf": {"jwk": agent.jwk}} | opened
    root = f"{jws(platform.signer, claims)}~"
    bound = b64u(hashlib.sha256(root.encode()).digest())
    terminal = {"delegate_payload": [closed_claims(session)], "sd_hash": bound}
    answer = await complete(client, a_payment, session, f"{root}~{jws(agent, terminal)}")
    if "exp" in opened:
        assert answer.json()["status"] == "completed", "a time that is none says nothing"
        return
    assert answer.status_code == 403
    assert (await client.get("/testing/orders")).json() == []


SHOP = {"id": "http://shop.test", "name": "S", "website": "http://shop.test/"}
SOON = 4_000_000_000


def total_of(session: dict) -> int:
    return next(entry["amount"] for entry in session["totals"] if entry["type"] == "total")


def paying(
    household: Signer,
    agent: Signer,
    session: dict,
    checkout_mandate: str,
    limits: list,
    content: dict,
    **terminal,
) -> str:
    """A payment mandate: what the household opened, and what its agent closed for this checkout."""
    root = checkout_mandate.partition("~~")[0] + "~"
    reference = {
        "type": "payment.reference",
        "conditional_transaction_id": b64u(hashlib.sha256(root.encode()).digest()),
    }
    constraints = [reference, *limits]
    opened = {"vct": "mandate.payment.open.1", "constraints": constraints, "cnf": {"jwk": agent.jwk}}
    text, digest = disclosed(opened)
    before = f"{jws(household, {'delegate_payload': [{'...': digest}]})}~{text}~"
    closed = {
        "vct": "mandate.payment.1",
        "transaction_id": closed_claims(session)["checkout_hash"],
        "payee": SHOP,
        "payment_amount": {"amount": total_of(session), "currency": "EUR"},
        "payment_instrument": {"id": "success_token", "type": "card"},
        "exp": SOON,
    } | content
    claims = {
        "delegate_payload": [closed],
        "aud": "http://shop.test",
        "nonce": session["id"],
        "sd_hash": b64u(hashlib.sha256(before.encode()).digest()),
    } | terminal
    return f"{before}~{jws(agent, claims, typ='kb+sd-jwt')}"


def within(most: int, currency: str = "EUR") -> dict:
    return {"type": "payment.amount_range", "currency": currency, "min": 0, "max": most}


async def pay(client, platform, session, a_payment, limits=(), content=None, **terminal):
    """Complete with both mandates, of which only the payment may be wrong."""
    agent = Signer("agent")
    mandate = chain(platform.signer, agent, session, [HERE])
    token = paying(platform.signer, agent, session, mandate, list(limits), content or {}, **terminal)
    body = a_payment(token) | {"ap2": {"checkout_mandate": mandate}}
    return await client.send("POST", f"/checkout-sessions/{session['id']}/complete", body)


@pytest.mark.parametrize(
    "limits",
    [
        [],
        [within(10**6)],
        [{"type": "payment.budget", "currency": "EUR", "max": 9000}],
        [{"type": "payment.allowed_payees", "allowed": [{"id": "http://shop.test"}]}],
        [{"type": "payment.allowed_payment_instruments", "allowed": [{"id": "success_token"}]}],
        [{"type": "payment.agent_recurrence", "frequency": "ON_DEMAND", "max_occurrences": 1}],
    ],
)
async def test_a_payment_inside_what_the_household_opened_pays(client, platform, session, a_payment, limits):
    answer = await pay(client, platform, session, a_payment, limits)
    assert answer.json()["status"] == "completed", answer.text


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"content": {"payment_amount": {"amount": 1, "currency": "EUR"}}}, "mandate_scope_mismatch"),
        ({"content": {"payee": {"id": "https://e.test"}}}, "mandate_scope_mismatch"),
        ({"content": {"payee": None}}, "mandate_scope_mismatch"),
        ({"content": {"exp": 1_700_000_000}}, "mandate_expired"),
        ({"content": {"exp": None}}, "mandate_scope_mismatch"),
        ({"content": {"iat": SOON}}, "mandate_invalid_signature"),
        ({"content": {"transaction_id": "another"}}, "mandate_scope_mismatch"),
        ({"content": {"vct": "mandate.checkout.1"}}, "mandate_scope_mismatch"),
        ({"content": {"payment_instrument": {}}}, "mandate_scope_mismatch"),
        ({"nonce": "chk_other"}, "mandate_scope_mismatch"),
        ({"nonce": None}, "mandate_scope_mismatch"),
        ({"aud": "https://e.test"}, "mandate_scope_mismatch"),
        ({"sd_hash": "AAAA"}, "mandate_invalid_signature"),
        ({"limits": [within(1)]}, "mandate_scope_mismatch"),
        ({"limits": [within(10**6, "USD")]}, "mandate_scope_mismatch"),
        ({"limits": [{"type": "payment.budget", "currency": "EUR", "max": 0.5}]}, "mandate_scope_mismatch"),
        ({"limits": [{"type": "payment.allowed_payees", "allowed": []}]}, "mandate_scope_mismatch"),
        (
            {"limits": [{"type": "payment.allowed_payment_instruments", "allowed": [{"id": "x"}]}]},
            "mandate_scope_mismatch",
        ),
        (
            {"limits": [{"type": "payment.reference", "conditional_transaction_id": "another"}]},
            "mandate_scope_mismatch",
        ),
        ({"limits": [{"type": "payment.weather"}]}, "mandate_scope_mismatch"),
        ({"limits": [{"type": "payment.amount_range"}]}, "mandate_scope_mismatch"),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else None,
)
async def test_a_payment_that_is_for_something_else_pays_nothing(
    client, platform, session, a_payment, wrong, code
):
    answer = await pay(client, platform, session, a_payment, **wrong)
    assert (answer.status_code, answer.json()["code"]) == (403, code)
    assert (await client.get("/testing/orders")).json() == []


async def test_a_payment_by_a_key_that_the_household_did_not_confirm_pays_nothing(
    client, platform, session, a_payment
):
    agent, thief = Signer("agent"), Signer("agent")
    mandate = chain(platform.signer, agent, session, [HERE])
    token = paying(platform.signer, agent, session, mandate, [], {})
    head, _, _ = token.rpartition(".")
    forged = f"{head}.{b64u(thief.sign(head.rpartition('~')[2].encode()))}"
    body = a_payment(forged) | {"ap2": {"checkout_mandate": mandate}}
    answer = await client.send("POST", f"/checkout-sessions/{session['id']}/complete", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "mandate_invalid_signature")


async def test_a_payment_is_for_one_checkout_and_not_for_the_next(
    client, platform, session, a_payment, a_cart
):
    agent = Signer("agent")
    token = paying(platform.signer, agent, session, chain(platform.signer, agent, session, [HERE]), [], {})
    second = (await client.create(a_cart())).json()
    body = a_payment(token) | {"ap2": {"checkout_mandate": chain(platform.signer, agent, second, [HERE])}}
    answer = await client.send("POST", f"/checkout-sessions/{second['id']}/complete", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "mandate_scope_mismatch")
