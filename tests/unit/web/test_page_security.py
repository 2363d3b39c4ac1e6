"""Who may ask: origins, hosts, headers, and text from outside that stays text."""

import httpx
import pytest

from replenish_server.web.rendering import web_link
from replenish_server.web.security import HEADERS, MAX_FORM_BYTES, host_name
from tests.fakes.pages import FakePages, at, make_order, make_slot

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-origin", "origin": "http://localhost"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://localhost"}, False),
        ({"origin": "http://localhost"}, True),
        ({"origin": "http://localhost:80"}, True),
        ({"origin": "https://localhost"}, False),
        ({"origin": "http://localhost:8080"}, False),
        ({"origin": "http://localhost.evil.example"}, False),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://localhost:bad"}, False),
        ({"origin": ""}, False),
        ({"referer": "http://localhost/"}, False),
        ({}, False),
    ],
)
@pytest.mark.parametrize("path", ["/orders/ord-2/approve", "/orders/ord-2/cancel", "/slots/slt-washer/rules"])
async def test_only_our_own_pages_may_post(
    client: httpx.AsyncClient, pages: FakePages, headers: dict[str, str], allowed: bool, path: str
) -> None:
    del client.headers["sec-fetch-site"]
    answer = await client.post(path, headers=headers, data={"threshold": "1", "mode": "ask"})
    assert (answer.status_code == 403) is not allowed
    assert bool(pages.calls) is allowed
    if not allowed:
        assert "nothing was changed" in answer.text


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost", True),
        ("LOCALHOST:8000", True),
        ("localhost.", True),
        ("127.0.0.1:9", True),
        ("[::1]:8000", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("evil@localhost", False),
        ("localhost:80@evil.example", False),
        ("localhost/evil", False),
        ("127.0.0.1.evil.example", False),
        ("::1", False),
        ("localhost:x", False),
        ("0.0.0.0", False),
        ("", False),
    ],
)
async def test_only_known_hosts_are_answered(client: httpx.AsyncClient, host: str, allowed: bool) -> None:
    answer = await client.get("/", headers={"host": host})
    assert answer.status_code == (200 if allowed else 400)
    assert ("Linden Street" in answer.text) is allowed


async def test_two_host_headers_are_none(client: httpx.AsyncClient) -> None:
    answer = await client.get("/", headers=[("host", "localhost"), ("host", "evil.example")])
    assert answer.status_code == 400


def test_host_names() -> None:
    assert host_name("[::1]:80") == "[::1]"
    assert host_name("[::1]evil") is None
    assert host_name(" Example.ORG ") == "example.org"


@pytest.mark.parametrize("path", ["/", "/slots/none", "/nowhere", "/broken", "/static/page.css"])
async def test_every_answer_carries_the_headers(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert HEADERS.items() <= dict(answer.headers).items()


async def test_household_pages_are_not_kept_by_caches(client: httpx.AsyncClient) -> None:
    assert (await client.get("/")).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/slots/slt-washer", "/orders/ord-1"])
async def test_nothing_is_inline(client: httpx.AsyncClient, path: str) -> None:
    text = (await client.get(path)).text
    assert "style=" not in text
    assert "<style" not in text
    assert "onclick" not in text
    assert text.count("<script") == text.count('<script src="/static/') == 1


@pytest.mark.parametrize("path", ["/", "/slots/x", "/orders/y"])
async def test_names_from_outside_stay_text(client: httpx.AsyncClient, pages: FakePages, path: str) -> None:
    order = make_order(
        order_id="y",
        slot_id="x",
        slot_name=EVIL,
        product_name=EVIL,
        reason=EVIL,
        problem=EVIL,
        retailer_name=EVIL,
        permalink="javascript:alert(1)",
        timeline=[(at(-1), "placing", EVIL)],
    )
    slot = make_slot(slot_id="x", name=EVIL, device_name=EVIL, product_name=EVIL, pack_text=EVIL)
    pages.slots, pages.orders, pages.name = {"x": slot}, {"y": order}, EVIL
    text = (await client.get(path)).text
    assert "&lt;script&gt;" in text
    assert "<script>" not in text
    assert "<img src=x" not in text
    assert "javascript:" not in text


async def test_ids_stay_inside_their_path(client: httpx.AsyncClient, pages: FakePages) -> None:
    odd = "a b/../../x?y=1#z"
    pages.slots = {odd: make_slot(slot_id=odd)}
    text = (await client.get("/")).text
    assert 'href="/slots/a%20b%2F..%2F..%2Fx%3Fy%3D1%23z"' in text


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://shop.example/1", True),
        ("http://shop.example", True),
        ("javascript:alert(1)", False),
        ("JAVASCRIPT://x/%0aalert(1)", False),
        ("data:text/html,x", False),
        ("//shop.example", False),
        ("https:shop", False),
        ("http://[bad", False),
        ("", False),
        (None, False),
    ],
)
def test_only_web_addresses_become_links(address: str | None, shown: bool) -> None:
    assert web_link(address) == (address if shown else None)


async def test_a_notice_is_a_key_never_text(client: httpx.AsyncClient) -> None:
    text = (await client.get("/", params={"notice": "You won"})).text
    assert "You won" not in text
    assert 'role="status"' not in text


async def test_a_huge_form_is_not_read(client: httpx.AsyncClient, pages: FakePages) -> None:
    answer = await client.post("/slots/slt-washer/rules", data={"threshold": "1" * MAX_FORM_BYTES})
    assert answer.status_code == 400
    assert pages.calls == []


async def test_a_file_instead_of_a_field_is_a_page_not_json(client: httpx.AsyncClient) -> None:
    answer = await client.post("/slots/slt-washer/rules", files={"threshold": ("a.txt", b"1")})
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_failure_says_what_to_do_and_nothing_else(client: httpx.AsyncClient) -> None:
    answer = await client.get("/broken")
    assert answer.status_code == 500
    assert "replenish doctor" in answer.text
    assert "secret" not in answer.text
    program = await client.get("/broken", headers={"accept": "application/json"})
    assert (program.status_code, program.json()["code"]) == (500, "internal")
    assert "secret" not in program.text
    full = await client.get("/full")
    assert (full.status_code, "replenish doctor" in full.text) == (503, True)
