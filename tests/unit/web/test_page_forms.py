"""What was typed becomes rules, or a message beside the field with the input kept; nothing is guessed."""

import html

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replenish_server.web.forms import TypedRules, offer_of, read_rules
from replenish_server.web.views import RulesForm
from tests.fakes.pages import FakePages, make_order, make_slot


def read(threshold: str = "400", mode: str = "ask", cap: str = "24.90", currency: str = "EUR") -> object:
    result = read_rules(TypedRules(threshold, mode, cap), make_slot(currency=currency), "en")
    return result if isinstance(result, RulesForm) else dict(result.errors)


@pytest.mark.parametrize(
    ("cap", "currency", "minor"),
    [
        ("24.90", "EUR", 2490),
        ("24,90", "EUR", 2490),
        (" 24.9 ", "EUR", 2490),
        ("24", "EUR", 2400),
        ("1,234.50", "EUR", 123450),
        ("1,234", "EUR", 123400),
        ("12,500", "KRW", 12500),
        ("12500", "KRW", 12500),
        ("", "EUR", None),
        ("0.01", "EUR", 1),
    ],
)
def test_amounts_are_read_as_people_write_them(cap: str, currency: str, minor: int | None) -> None:
    assert read(cap=cap, currency=currency) == RulesForm(400, "ask", minor)


@pytest.mark.parametrize(
    ("cap", "currency"),
    [
        ("24.905", "EUR"), ("0", "EUR"), ("-3", "EUR"), ("abc", "EUR"), ("1e5", "EUR"),
        ("24.90 EUR", "EUR"),
        ("NaN", "EUR"), ("1,23,4", "EUR"),
        ("12.5", "KRW"), ("9999999999", "EUR"), ("٣", "EUR"), ("1 000", "EUR"),
    ],
)  # fmt: skip
def test_amounts_that_are_not_clear_are_refused(cap: str, currency: str) -> None:
    result = read(cap=cap, currency=currency)
    assert isinstance(result, dict)
    assert list(result) == ["price_cap"]


@pytest.mark.parametrize("text", ["", " ", "-1", "4.5", "1,5", "abc", "3001", "٣٠٠", "9" * 40, "0x10"])
def test_thresholds_that_cannot_be_are_refused(text: str) -> None:
    result = read(threshold=text)
    assert isinstance(result, dict)
    assert list(result) == ["threshold"]


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("3000", 3000), ("1,200", 1200), (" 400 ", 400)])
def test_thresholds_that_fit(text: str, value: int) -> None:
    assert read(threshold=text) == RulesForm(value, "ask", 2490)


def test_what_orders_by_itself_must_be_capped() -> None:
    assert read(mode="auto", cap="") == {
        "price_cap": "“Just order” needs a limit: give the most that one order may cost."
    }
    assert read(mode="auto") == RulesForm(400, "auto", 2490)


def test_a_mode_must_be_chosen() -> None:
    assert read(mode="whatever") == {"mode": "Choose one of these."}


def test_a_button_has_no_threshold() -> None:
    button = make_slot(device_kind="button", threshold=None, unit="presses")
    assert read_rules(TypedRules("7", "ask", ""), button, "en") == RulesForm(None, "ask", None)


@given(st.text(max_size=30), st.text(max_size=10), st.text(max_size=30))
def test_anything_typed_is_answered(threshold: str, mode: str, cap: str) -> None:
    result = read_rules(TypedRules(threshold, mode, cap), make_slot(), "ko")
    if isinstance(result, TypedRules):
        assert (result.threshold, result.mode, result.price_cap) == (threshold, mode, cap)
        assert result.errors


def test_an_offer_names_the_total_else_the_cap_else_nothing() -> None:
    quoted = offer_of(make_order())
    capped = offer_of(make_order(total_minor=None))
    assert quoted is not None
    assert capped is not None
    assert (quoted.amount_minor, quoted.is_total) == (2150, True)
    assert (capped.amount_minor, capped.is_total) == (2490, False)
    assert offer_of(make_order(total_minor=None, cap_minor=None)) is None


def test_any_change_makes_another_offer() -> None:
    changes: list[dict[str, object]] = [
        {}, {"total_minor": 2151}, {"packs": 3}, {"product_name": "Other"}, {"currency": "USD"},
        {"order_id": "x"},
        {"total_minor": None},
    ]  # fmt: skip
    tags = [offer_of(make_order(**change)) for change in changes]
    assert len({tag.tag for tag in tags if tag}) == len(changes)


async def test_a_wrong_form_comes_back_with_everything_kept(
    client: httpx.AsyncClient, pages: FakePages
) -> None:
    typed = {"threshold": '9999"><b>', "mode": "auto", "price_cap": ""}
    answer = await client.post("/slots/slt-washer/rules", data=typed)
    assert answer.status_code == 422
    assert html.escape(typed["threshold"], quote=False).replace('"', "&#34;") in answer.text
    assert 'value="auto" checked' in answer.text
    assert answer.text.count('aria-invalid="true"') == 2
    assert 'id="threshold-error"' in answer.text
    assert 'aria-describedby="threshold-hint threshold-error"' in answer.text
    assert pages.calls == []


async def test_a_good_form_is_stored_and_shown_pending(client: httpx.AsyncClient, pages: FakePages) -> None:
    answer = await client.post(
        "/slots/slt-washer/rules", data={"threshold": "700", "mode": "auto", "price_cap": "30"}
    )
    assert answer.status_code == 303
    assert answer.headers["location"] == "/slots/slt-washer?notice=rules_saved"
    assert pages.calls == [("set_rules", "slt-washer", RulesForm(700, "auto", 3000))]
    page = (await client.get(answer.headers["location"])).text
    assert "The rules are saved." in page
    assert "The device has not confirmed 700\u00a0g yet." in page
    pages.report_threshold("slt-washer", 650)
    page = (await client.get("/slots/slt-washer")).text
    assert "You asked for 700\u00a0g; the device can only do 650\u00a0g" in page
    pages.report_threshold("slt-washer", 700)
    assert "The device works with 700\u00a0g." in (await client.get("/slots/slt-washer")).text


async def test_refused_rules_keep_the_form(client: httpx.AsyncClient, pages: FakePages) -> None:
    pages.refuse = "The scale was given to <another> household."
    answer = await client.post("/slots/slt-washer/rules", data={"threshold": "701", "mode": "ask"})
    assert answer.status_code == 409
    assert "given to &lt;another&gt; household" in answer.text
    assert 'value="701"' in answer.text


async def test_the_timing_is_chosen_in_words_that_say_what_they_cost(
    client: httpx.AsyncClient, pages: FakePages
) -> None:
    text = (await client.get("/slots/slt-washer")).text
    assert 'value="balanced" checked' in text
    assert (
        "Orders at 560\u00a0g: about 6.1 days left when the parcel comes; out about once in 12 years." in text
    )
    assert "Orders at 700\u00a0g: about 8.4 days left when the parcel comes; hardly ever out." in text
    assert text.count('class="timing other"') == 2
    form = {"threshold": "700", "mode": "ask", "price_cap": "", "timing": "late"}
    await client.post("/slots/slt-washer/rules", data=form)
    assert pages.calls == [("set_rules", "slt-washer", RulesForm(700, "ask", None, "late"))]
    refused = await client.post("/slots/slt-washer/rules", data={**form, "timing": "never"})
    assert refused.status_code == 422
    assert "Choose how early to order." in refused.text


async def test_the_spare_packs_are_what_a_person_counted(client: httpx.AsyncClient, pages: FakePages) -> None:
    answer = await client.post("/slots/slt-washer/spare", data={"spare": " 3 "})
    assert (answer.status_code, pages.calls) == (303, [("correct_spare", "slt-washer", 3)])
    page = (await client.get(answer.headers["location"])).text
    assert "The spare packs are noted." in page
    assert "3 spare" in page
    for wrong in ("", "-1", "1.5", "many", "100"):
        refused = await client.post("/slots/slt-washer/spare", data={"spare": wrong})
        assert refused.status_code == 422
        assert "Give the number of unopened packs, 0 to 99." in refused.text
    assert len(pages.calls) == 1
    assert (await client.get("/slots/slt-washer/spare")).status_code == 303
