"""An order's life in the page, over a real database: acts, receipt, withdrawal, and the stop switch."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from sqlmodel import select

from replenish_server.fleet.tables import Slot
from replenish_server.ordering.dispatch import Dispatcher
from replenish_server.ordering.orders import create_order, move, skipped_until, stumble
from replenish_server.ordering.states import Event, State
from replenish_server.ordering.stops import stopped_scopes
from replenish_server.ordering.tables import PurchaseOrder, Withdrawal
from replenish_server.replenishment.record import to_json
from replenish_server.replenishment.stock import read_stock
from replenish_server.replenishment.tables import DecisionRecord
from replenish_server.retailers.port import Problem
from replenish_server.web.life_routes import build_life_router
from replenish_server.web.order_life import DatabaseLife
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import HOUSEHOLD, NOW, House
from tests.fakes.retailer_port import NamesItsPrice
from tests.integration.decisions import a_decision
from tests.support.page_browser import open_browser

HOUR = timedelta(hours=1)
LANGUAGES = ("en", "ko")


@pytest.fixture
def clock() -> ManualClock:
    """The server's."""
    return ManualClock(NOW)


@pytest.fixture
async def client(house: House, clock: ManualClock) -> AsyncIterator[httpx.AsyncClient]:
    """The real pages over the real database."""
    life = build_life_router(DatabaseLife(house.database, clock, lambda: None))
    async with open_browser(house, clock, life) as made:
        yield made


def opened(house: House, start: State = State.COOLING_OFF) -> str:
    """An order of the level slot with a decision that can be told."""
    new = replace(
        house.order_of(house.slots["level-1"]), start=start, trigger="level", leaves_at=NOW + 5 * HOUR
    )
    with house.database.write() as session:
        session.get_one(DecisionRecord, new.decision_id).data = to_json(a_decision())
        return create_order(session, new, NOW)


def advance(house: House, order_id: str, *events: Event) -> None:
    """What the retailer tells."""
    with house.database.write() as session:
        order = session.get_one(PurchaseOrder, order_id)
        for event in events:
            move(session, order, event, NOW)


def read(house: House, order_id: str) -> PurchaseOrder:
    """As it is kept."""
    with house.database.read() as session:
        return session.get_one(PurchaseOrder, order_id)


async def test_an_order_that_cools_off_counts_down_and_one_tap_cancels_it(
    house: House, client: httpx.AsyncClient
) -> None:
    """On the home page, too."""
    order_id = opened(house)
    for path in (f"/orders/{order_id}", "/"):
        text = (await client.get(path)).text
        assert "5 h 0 min" in text
        assert f'action="/orders/{order_id}/cancel"' in text
    assert "obligation to pay" in (await client.get(f"/orders/{order_id}")).text
    assert 303 == (await client.post(f"/orders/{order_id}/cancel")).status_code
    assert State.CANCELED == read(house, order_id).state


async def test_order_now_and_skip_this_time(house: House, client: httpx.AsyncClient) -> None:
    """One leaves at once, the other keeps the level quiet for a week."""
    first = opened(house)
    assert 303 == (await client.post(f"/orders/{first}/leave")).status_code
    assert State.PLACING == read(house, first).state
    assert 303 == (await client.post(f"/orders/{first}/leave")).status_code, "a second tap is no failure"
    await client.post(f"/orders/{first}/cancel")
    second = opened(house)
    for _ in range(2):
        answer = await client.post(f"/orders/{second}/skip")
        assert (303, f"/orders/{second}?notice=skip") == (answer.status_code, answer.headers["location"])
    with house.database.read() as session:
        assert NOW + timedelta(days=7) == skipped_until(session, house.slots["level-1"])


async def test_the_receipt_and_the_way_out_of_the_contract(
    house: House, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    """As many clicks as to order; the acknowledgement names date, time and content; once."""
    order_id = opened(house, State.PLACING)
    shop = NamesItsPrice(iter([(2490, "EUR")]))
    Dispatcher(house.database, lambda _: shop, clock).run()
    page = (await client.get(f"/orders/{order_id}")).text
    assert "Receipt" in page
    assert "order number ord_1" in page
    assert "Withdraw from contract here" in page
    receipt = await client.get(f"/orders/{order_id}/receipt.txt")
    assert "Detergent 1 kg" in receipt.text
    assert "24.90" in receipt.text
    form = (await client.get(f"/orders/{order_id}/withdraw")).text
    assert "Ada Byron" in form
    assert "Confirm withdrawal" in form
    wrong = await client.post(f"/orders/{order_id}/withdraw", data={"name": "", "email": "nobody"})
    assert 422 == wrong.status_code
    said = {"name": "Ada Byron", "email": "ada@example.org", "reason": "too <b>much</b>"}
    assert 303 == (await client.post(f"/orders/{order_id}/withdraw", data=said)).status_code
    assert State.CANCELED == read(house, order_id).state
    for language in LANGUAGES:
        text = (await client.get(f"/orders/{order_id}/withdrawal.txt?lang={language}")).text
        assert all(part in text for part in (NOW.isoformat(), "Ada Byron", "ord_1", "too <b>much</b>"))
        assert ("Send it this text yourself" in text) == (language == "en")  # no program can tell this shop
        assert "Lindenstrasse" in text or "1 Main Street" in text
    shown = (await client.get(f"/orders/{order_id}")).text
    assert 'href="mailto:?subject=' in shown
    assert 'id="withdrawal-letter" open' in shown
    assert 303 == (await client.post(f"/orders/{order_id}/withdraw", data=said)).status_code
    with house.database.read() as session:
        assert 1 == len(session.exec(select(Withdrawal)).all())
    assert "<b>much" not in (await client.get(f"/orders/{order_id}")).text


async def test_who_waits_for_an_answer_may_withdraw_and_the_history_says_so(
    house: House, client: httpx.AsyncClient
) -> None:
    """While the retailer's books say otherwise than ours, and after the goods were fitted."""
    said = {"name": "Ada Byron", "email": "ada@example.org"}
    first = opened(house, State.PLACING)
    advance(house, first, Event.PLACE, Event.MISMATCH)
    assert 303 == (await client.post(f"/orders/{first}/withdraw", data=said)).status_code
    assert State.CANCELED == read(house, first).state
    second = opened(house, State.PLACING)
    advance(house, second, Event.PLACE, Event.SHIP)
    assert 303 == (await client.post(f"/orders/{second}/received")).status_code
    advance(house, second, Event.FIT)
    assert 303 == (await client.post(f"/orders/{second}/withdraw", data=said)).status_code
    assert State.CLOSED == read(house, second).state
    assert "withdrawn" in (await client.get(f"/orders/{second}")).text


@pytest.mark.parametrize(("days", "possible"), [(0, True), (14, True), (15, False)])
async def test_the_time_to_withdraw_is_fourteen_days_from_delivery(
    house: House, client: httpx.AsyncClient, clock: ManualClock, days: int, possible: bool
) -> None:
    """To the end of the last day."""
    order_id = opened(house, State.PLACING)
    advance(house, order_id, Event.PLACE, Event.SHIP, Event.DELIVER)
    clock.pass_s(days * 86_400)
    assert possible == ("Withdraw from contract here" in (await client.get(f"/orders/{order_id}")).text)
    assert (200 if possible else 303) == (await client.get(f"/orders/{order_id}/withdraw")).status_code


@pytest.mark.parametrize(
    ("act", "state", "spare"), [("in-box", State.CLOSED, 2), ("never-arrived", State.FAILED, 0)]
)
async def test_where_the_delivered_pack_is(
    house: House, client: httpx.AsyncClient, act: str, state: State, spare: int
) -> None:
    """In its box it is a spare pack; what never came is none."""
    order_id = opened(house, State.PLACING)
    advance(house, order_id, Event.PLACE, Event.SHIP, Event.DELIVER)
    assert 303 == (await client.post(f"/orders/{order_id}/{act}")).status_code
    assert state == read(house, order_id).state
    with house.database.read() as session:
        slot = session.get_one(Slot, house.slots["level-1"])
        assert spare == read_stock(session, slot, (), NOW).spare_packs


async def test_only_a_person_says_what_became_of_an_unknown_outcome(
    house: House, client: httpx.AsyncClient
) -> None:
    """The retailer has it: placed, and never sent again."""
    order_id = opened(house, State.PLACING)
    with house.database.write() as session:
        order = session.get_one(PurchaseOrder, order_id)
        order.quoted_minor = 2490
        stumble(session, order, Problem.UNKNOWN_OUTCOME, "", None, NOW)
    assert "The shop has the order" in (await client.get(f"/orders/{order_id}")).text
    assert 303 == (await client.post(f"/orders/{order_id}/at-retailer")).status_code
    assert State.PLACED == read(house, order_id).state


async def test_the_switch_of_the_home_is_one_click_and_is_shown(
    house: House, client: httpx.AsyncClient
) -> None:
    """In both languages, and taken back the same way."""
    order_id = opened(house, State.PLACING)
    assert 303 == (await client.post("/stop")).status_code
    with house.database.read() as session:
        assert {HOUSEHOLD} == stopped_scopes(session)
    for language, words in (("en", "Let orders leave again"), ("ko", "주문 다시 허용하기")):
        assert words in (await client.get(f"/?lang={language}")).text
    assert "All orders are stopped" in (await client.get(f"/orders/{order_id}?lang=en")).text
    assert 303 == (await client.post("/go")).status_code
    with house.database.read() as session:
        assert set() == stopped_scopes(session)


async def test_no_form_of_another_site_does_any_of_it(house: House, client: httpx.AsyncClient) -> None:
    """Refused before anything is read."""
    order_id = opened(house)
    for path in ("/stop", "/go", *(f"/orders/{order_id}/{act}" for act in ("leave", "skip", "withdraw"))):
        answer = await client.post(path, headers={"sec-fetch-site": "cross-site"})
        assert 403 == answer.status_code
    assert State.COOLING_OFF == read(house, order_id).state
