"""The MCP binding: the same shop, asked with tools/call."""

import json

import pytest
from ucp_sdk.models.schemas.shopping.fulfillment import Checkout
from ucp_sdk.models.schemas.shopping.order import Order

PROFILE_URL = "https://platform.test/.well-known/ucp"


@pytest.fixture
def tool(client):
    async def call(name, key=None, agent=PROFILE_URL, **arguments):
        meta = {"ucp-agent": {"profile": agent}} | ({"idempotency-key": key} if key else {})
        params = {"name": name, "arguments": {"meta": meta} | arguments}
        message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
        # The header is what REST carries; this binding says it in the body.
        del_agent = {"UCP-Agent": ""}
        return await client.http.post("/mcp", json=message, headers=del_agent)

    return call


def content(answer):
    document = answer.json()
    assert (answer.status_code, document["jsonrpc"], document["id"]) == (200, "2.0", 7)
    return document["result"]["structuredContent"]


async def test_an_order_from_search_to_delivery(client, tool, a_cart, a_payment):
    found = content(await tool("search_catalog", catalog={"query": "washing powder"}))
    assert [product["id"] for product in found["products"]] == ["detergent"]
    created = content(await tool("create_checkout", checkout=a_cart()))
    Checkout.model_validate(created)
    changed = content(await tool("update_checkout", id=created["id"], checkout=a_cart(quantity=1)))
    assert content(await tool("get_checkout", id=created["id"])) == changed
    first = await tool("complete_checkout", "k", id=created["id"], checkout=a_payment())
    again = await tool("complete_checkout", "k", id=created["id"], checkout=a_payment())
    assert content(first) == content(again)
    order = content(await tool("get_order", id=content(first)["order"]["id"]))
    Order.model_validate(order)
    assert order["checkout_id"] == created["id"]
    assert len((await client.get("/testing/orders")).json()) == 1
    profile = (await client.get("/.well-known/ucp")).json()["ucp"]
    endpoints = {entry["transport"]: entry["endpoint"] for entry in profile["services"]["dev.ucp.shopping"]}
    assert endpoints == {"rest": "http://shop.test", "mcp": "http://shop.test/mcp"}


async def test_a_session_is_cancelled_with_a_key_only(tool, a_cart):
    session_id = content(await tool("create_checkout", checkout=a_cart()))["id"]
    refused = await tool("cancel_checkout", id=session_id)
    assert (refused.status_code, refused.json()["error"]["data"]["code"]) == (400, "missing_idempotency_key")
    assert content(await tool("cancel_checkout", "k", id=session_id))["status"] == "canceled"


async def test_a_business_outcome_is_a_result_and_a_protocol_error_an_error(
    client, tool, platform, some_lines
):
    outcome = content(await tool("create_checkout", checkout=some_lines("perpetual-motion")))
    assert outcome["ucp"]["status"] == "error"
    nameless = await tool("create_checkout", agent="ftp://nowhere", checkout=some_lines())
    assert (nameless.status_code, nameless.json()["error"]["code"]) == (400, -32001)
    platform.capabilities = ("order",)
    client.shop.store.run("DELETE FROM profiles")
    incapable = content(await tool("create_checkout", checkout=some_lines()))
    assert incapable["messages"][0]["code"] == "capabilities_incompatible"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, -32700),
        (b"[]", 400, -32600),
        (b'{"jsonrpc":"1.0","method":"ping"}', 400, -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"nothing"}', 404, -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"steal"}}', 404, -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_order"}}', 400, -32602),
    ],
)
async def test_what_is_no_call_is_a_json_rpc_error(client, body, status, code):
    answer = await client.http.post("/mcp", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_a_client_may_ask_what_there_is(client):
    listed = await client.http.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    names = {tool["name"] for tool in listed.json()["result"]["tools"]}
    assert {"create_checkout", "complete_checkout", "get_order", "search_catalog"} <= names


DEEP = b'{"a":' * 3000
CALL = {"jsonrpc": "2.0", "id": 7, "method": "tools/call"}
KEYED = {
    "name": "create_checkout",
    "arguments": {"meta": {"ucp-agent": {"profile": PROFILE_URL}, "idempotency-key": 1.5}},
}


NO_HOST = {
    "name": "create_checkout",
    "arguments": {"meta": {"ucp-agent": {"profile": "https://x\u2028y"}, "idempotency-key": "n"}},
}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/checkout-sessions", DEEP),
        ("/mcp", DEEP),
        ("/mcp", json.dumps(CALL | {"method": ["tools/call"]}).encode()),
        ("/mcp", json.dumps(CALL | {"params": {"name": {}, "arguments": {}}}).encode()),
        ("/mcp", json.dumps(CALL | {"params": KEYED}).encode()),
        ("/testing/idempotency/age", b'{"key":"k","hours":[[]]}'),
        ("/testing/faults", b"[" * 3000),
        ("/testing/stock", b'{"item_id":"\\ud800","stock":3}'),
        ("/testing/idempotency/outage", b'{"item_id":"\xed\xa0\x80"}'),
        ("/testing/idempotency/age", b'{"key":"' + b"a" * 60_000 + b'","hours":1}'),
        ("/testing/oauth/mint", b'{"scope":["x"]}'),
        (
            "/testing/oauth/clients",
            b'{"client_id":"a","redirect_uris":[],"client_secret":18446744073709551616}',
        ),
        ("/oauth2/token", b"\xff\xfe"),
        ("/oauth2/authorize", b"\xff\xfe"),
        ("/oauth2/revoke", b"\xff\xfe"),
        ("/checkout-sessions", b'{"line_items":[{"item":{"id":"det-1500"},"quantity":1,"id":[null]}]}'),
        ("/mcp", b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"}'),
        ("/mcp", json.dumps(CALL | {"params": NO_HOST}).encode()),
    ],
)
async def test_what_an_outside_fuzzer_sent_is_refused_and_nothing_fails(client, path, body):
    headers = {
        "Content-Type": "application/json",
        "UCP-Agent": f'profile="{PROFILE_URL}"',
        "Idempotency-Key": "k",
    }
    answer = await client.http.post(path, content=body, headers=headers)
    assert 400 <= answer.status_code < 500


async def test_a_buyer_that_no_signed_checkout_could_show_is_refused(client, some_lines):
    answer = await client.create(some_lines() | {"buyer": {"email": 1.5}})
    assert answer.status_code == 400
