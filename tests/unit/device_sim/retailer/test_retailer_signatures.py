"""Signatures both ways: what the shop signs can be verified, and what does not verify gets nowhere."""

import base64
import json

import pytest

from tests.fakes.es256 import Signer, covered, digest_of, verifies

PROFILE_URL = "https://platform.test/.well-known/ucp"
HOOK = {"@method": "POST", "@authority": "platform.test", "@path": "/webhooks/ucp"}


def signed(signer, method, path, body, key="k-1", leave_out=(), parameters=""):
    """The headers of a signed request, without the components in `leave_out`."""
    headers = {"UCP-Agent": f'profile="{PROFILE_URL}"', "Content-Type": "application/json"}
    values = {"@method": method, "@authority": "shop.test", "@path": path, "ucp-agent": headers["UCP-Agent"]}
    if method != "GET":
        headers |= {"Idempotency-Key": key, "Content-Digest": digest_of(body)}
        values |= {"idempotency-key": key, "content-digest": headers["Content-Digest"]}
        values |= {"content-type": headers["Content-Type"]}
    kept = {name: value for name, value in values.items() if name not in leave_out}
    return headers | signer.headers(kept, parameters)


async def send(client, headers, body, path="/checkout-sessions"):
    return await client.http.request("POST", path, content=body, headers=headers)


@pytest.fixture
def body(a_cart) -> bytes:
    return json.dumps(a_cart()).encode()


async def published(client):
    return (await client.get("/.well-known/ucp")).json()["signing_keys"]


async def test_a_well_signed_request_is_served(client, platform, body):
    answer = await send(client, signed(platform.signer, "POST", "/checkout-sessions", body), body)
    assert answer.status_code == 201


async def test_more_may_be_covered_than_must_be(client, platform, body):
    headers = {"UCP-Agent": f'profile="{PROFILE_URL}"', "Content-Type": "application/json"}
    headers |= {"Idempotency-Key": "k-1", "Content-Digest": digest_of(body), "Request-Id": "r-1"}
    values = {
        "@target-uri": "http://shop.test/checkout-sessions",
        "@method": "POST",
        "@authority": "shop.test",
        "@scheme": "http",
        "@path": "/checkout-sessions",
        "@request-target": "/checkout-sessions",
    } | {name.lower(): value for name, value in headers.items()}
    answer = await send(client, headers | platform.signer.headers(values, ";created=1790000000"), body)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        (
            lambda h, b: h | {"Signature": "s=:" + base64.b64encode(bytes(64)).decode() + ":"},
            401,
            "signature_invalid",
        ),
        (lambda h, b: {k: v for k, v in h.items() if k != "Signature"}, 401, "signature_missing"),
        (lambda h, b: {k: v for k, v in h.items() if k != "Signature-Input"}, 401, "signature_missing"),
        (lambda h, b: h | {"Signature-Input": "s=nonsense"}, 401, "signature_invalid"),
        (lambda h, b: h | {"Signature": "another=:AAAA:"}, 401, "signature_missing"),
        (lambda h, b: h | {"Idempotency-Key": "another"}, 401, "signature_invalid"),
        (lambda h, b: h | {"Content-Digest": digest_of(b"another")}, 400, "digest_mismatch"),
        (lambda h, b: h | {"Content-Type": "text/plain"}, 401, "signature_invalid"),
    ],
)
async def test_a_badly_signed_request_has_no_effect(client, platform, body, change, status, code):
    headers = change(signed(platform.signer, "POST", "/checkout-sessions", body), body)
    answer = await send(client, headers, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert client.shop.store.rows("SELECT id FROM sessions") == []


@pytest.mark.parametrize(
    "name",
    ["@method", "@authority", "@path", "ucp-agent", "idempotency-key", "content-digest", "content-type"],
)
async def test_a_signature_that_says_too_little_is_refused(client, platform, body, name):
    headers = signed(platform.signer, "POST", "/checkout-sessions", body, leave_out=(name,))
    answer = await send(client, headers, body)
    assert (answer.status_code, answer.json()["code"]) == (401, "signature_missing")


async def test_a_body_that_changed_on_the_way_is_refused(client, platform, body):
    headers = signed(platform.signer, "POST", "/checkout-sessions", body)
    answer = await send(client, headers, body.replace(b'"quantity": 2', b'"quantity": 9'))
    assert (answer.status_code, answer.json()["code"]) == (400, "digest_mismatch")


async def test_a_signature_for_another_path_is_refused(client, platform, body):
    headers = signed(platform.signer, "POST", "/checkout-sessions/chk_1/complete", body)
    assert (await send(client, headers, body)).json()["code"] == "signature_invalid"


async def test_an_expired_signature_is_refused(client, platform, body, clock):
    for seconds, status in ((60, 201), (-1, 401)):
        parameters = f";expires={int(clock.at_s) + seconds}"
        headers = signed(platform.signer, "POST", "/checkout-sessions", body, parameters=parameters)
        assert (await send(client, headers, body)).status_code == status


async def test_a_key_that_is_not_published_is_refused_and_looked_for_once_a_minute(client, platform, body):
    stranger = Signer("nobody-knows-it")
    await client.create({"line_items": []})  # the profile is in the cache now
    fetched = platform.profile_fetches
    for _ in range(3):
        answer = await send(client, signed(stranger, "POST", "/checkout-sessions", body), body)
        assert (answer.status_code, answer.json()["code"]) == (401, "key_not_found")
    assert platform.profile_fetches == fetched + 1


async def test_a_key_published_since_the_last_look_is_found(client, platform, body):
    await client.create({"line_items": []})
    newer = Signer("platform-2")
    platform.published = [newer.jwk, *platform.published]
    answer = await send(client, signed(newer, "POST", "/checkout-sessions", body), body)
    assert answer.status_code == 201


async def test_a_key_of_another_kind_is_an_unsupported_algorithm(client, platform, body):
    platform.published = [{"kid": "platform-1", "kty": "OKP", "crv": "Ed25519", "x": "AA"}]
    answer = await send(client, signed(platform.signer, "POST", "/checkout-sessions", body), body)
    assert (answer.status_code, answer.json()["code"]) == (400, "algorithm_unsupported")


async def test_order_reads_can_be_made_to_need_a_signature(client, platform):
    order_id = await client.order()
    await client.http.post("/testing/faults", json={"signatures": "orders"})
    assert (await client.get(f"/orders/{order_id}")).json()["code"] == "signature_missing"
    headers = signed(platform.signer, "GET", f"/orders/{order_id}", b"")
    read = await client.http.get(f"/orders/{order_id}", headers=headers)
    assert read.json()["id"] == order_id
    assert (await client.create({"line_items": []})).json()["code"] == "invalid_request"


async def test_every_answer_is_signed_with_a_published_key(client, a_cart):
    for answer in (await client.create(a_cart()), await client.get(f"/orders/{await client.order()}")):
        (jwk,) = await published(client)
        assert covered(answer.headers) == ["@status", "content-digest", "content-type"]
        assert answer.headers["Content-Digest"] == digest_of(answer.content)
        assert verifies(jwk, {"@status": str(answer.status_code)}, answer.headers)


async def test_every_webhook_is_signed_over_all_that_matters(client, platform):
    await client.order()
    await client.shop.tick()
    (sent,) = platform.received
    (jwk,) = await published(client)
    assert set(covered(sent.headers)) == {
        *("@method", "@authority", "@path", "ucp-agent", "idempotency-key", "content-digest", "content-type"),
        *("webhook-id", "webhook-timestamp"),
    }
    derived = HOOK | {"@path": sent.url.path}
    assert sent.headers["Content-Digest"] == digest_of(sent.content)
    assert verifies(jwk, derived, sent.headers)
    assert not verifies(jwk, derived | {"@authority": "another.test"}, sent.headers)


async def test_a_rotated_key_stays_published_for_a_week_and_a_compromised_one_does_not(client, clock):
    (first,) = await published(client)
    second = (await client.http.post("/testing/keys/rotate", json={})).json()["kid"]
    assert [key["kid"] for key in await published(client)] == [second, first["kid"]]
    clock.pass_hours(7 * 24 + 1)
    assert [key["kid"] for key in await published(client)] == [second]
    third = (await client.http.post("/testing/keys/rotate", json={"compromised": True})).json()["kid"]
    assert [key["kid"] for key in await published(client)] == [third]


@pytest.mark.parametrize("kind", ["unsigned", "forged", "wrong_key", "tampered", "stale"])
async def test_a_bad_copy_of_a_webhook_comes_first_and_the_true_one_follows(client, platform, kind):
    await client.http.post("/testing/faults", json={"webhooks": {kind: 1.0}})
    order_id = await client.order()
    while await client.shop.tick():
        pass
    bad, good = platform.received
    (jwk,) = await published(client)
    derived = HOOK | {"@path": good.url.path}

    def genuine(sent) -> bool:
        return (
            "Signature" in sent.headers
            and digest_of(sent.content) == sent.headers["Content-Digest"]
            and f'keyid="{jwk["kid"]}"' in sent.headers["Signature-Input"]
            and verifies(jwk, derived, sent.headers)
        )

    assert genuine(good)
    assert json.loads(good.content)["id"] == order_id
    assert bad.headers["Webhook-Id"] == good.headers["Webhook-Id"]
    if kind == "stale":
        late_s = int(good.headers["Webhook-Timestamp"]) - int(bad.headers["Webhook-Timestamp"])
        assert (genuine(bad), late_s) == (True, 24 * 3600)
    else:
        assert not genuine(bad)


async def test_webhooks_are_replayed_lost_and_reordered_on_demand(client, platform):
    await client.http.post("/testing/faults", json={"webhooks": {"replayed": 1.0}})
    await client.order()
    while await client.shop.tick():
        pass
    assert len({(sent.headers["Webhook-Id"], sent.content) for sent in platform.received}) == 1
    assert len(platform.received) == 2

    platform.received.clear()
    await client.http.post("/testing/faults", json={"webhooks": {"reordered": 1.0}})
    order_id = await client.order()
    await client.http.post("/testing/faults", json={"webhooks": {}})
    await client.http.post(f"/testing/ship/{order_id}")
    while await client.shop.tick():
        pass
    events = [len(json.loads(sent.content)["fulfillment"]["events"]) for sent in platform.received]
    assert events == [1, 0, 2], "the first event's delivery was overtaken"

    platform.received.clear()
    await client.http.post("/testing/faults", json={"webhooks": {"lost": 1.0}})
    await client.order()
    assert await client.shop.tick() == 0
    assert platform.received == []
