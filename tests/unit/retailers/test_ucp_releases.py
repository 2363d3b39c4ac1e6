"""Every release that is spoken, over both bindings: what is chosen, what is sent, what is believed."""

import json
from typing import Any

import pytest

from replenish_server.retailers.port import Placed, Problem, Progress, Quote, Trouble, TryLater, Unknown
from replenish_server.retailers.ucp import NEWEST, RELEASES
from replenish_server.retailers.ucp.profile import active, own_profile, own_profile_path, owns_name
from replenish_server.retailers.ucp.release import Release
from tests.fakes.retailer_merchant import (
    API,
    SESSION,
    SITE,
    Doc,
    checkout,
    error,
    event,
    handler,
    order,
    profile,
    refusal,
    says,
)
from tests.unit.retailers.conftest import HOME, Conversation

DISCOVER = f"GET {SITE}/.well-known/ucp"
MCP = f"{SITE}/mcp"
CALL = f"POST {MCP}"


def of_release(document: Doc, date: str) -> Doc:
    """The same document in another release."""
    moved: Doc = json.loads(json.dumps(document).replace("2026-04-08", date))
    return moved


def mcp_profile(date: str = "2026-04-08") -> Doc:
    """A merchant that only takes tool calls."""
    services = {"dev.ucp.shopping": [{"version": "2026-04-08", "transport": "mcp", "endpoint": MCP}]}
    return of_release(profile(services=services), date)


def tool(document: Doc) -> Doc:
    """The answer of a tool."""
    text = {"type": "text", "text": json.dumps(document)}
    return {"jsonrpc": "2.0", "id": 1, "result": {"structuredContent": document, "content": [text]}}


def rpc_error(number: int, **data: Any) -> Doc:
    """The refusal of a tool call."""
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": number, "message": "no", "data": data}}


@pytest.mark.parametrize("release", RELEASES, ids=lambda r: r.date)
def test_an_order_is_placed_in_every_release(talk: Conversation, release: Release) -> None:
    """With our profile of that release, and its discounts with its sign."""
    cut = 100 if release.discounts_positive else -100
    totals = [("subtotal", 2000), ("discount", cut), ("fulfillment", 490), ("total", 2390)]
    document = of_release(
        checkout(totals=[{"type": kind, "display_text": kind, "amount": n} for kind, n in totals]),
        release.date,
    )
    done = document | {"status": "completed", "order": {"id": "ord_9", "permalink_url": f"{SITE}/o"}}
    talk.merchant.on(DISCOVER, says(of_release(profile(), release.date)))
    talk.merchant.on(f"POST {API}/checkout-sessions", says(document, 201))
    talk.merchant.on(f"GET {SESSION}", says(document)).on(f"POST {SESSION}/complete", says(done))
    quote = talk.quote()
    assert isinstance(quote, Quote)
    assert (quote.total_minor, quote.discount_minor) == (2390, 100)
    assert talk.place() == Placed("ord_9", f"{SITE}/o", 2390, "EUR")
    calls = [request for request in talk.merchant.requests if str(request.url).startswith(API)]
    agents = {request.headers["UCP-Agent"] for request in calls}
    assert agents == {f'profile="{HOME}{own_profile_path(release)}"'}


@pytest.mark.parametrize("release", RELEASES, ids=lambda r: r.date)
def test_a_session_is_named_in_an_update_only_where_the_release_wants_it(
    talk: Conversation, release: Release
) -> None:
    """Later releases forbid it."""
    bare = of_release(checkout("incomplete", fulfillment={"methods": []}), release.date)
    talk.merchant.on(DISCOVER, says(of_release(profile(), release.date)))
    talk.merchant.on(f"POST {API}/checkout-sessions", says(bare, 201))
    talk.merchant.on(f"PUT {SESSION}", says(of_release(checkout(), release.date)))
    talk.quote()
    (sent,) = talk.merchant.sent(f"PUT {SESSION}")
    assert (json.loads(sent.content).get("id") == "chk_1") is release.update_names_session


def test_the_newest_release_that_both_speak_is_chosen(talk: Conversation) -> None:
    """Even where the shop's root profile is an older or a younger one."""
    leaf = f"{SITE}/.well-known/ucp/2026-08-25"
    root = profile(supported_versions={"2026-08-25": leaf, "2026-01-23": f"{SITE}/old"})
    talk.merchant.on(DISCOVER, says(root)).on(f"GET {leaf}", says(of_release(profile(), "2026-08-25")))
    assert isinstance(talk.quote(), Quote)
    create = talk.merchant.sent(f"POST {API}/checkout-sessions")[0]
    assert create.headers["UCP-Agent"] == f'profile="{HOME}/.well-known/ucp"'


def test_a_newer_release_that_lacks_something_leaves_the_older_one(talk: Conversation) -> None:
    """Entries of another version than the profile's count as missing."""
    leaf = f"{SITE}/.well-known/ucp/2026-04-08"
    mixed = profile(version="2026-08-25", supported_versions={"2026-04-08": leaf})
    talk.merchant.on(DISCOVER, says(mixed)).on(f"GET {leaf}", says(profile()))
    assert isinstance(talk.quote(), Quote)


@pytest.mark.parametrize("release", RELEASES, ids=lambda r: r.date)
@pytest.mark.parametrize("mandates", [False, True])
def test_our_profile_is_one_of_its_release(release: Release, mandates: bool) -> None:
    """Every entry of its version, described where its name belongs, with keys and the webhook."""
    document = own_profile(release, HOME, [{"kid": "k"}], mandates)
    ucp = document["ucp"]
    assert (ucp["version"], document[release.keys_member]) == (release.date, [{"kid": "k"}])
    for name, entries in {**ucp["services"], **ucp["capabilities"]}.items():
        for entry in entries:
            assert entry["version"] == release.date
            assert owns_name(entry["schema"], name)
    webhook = ucp["capabilities"]["dev.ucp.shopping.order"][0]["config"]["webhook_url"]
    assert webhook == f"{HOME}/webhooks/ucp"
    assert (release.ap2.name in ucp["capabilities"]) is mandates
    older = {r.date: f"{HOME}/.well-known/ucp/{r.date}" for r in RELEASES if r is not NEWEST}
    assert ucp.get("supported_versions") == (older if release is NEWEST and not mandates else None)


@pytest.mark.parametrize(
    ("name", "url", "bound"),
    [
        ("dev.ucp.shopping.checkout", "https://ucp.dev/x.json", True),
        ("dev.ucp.shopping.checkout", "https://shopping.ucp.dev/x.json", True),
        ("com.example.pay", "https://pay.example.com/x", True),
        ("com.example.pay", "https://evil.example/x", False),
        ("com.examplecorp.pay", "https://example.com/x", False),
        ("com.example.pay", "https://cdn.example.com/x", False),
        ("dev.ucp.x", "https://ucp.dev@evil.example/x", False),
        ("dev.ucp.x", "http://ucp.dev/x", False),
        ("1.0.0.127.x", "https://127.0.0.1/x", False),
        ("localhost.x", "https://localhost/x", False),
    ],
)
def test_a_name_belongs_to_the_host_that_describes_it(name: str, url: str, bound: bool) -> None:
    """The table of the protocol, and tricks beside it."""
    assert owns_name(url, name) is bound


def test_extensions_without_a_parent_are_dropped_to_the_end_of_the_chain() -> None:
    """One parent of several is enough."""
    offered = {"a": (), "b": ("gone",), "c": ("b",), "d": ("gone", "a")}
    assert active(offered) == {"a": (), "d": ("gone", "a")}


# --- tool calls ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("date", ["2026-08-25", "2026-04-08", "2026-01-23"])
def test_an_order_is_placed_by_tool_calls(talk: Conversation, date: str) -> None:
    """The stored bytes carry the key, and go out as they were stored."""
    done = of_release(checkout("completed"), date)
    ready = of_release(checkout(), date)
    talk.merchant.on(DISCOVER, says(mcp_profile(date)))
    talk.merchant.on(CALL, says(tool(ready)), says(tool(ready)), says(tool(done)))
    assert talk.place() == Placed("ord_9", f"{SITE}/orders/ord_9", 2490, "EUR")
    create, get, complete = (json.loads(request.content) for request in talk.merchant.sent(CALL))
    assert [c["params"]["name"] for c in (create, get, complete)] == [
        "create_checkout",
        "get_checkout",
        "complete_checkout",
    ]
    arguments = complete["params"]["arguments"]
    stored = talk.journal.find("complete")
    assert stored is not None
    assert arguments["meta"]["idempotency-key"] == stored.key
    assert arguments["meta"]["ucp-agent"]["profile"].startswith(HOME)
    assert (arguments["id"], "id" in arguments["checkout"]) == ("chk_1", False)
    assert stored.body == talk.merchant.sent(CALL)[-1].content
    assert "idempotency-key" not in get["params"]["arguments"]["meta"]


def test_an_answer_may_come_as_a_stream_of_events(talk: Conversation) -> None:
    """Or only as text."""
    talk.merchant.on(DISCOVER, says(mcp_profile()))
    lines = b'event: message\r\ndata: {"jsonrpc":"2.0","method":"notifications/progress"}\r\n\r\n'
    stream = lines + b"event: message\r\ndata: " + json.dumps(tool(checkout())).encode() + b"\r\n\r\n"
    talk.merchant.on(CALL, says(stream, Content_Type="text/event-stream"))
    assert isinstance(talk.quote(), Quote)
    only_text = tool(checkout())
    del only_text["result"]["structuredContent"]
    talk.merchant.on(CALL, says(only_text))
    assert isinstance(talk.quote(), Quote)


def test_a_tool_that_does_not_answer_leaves_the_outcome_unknown(talk: Conversation) -> None:
    """It is asked, and then the same bytes go again."""
    talk.merchant.on(DISCOVER, says(mcp_profile()))
    ready = says(tool(checkout()))
    lost = says({"jsonrpc": "2.0", "id": 1, "result": {}})
    talk.merchant.on(CALL, ready, ready, lost, ready, says(tool(checkout("completed"))))
    assert isinstance(talk.place(), Unknown)
    assert isinstance(talk.place(), Placed)
    completes = [r.content for r in talk.merchant.sent(CALL) if b"complete_checkout" in r.content]
    assert len(completes) == 2
    assert completes[0] == completes[1]


@pytest.mark.parametrize(
    ("answer", "status", "later"),
    [
        (rpc_error(-32000, retry_after=7), 200, True),
        (rpc_error(-32603), 200, True),
        (rpc_error(-32000), 429, True),
        (rpc_error(-32001, code="profile_unreachable", content="timeout"), 200, False),
        (rpc_error(-32001), 200, False),
        (rpc_error(-32602), 200, False),
        (rpc_error(-32000, code="signature_invalid"), 401, False),
    ],
)
def test_protocol_errors_of_tools_mean_what_http_would_have_said(
    talk: Conversation, answer: Doc, status: int, later: bool
) -> None:
    """Later, or a person."""
    talk.merchant.on(DISCOVER, says(mcp_profile())).on(CALL, says(answer, status))
    if later:
        with pytest.raises(TryLater):
            talk.quote()
    else:
        found = talk.quote()
        assert isinstance(found, Trouble)
        assert found.problem is Problem.RETAILER_REFUSED


def test_a_business_outcome_of_a_tool_is_one(talk: Conversation) -> None:
    """In the result, not the error."""
    talk.merchant.on(DISCOVER, says(mcp_profile()))
    talk.merchant.on(CALL, says(tool(refusal(error("out_of_stock", "unrecoverable")))))
    found = talk.quote()
    assert isinstance(found, Trouble)
    assert found.problem is Problem.OUT_OF_STOCK


def test_an_order_is_read_by_a_tool(talk: Conversation) -> None:
    """By its id."""
    talk.merchant.on(DISCOVER, says(mcp_profile())).on(CALL, says(tool(order(event("shipped")))))
    assert talk.shop().read_order("ord_9").progress is Progress.SHIPPED


# --- what forbids a purchase without a person --------------------------------------------------------------


def lines(**change: Any) -> Doc:
    """A checkout whose one line is changed."""
    line = checkout()["line_items"][0] | change
    return checkout(line_items=[line])


@pytest.mark.parametrize(
    "document",
    [
        lines(totals=[{"type": "subtotal", "amount": 1999}, {"type": "total", "amount": 1999}]),
        checkout(totals=[{"type": "subtotal", "amount": 2490}, {"type": "total", "amount": 2490}]),
        checkout(totals=[*checkout()["totals"], {"type": "total", "amount": 2490}]),
        checkout(totals=[*checkout()["totals"], {"type": "fee", "amount": 1}]),
    ],
    ids=["price times quantity", "lines are not the subtotal", "two totals", "a fee that nobody counted"],
)
def test_totals_that_do_not_add_up_forbid_a_quote(talk: Conversation, document: Doc) -> None:
    """A person may look at them."""
    talk.merchant.on(f"POST {API}/checkout-sessions", says(document, 201))
    found = talk.quote()
    assert isinstance(found, Trouble)
    assert (found.problem, "add up" in found.detail or "exactly one" in found.detail) == (
        Problem.UNREADABLE,
        True,
    )


def test_goods_that_are_counted_in_grams_are_not_packs(talk: Conversation) -> None:
    """Two hundredths of a kilogram are not two packs."""
    item = {"id": "det-1kg", "price": 1000, "quantity_unit": {"unit": "KGM", "scale": 2}}
    talk.merchant.on(f"POST {API}/checkout-sessions", says(lines(item=item), 201))
    found = talk.quote()
    assert isinstance(found, Trouble)
    assert found.problem is Problem.ITEM_UNAVAILABLE


def test_an_open_action_needs_a_person(talk: Conversation) -> None:
    """A bank's challenge, for example."""
    challenge = {"dev.ucp.common.payment.three_ds_challenge": [{"id": "a1"}]}
    talk.merchant.on(f"POST {API}/checkout-sessions", says(checkout(actions=challenge), 201))
    found = talk.quote()
    assert isinstance(found, Trouble)
    assert (found.problem, found.continue_url) == (Problem.ESCALATION, f"{SITE}/c/chk_1")


def test_goods_that_would_go_elsewhere_are_not_bought(talk: Conversation) -> None:
    """The shop chose another address than ours."""
    other = {"id": "home", "street_address": "2 Other", "postal_code": "1", "address_country": "DE"}
    moved = checkout()["fulfillment"]["methods"][0] | {"destinations": [other]}
    document = checkout(fulfillment={"methods": [moved]})
    talk.merchant.on(f"POST {API}/checkout-sessions", says(document, 201))
    talk.merchant.on(f"PUT {SESSION}", says(document))
    found = talk.quote()
    assert isinstance(found, Trouble)
    assert found.problem is Problem.ADDRESS


def test_handlers_of_a_session_without_ours_end_it(talk: Conversation) -> None:
    """Where the household has one."""
    assert handler()["id"] == "pay-1"
    ucp = profile(payment_handlers={"a.b": [{"id": "other"}]})
    talk.merchant.on(DISCOVER, says(ucp))
    found = talk.quote()
    assert isinstance(found, Trouble)
    assert "no longer accepts" in found.detail
