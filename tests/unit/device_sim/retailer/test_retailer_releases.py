"""The older and the newer release: found through the profile, and in their own shapes on the wire."""

import json

import pytest

from tests.fakes.es256 import is_signed_by, unb64u

OLD, NOW, NEW = "2026-01-23", "2026-04-08", "2026-08-25"


@pytest.fixture
def speaks(platform):
    def change(version: str) -> None:
        platform.version = version
        platform.keys_field = "keys" if version == NEW else "signing_keys"

    return change


async def leaf(client, version):
    primary = (await client.get("/.well-known/ucp")).json()["ucp"]
    url = primary["supported_versions"][version]
    return (await client.http.get(url)).json()


@pytest.mark.parametrize("version", [OLD, NEW])
async def test_the_profile_leads_to_a_leaf_of_each_other_release(client, version):
    document = await leaf(client, version)
    ucp = document["ucp"]
    assert ucp["version"] == version
    assert "supported_versions" not in ucp
    assert {entry["version"] for entries in ucp["capabilities"].values() for entry in entries} == {version}
    assert ucp["services"]["dev.ucp.shopping"][0]["endpoint"] == f"http://shop.test/{version}"
    assert document["keys" if version == NEW else "signing_keys"][0]["crv"] == "P-256"
    assert ("dev.ucp.shopping.catalog.search" in ucp["capabilities"]) is (version == NEW)


@pytest.mark.parametrize("path", ["", f"/{OLD}"])
async def test_a_platform_is_answered_in_its_own_release_wherever_it_asks(client, speaks, a_cart, path):
    speaks(OLD)
    answer = await client.send("POST", f"{path}/checkout-sessions", a_cart())
    assert answer.json()["ucp"]["version"] == OLD
    entries = answer.json()["ucp"]["capabilities"].values()
    assert {entry["version"] for each in entries for entry in each} == {OLD}


async def test_in_january_discounts_are_positive_and_totals_have_no_lines(client, speaks, a_cart):
    speaks(OLD)
    body = a_cart("filter-3", 2) | {"discounts": {"codes": ["WELCOME10", "FILTER50"]}}
    session = (await client.send("POST", "/checkout-sessions", body)).json()
    amounts = {entry["type"]: entry["amount"] for entry in session["totals"]}
    assert amounts["items_discount"] == session["line_items"][0]["discount"] == 100
    assert amounts["discount"] == (3998 - 100) // 10
    assert amounts["total"] == 3998 - 100 - 389 + 390
    assert not any("lines" in entry for entry in session["totals"])
    assert "status" not in session["ucp"]


async def test_in_january_business_failures_are_errors_with_a_detail(
    client, speaks, a_cart, some_lines, a_payment
):
    speaks(OLD)
    unknown = await client.create(some_lines("perpetual-motion"))
    assert (unknown.status_code, unknown.json()["detail"]) == (400, "No such item was found.")
    assert (await client.get("/checkout-sessions/chk_none")).status_code == 404
    session_id = (await client.create(some_lines())).json()["id"]
    path = f"/checkout-sessions/{session_id}"
    assert (await client.complete(session_id)).status_code == 400
    without_id = await client.send("PUT", path, a_cart())
    assert (without_id.status_code, without_id.json()["code"]) == (400, "invalid_request")
    assert (await client.send("PUT", path, a_cart() | {"id": session_id})).status_code == 200
    assert (await client.complete(session_id, "fail_token")).status_code == 402
    assert (await client.complete(session_id)).json()["status"] == "completed"
    assert (await client.complete(session_id)).status_code == 409
    assert (await client.send("POST", f"{path}/cancel")).status_code == 409


async def test_in_january_an_order_counts_without_signs_and_webhooks_carry_a_jws(client, speaks, platform):
    speaks(OLD)
    order_id = await client.order(quantity=3)
    adjusted = await client.http.post(
        f"/{OLD}/testing/orders/{order_id}/adjust", json={"line_item_id": "li_1", "quantity": 1}
    )
    order = (await client.get(f"/orders/{order_id}")).json()
    assert order == adjusted.json()
    assert order["line_items"][0]["quantity"] == {"total": 2, "fulfilled": 0}
    (adjustment,) = order["adjustments"]
    assert (adjustment["amount"], adjustment["line_items"][0]["quantity"]) == (799, 1)
    while await client.shop.tick():
        pass
    (jwk,) = (await leaf(client, OLD))["signing_keys"]
    assert len(platform.received) == 2
    for sent in platform.received:
        protected, nothing, signature = sent.headers["Request-Signature"].split(".")
        header = json.loads(unb64u(protected))
        assert (header["alg"], header["kid"], nothing) == ("ES256", jwk["kid"], "")
        assert is_signed_by(jwk, protected.encode() + b"." + sent.content, unb64u(signature))
        assert sent.headers["UCP-Agent"] == f'profile="http://shop.test/{OLD}/.well-known/ucp"'
    assert json.loads(platform.received[-1].content) == order


async def test_in_august_a_destination_says_what_it_is(client, speaks, a_cart):
    speaks(NEW)
    sent = (await client.create(a_cart())).json()["fulfillment"]["methods"][0]
    assert [entry["type"] for entry in sent["destinations"]] == ["shipping_address"]
    body = a_cart()
    body["fulfillment"]["methods"] = [{"type": "pickup", "selected_destination_id": "store-mitte"}]
    collected = (await client.create(body)).json()["fulfillment"]["methods"][0]
    assert {entry["type"] for entry in collected["destinations"]} == {"business_location"}
    assert sent["groups"][0]["options"][0]["description"] == {"plain": "On the doorstep the next day"}


async def test_a_release_that_nobody_speaks_is_refused_in_the_shape_of_the_address(client, platform, a_cart):
    platform.version = "2027-01-01"
    now = await client.create(a_cart())
    assert (now.status_code, now.json()["code"]) == (422, "version_unsupported")
    old = await client.send("POST", f"/{OLD}/checkout-sessions", a_cart())
    assert (old.status_code, old.json()["status"]) == (400, "requires_escalation")
    assert old.json()["messages"][0]["code"] == "version_unsupported"
