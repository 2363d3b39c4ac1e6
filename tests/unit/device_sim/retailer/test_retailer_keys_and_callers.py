"""Idempotency keys, who is calling, and the profile on both sides."""

import asyncio

import httpx
import pytest
from ucp_sdk.models.schemas.ucp import BusinessSchema

KEY = "5f0c6a52-2b6d-4f6e-9a41-2a4a2d6f1c11"


async def test_a_replay_has_the_same_status_and_bytes(client, a_cart):
    first = await client.create(a_cart(), KEY)
    again = await client.create(a_cart(), KEY)
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert first.status_code == 201
    completed = await client.complete(first.json()["id"], key="k-complete")
    assert (await client.complete(first.json()["id"], key="k-complete")).content == completed.content
    orders = (await client.get("/testing/orders")).json()
    assert [order["idempotency_key"] for order in orders] == ["k-complete"]


async def test_a_key_used_for_anything_else_is_a_conflict(client, a_cart):
    first = await client.create(a_cart(), KEY)
    assert (await client.create(a_cart(quantity=3), KEY)).status_code == 409
    path = f"/checkout-sessions/{first.json()['id']}"
    assert (await client.send("PUT", path, a_cart(), KEY)).status_code == 200, "unique per kind of operation"
    other = (await client.create(a_cart(), "another")).json()["id"]
    other_target = await client.send("PUT", f"/checkout-sessions/{other}", a_cart(), KEY)
    assert (other_target.status_code, other_target.json()["code"]) == (409, "idempotency_key_reused")


async def test_a_key_of_one_platform_is_nothing_to_another(client, a_cart):
    mine = await client.create(a_cart(), KEY)
    client.http.headers["UCP-Agent"] = 'profile="https://another.test/.well-known/ucp"'
    theirs = await client.create(a_cart(), KEY)
    assert theirs.status_code == 201
    assert theirs.json()["id"] != mine.json()["id"]


async def test_bytes_are_compared_not_meaning(client):
    body = b'{"line_items":[{"item":{"id":"det-750"},"quantity":1}]}'
    headers = {"Idempotency-Key": KEY}
    assert (await client.http.post("/checkout-sessions", content=body, headers=headers)).status_code == 201
    spaced = body.replace(b":", b": ")
    assert (await client.http.post("/checkout-sessions", content=spaced, headers=headers)).status_code == 409


async def test_the_same_key_at_the_same_time_acts_once(client):
    session_id = await client.ready()
    answers = await asyncio.gather(*(client.complete(session_id, key=KEY) for _ in range(8)))
    assert len({answer.content for answer in answers}) == 1
    assert len((await client.get("/testing/orders")).json()) == 1


async def test_a_missing_key_is_refused_and_a_refused_request_keeps_no_key(client, a_cart):
    answer = await client.http.post("/checkout-sessions", json=a_cart())
    assert (answer.status_code, answer.json()["code"]) == (400, "missing_idempotency_key")
    assert (await client.create({}, KEY)).status_code == 400
    assert (await client.create(a_cart(), KEY)).status_code == 201


async def test_a_key_lives_for_a_day_at_least(client, clock, a_cart):
    first = await client.create(a_cart(), KEY)
    clock.pass_hours(24.1)
    assert (await client.create(a_cart(), KEY)).content == first.content
    clock.pass_hours(24.1)
    assert (await client.create(a_cart(), KEY)).content != first.content


async def test_a_shop_can_be_told_to_forget_keys(client, clock, a_cart):
    first = await client.create(a_cart(), KEY)
    await client.http.post("/testing/faults", json={"honours_keys": False})
    assert (await client.create(a_cart(), KEY)).json()["id"] != first.json()["id"]
    await client.http.post("/testing/faults", json={"key_lifetime_s": 60})
    second = await client.create(a_cart(), KEY)
    clock.pass_hours(0.1)
    assert (await client.create(a_cart(), KEY)).json()["id"] != second.json()["id"]


async def test_the_shop_publishes_a_cacheable_profile(client):
    answer = await client.get("/.well-known/ucp")
    profile = BusinessSchema.model_validate(answer.json()["ucp"])
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert profile.services["dev.ucp.shopping"][0].endpoint is not None
    assert profile.payment_handlers["com.example.sandbox_pay"][0].id == "sandbox_pay"


@pytest.mark.parametrize(
    "header",
    [None, "", "profile=https://a.test", 'profile="http://a.test/x"', 'profile="file:///etc/passwd"'],
)
async def test_a_caller_must_name_a_profile(client, header):
    request = client.http.build_request("GET", "/checkout-sessions/x")
    request.headers.pop("UCP-Agent")
    if header is not None:
        request.headers["UCP-Agent"] = header
    answer = await client.http.send(request)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_profile_url")


@pytest.mark.parametrize(
    ("profile", "status", "code"),
    [
        (httpx.Response(503), 424, "profile_unreachable"),
        (httpx.Response(302, headers={"Location": "https://elsewhere.test"}), 424, "profile_unreachable"),
        (httpx.Response(200, content=b"hello"), 422, "profile_malformed"),
        (httpx.Response(200, json={"ucp": {"version": 4}}), 422, "profile_malformed"),
        (
            httpx.Response(200, json={"ucp": {"version": "2026-04-08", "capabilities": []}}),
            422,
            "profile_malformed",
        ),
        (httpx.Response(200, content=b" " * (1024 * 1024 + 1)), 422, "profile_malformed"),
        (httpx.Response(200, json={"ucp": {"version": "2026-01-11"}}), 422, "version_unsupported"),
    ],
)
async def test_a_profile_that_will_not_do_is_refused(client, platform, a_cart, profile, status, code):
    platform.profile_answer = profile
    answer = await client.create(a_cart())
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_capabilities_must_meet(client, platform, a_cart):
    platform.capabilities = ("order",)
    answer = await client.create(a_cart())
    assert answer.status_code == 200
    assert answer.json()["ucp"]["status"] == "error"
    assert answer.json()["messages"][0]["code"] == "capabilities_incompatible"


async def test_an_extension_without_its_parent_is_not_active(client, platform):
    platform.capabilities = ("fulfillment", "catalog.search")
    answer = await client.http.post("/catalog/search", json={"query": "toner"})
    assert answer.status_code == 200
    found = await client.shop.platforms.identify(client.http.headers["UCP-Agent"])
    assert found.active == ("dev.ucp.shopping.catalog.search",)


async def test_a_profile_is_fetched_once_and_kept_when_it_goes_away(client, platform, a_cart):
    await client.create(a_cart())
    await client.create(a_cart())
    assert platform.profile_fetches == 1
    client.shop.store.run("UPDATE profiles SET fresh_until_wall_s = 0")
    platform.profile_answer = httpx.Response(500)
    assert (await client.create(a_cart())).status_code == 201
    assert platform.profile_fetches == 2
