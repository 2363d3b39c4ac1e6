"""What the pages show and do, and in which language."""

import re
from dataclasses import replace

import httpx
import pytest

from replenish_server.web.language import from_header, known
from tests.fakes.pages import FakePages, make_order


def offer_tag(text: str) -> str:
    found = re.search(r'name="offer" value="([0-9a-f]+)"', text)
    assert found
    return found[1]


async def test_home_says_what_an_order_is_of_before_its_price_is_there(
    client: httpx.AsyncClient, pages: FakePages
) -> None:
    """Whoever may cancel it must know what it is."""
    order_id, order = next((i, o) for i, o in pages.orders.items() if o.state == "needs_approval")
    pages.orders[order_id] = replace(order, can_approve=False, total_minor=None)
    asked = (await client.get("/")).text
    asked = asked[asked.index("Waiting for you") : asked.index("Supplies")]
    for part in (order.product_name, "2 packs", order.retailer_name, "not quoted yet"):
        assert part.lower() in asked.lower(), part


async def test_home_shows_what_waits_first(client: httpx.AsyncClient) -> None:
    text = (await client.get("/")).text
    assert text.index("Waiting for you") < text.index("Supplies") < text.index(">Orders<")
    assert "Order with obligation to pay — €21.50" in text
    assert "2 packs · Clear Rinse 1 l" in text
    assert "Level unknown" in text
    assert "A button measures nothing" in text
    assert 'role="meter"' in text
    assert 'aria-valuetext="1,624\u00a0g of 3,000\u00a0g"' in text


@pytest.mark.parametrize(("unit", "said"), [("g", "Check its power"), ("pages", "Say on its page")])
async def test_an_unknown_level_says_what_to_do(
    client: httpx.AsyncClient, pages: FakePages, unit: str, said: str
) -> None:
    pages.slots["slt-cat"] = replace(pages.slots["slt-cat"], unit=unit)
    assert said in (await client.get("/slots/slt-cat")).text


async def test_an_empty_household_is_told_what_to_do(client: httpx.AsyncClient, pages: FakePages) -> None:
    pages.slots, pages.orders = {}, {}
    text = (await client.get("/")).text
    assert '<a id="add-device" href="/devices">' in text
    assert "No orders yet." in text
    assert "Waiting for you" not in text


async def test_a_slot_shows_level_chart_reasons_and_form(client: httpx.AsyncClient) -> None:
    text = (await client.get("/slots/slt-washer")).text
    for part in (
        "chart-wide",
        "chart-narrow",
        "around Mon\u00a030\u00a0Nov",
        "about 95\u00a0g",
        "not met",
        "In force",
    ):
        assert part in text, part


@pytest.mark.parametrize(
    ("slot_id", "said"),
    [
        ("slt-toner", "Nothing is ordered on an old reading."),
        ("slt-toner", "Limited by device"),
        ("slt-cat", "There is no reliable reading"),
        ("slt-cat", "No readings yet."),
        ("slt-tank", "Pending"),
        ("slt-tank", "Until then it works with 100\u00a0ml."),
        ("slt-coffee", "A button measures nothing"),
    ],
)
async def test_every_kind_of_slot_says_how_it_stands(
    client: httpx.AsyncClient, slot_id: str, said: str
) -> None:
    assert said in (await client.get(f"/slots/{slot_id}")).text


async def test_a_button_has_no_threshold_field(client: httpx.AsyncClient) -> None:
    assert 'name="threshold"' not in (await client.get("/slots/slt-coffee")).text


async def test_an_order_shows_its_story(client: httpx.AsyncClient) -> None:
    text = (await client.get("/orders/ord-2")).text
    assert "a press of the button" in text
    assert "The shop confirmed order 77." in text
    assert 'href="https://shop.example/orders/77" rel="noopener noreferrer external"' in text
    assert "<button" not in text


async def test_a_shop_that_does_not_answer_is_said(client: httpx.AsyncClient, pages: FakePages) -> None:
    pages.orders["ord-1"] = make_order(state="placing", can_approve=False, failures=1)
    assert "no answer" not in (await client.get("/orders/ord-1")).text  # one hiccup is no news
    pages.orders["ord-1"] = make_order(state="placing", can_approve=False, failures=7)
    assert "The shop gives no answer yet (7 tries)" in (await client.get("/orders/ord-1")).text
    assert "7번 시도" in (await client.get("/orders/ord-1?lang=ko")).text


async def test_approving_what_was_shown(client: httpx.AsyncClient, pages: FakePages) -> None:
    tag = offer_tag((await client.get("/orders/ord-1")).text)
    answer = await client.post("/orders/ord-1/approve", data={"offer": tag})
    assert (answer.status_code, answer.headers["location"]) == (303, "/orders/ord-1?notice=approved")
    assert pages.calls == [("approve", "ord-1", 2150)]
    assert "Approved." in (await client.get(answer.headers["location"])).text


@pytest.mark.parametrize("change", [{"total_minor": 2200}, {"packs": 3}, {"product_name": "Other"}])
async def test_a_changed_offer_is_never_approved(
    client: httpx.AsyncClient, pages: FakePages, change: dict[str, object]
) -> None:
    tag = offer_tag((await client.get("/")).text)
    pages.orders["ord-1"] = make_order(**change)
    answer = await client.post("/orders/ord-1/approve", data={"offer": tag})
    assert answer.headers["location"] == "/orders/ord-1?notice=offer_changed"
    assert pages.calls == []


async def test_an_approval_without_an_offer_is_not_one(client: httpx.AsyncClient, pages: FakePages) -> None:
    await client.post("/orders/ord-1/approve")
    assert pages.calls == []


async def test_the_limit_stands_in_while_there_is_no_quote(
    client: httpx.AsyncClient, pages: FakePages
) -> None:
    pages.orders["ord-1"] = make_order(total_minor=None)
    assert "Order with obligation to pay — up to €24.90" in (await client.get("/orders/ord-1")).text
    pages.orders["ord-1"] = make_order(total_minor=None, cap_minor=None)
    text = (await client.get("/orders/ord-1")).text
    assert "Set a limit" in text
    assert "/approve" not in text
    pages.orders["ord-1"] = make_order(total_minor=None, can_approve=False)
    assert "The shop is asked for its price" in (await client.get("/orders/ord-1")).text


async def test_approving_twice_shows_where_the_order_is(client: httpx.AsyncClient, pages: FakePages) -> None:
    tag = offer_tag((await client.get("/orders/ord-1")).text)
    await client.post("/orders/ord-1/approve", data={"offer": tag})
    again = await client.post("/orders/ord-1/approve", data={"offer": tag})
    assert again.status_code == 409
    assert "moved on in the meantime" in again.text
    assert "Being placed" in again.text


async def test_rules_that_somebody_else_changed_are_answered_with_412_and_nothing_typed_is_lost(
    client: httpx.AsyncClient, pages: FakePages
) -> None:
    pages.refuse = "rules_changed"
    typed = {"threshold": "432", "mode": "ask", "price_cap": "", "version": "old"}
    answer = await client.post("/slots/slt-tank/rules", data=typed)
    assert (412, True, True) == (answer.status_code, "432" in answer.text, "meanwhile" in answer.text)
    assert pages.calls[-1][-1].version == "old"  # type: ignore[attr-defined]


async def test_canceling(client: httpx.AsyncClient, pages: FakePages) -> None:
    answer = await client.post("/orders/ord-1/cancel")
    assert answer.headers["location"] == "/orders/ord-1?notice=canceled"
    assert pages.orders["ord-1"].state == "canceled"


@pytest.mark.parametrize(
    ("path", "to"),
    [("/slots/slt-washer/rules", "/slots/slt-washer"), ("/orders/ord-1/approve", "/orders/ord-1")],
)
async def test_loading_a_forms_address_leads_back(client: httpx.AsyncClient, path: str, to: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, to)


@pytest.mark.parametrize(
    "path", ["/slots/no", "/orders/no", "/orders/ord-1/steal", "/nowhere", "/language/xx"]
)
async def test_what_is_not_there_says_so(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text


@pytest.mark.parametrize("path", ["/slots/no/rules", "/orders/no/approve", "/orders/no/cancel"])
async def test_forms_for_what_is_not_there(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.post(path)).status_code == 404


async def test_programs_get_their_own_errors(client: httpx.AsyncClient) -> None:
    answer = await client.get("/nowhere", headers={"accept": "application/json"})
    assert (answer.json()["code"], answer.json()["detail"]) == ("not_found", "Not Found")


async def test_a_wrong_method_is_a_page_and_names_the_right_one(client: httpx.AsyncClient) -> None:
    answer = await client.post("/")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        ("ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        ("de,en;q=0.5,ko;q=0.4", "en"),
        ("en;q=0.1, ko", "ko"),
        ("ko;q=0, en;q=0.1", "en"),
        ("fr", None),
        ("", None),
        ("ko;q=nonsense", None),
        ("*", None),
    ],
)
def test_the_browsers_wish(header: str, lang: str | None) -> None:
    assert from_header(header) == lang


def test_only_our_languages_are_known() -> None:
    assert known("KO_kr") == "ko"
    assert known("korean") is None
    assert known(None) is None


async def test_the_language_is_asked_then_remembered_then_wished(client: httpx.AsyncClient) -> None:
    assert '<html lang="en">' in (await client.get("/")).text
    wished = await client.get("/", headers={"accept-language": "ko"})
    assert '<html lang="ko">' in wished.text
    assert wished.headers["content-language"] == "ko"
    asked = await client.get("/?lang=ko")
    assert "확인이 필요합니다" in asked.text
    assert "HttpOnly" in asked.headers["set-cookie"]
    assert '<html lang="ko">' in (await client.get("/")).text, "the cookie holds"
    assert '<html lang="en">' in (await client.get("/?lang=en")).text


@pytest.mark.parametrize(
    ("to", "location"),
    [
        ("/slots/slt-washer", "/slots/slt-washer"),
        ("/slots/a%20b", "/slots/a%20b"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/x\r\nset-cookie: a=b", "/"),
        ("", "/"),
    ],
)
async def test_switching_the_language_stays_on_the_page_and_site(
    client: httpx.AsyncClient, to: str, location: str
) -> None:
    answer = await client.get("/language/ko", params={"to": to})
    assert (answer.status_code, answer.headers["location"]) == (303, location)
    assert answer.cookies["replenish_lang"] == "ko"


@pytest.mark.parametrize(
    "path", ["/", "/slots/slt-washer", "/slots/slt-cat", "/slots/slt-coffee", "/orders/ord-1"]
)
async def test_ids_are_unique_and_references_hold(client: httpx.AsyncClient, path: str) -> None:
    text = (await client.get(path)).text
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    for group in re.findall(r'\b(?:aria-labelledby|aria-describedby|for)="([^"]+)"', text):
        assert set(group.split()) <= set(ids), group
