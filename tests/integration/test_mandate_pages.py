"""The mandate and the trial in the page, on a real database: what is typed is kept, judged and said."""

from collections.abc import AsyncIterator
from datetime import date, timedelta

import httpx
import pytest
from sqlmodel import select

from replenish_server.fleet.mandates import slot_mandate
from replenish_server.fleet.tables import Slot
from replenish_server.households.ledger import Entry, reserve
from replenish_server.households.mandate import Mandate, Mode
from replenish_server.households.tables import HouseholdMandate
from replenish_server.ordering.orders import create_order
from replenish_server.replenishment.tables import DecisionRecord
from replenish_server.web.mandate_routes import build_mandate_router
from replenish_server.web.mandates import DatabaseMandates
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import HOUSEHOLD, NOW, RETAILER, House, evaluate_now
from tests.support.page_browser import open_browser


@pytest.fixture
def woken() -> list[str]:
    """Filled whenever a wish is to be carried out at once."""
    return []


@pytest.fixture
async def client(house: House, woken: list[str]) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of the only owner."""
    clock = ManualClock(NOW)

    def wake() -> None:
        woken.append("now")

    mandates = build_mandate_router(DatabaseMandates(house.database, clock, wake))
    async with open_browser(house, clock, mandates, wake=wake) as made:
        yield made


def in_force(house: House) -> Mandate:
    """What holds for the level slot."""
    with house.database.read() as session:
        return slot_mandate(session, session.get_one(Slot, house.slots["level-1"]))


async def test_the_homes_rules_are_kept_and_hold_for_a_slot(
    client: httpx.AsyncClient, house: House, woken: list[str]
) -> None:
    """And come back into the form as they were typed."""
    form = {
        "mode": "notify",
        "price_cap": "20",
        "over_percent": "10",
        "budget": "1,000.50",
        "substitution": "ask",
        "shops": RETAILER,
        "quiet_from": "22:00",
        "quiet_until": "7:00",
        "valid_until": "2026-12-24",
        "basket_days": "5",
    }
    answer = await client.post("/mandate", data=form)
    assert (303, "/mandate?notice=mandate_saved") == (answer.status_code, answer.headers["location"])
    assert woken
    mandate = in_force(house)
    assert (mandate.budget_minor, mandate.over_last_paid_percent) == (100_050, 10)
    assert mandate.retailers == (RETAILER,)
    assert mandate.quiet is not None
    assert (mandate.quiet.from_min, mandate.quiet.until_min) == (22 * 60, 7 * 60)
    assert mandate.valid_until == date(2026, 12, 24)
    assert (mandate.mode, mandate.price_cap_minor) == (Mode.AUTO, 3000), "the slot's own words stand"
    page = (await client.get("/mandate")).text
    for value in ("1000.50", "22:00", "07:00", "2026-12-24"):
        assert f'value="{value}"' in page
    with house.database.read() as session:
        assert session.get_one(HouseholdMandate, HOUSEHOLD).basket_days == 5


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("price_cap", "much", "must be an amount"),
        ("budget", "-1", "must be an amount"),
        ("over_percent", "10 %", "whole number from 0 to 500"),
        ("basket_days", "15", "whole number from 0 to 14"),
        ("quiet_from", "25:00", "a time such as 22:00"),
        ("quiet_until", "07:00", "both a start and an end"),
        ("valid_until", "24.12.2026", "a day such as 2026-12-24"),
        ("mode", "sometimes", "Choose one of these"),
        ("shops", "shop-1", "either every shop, or those"),
        ("every_shop", "", "either every shop, or those"),
    ],
)
async def test_what_cannot_be_read_is_said_beside_its_field_and_nothing_is_lost(
    client: httpx.AsyncClient, house: House, field: str, typed: str, said: str
) -> None:
    """The other fields keep what was typed, and nothing is saved."""
    form = {"budget": "12.34", "every_shop": "yes", field: typed}
    answer = await client.post("/mandate", data=form)
    assert answer.status_code == 422
    assert said in answer.text
    if field != "budget":
        assert 'value="12.34"' in answer.text
    assert in_force(house).budget_minor is None


async def test_a_slot_takes_further_products_in_order(client: httpx.AsyncClient, house: House) -> None:
    """A row that is not whole is named by its number; empty rows are no products."""
    path = f"/slots/{house.slots['level-1']}/mandate"
    whole = {
        "item-0": "det-15",
        "name-0": "Larger",
        "pack-0": "1500",
        "shop-0": RETAILER,
        "every_shop": "yes",
    }
    broken = await client.post(path, data={**whole, "item-1": "det-2"})
    assert broken.status_code == 422
    assert "Choice 3 needs" in broken.text
    assert (await client.post(path, data={**whole, "substitution": "from_list"})).status_code == 303
    assert [p.pack_amount for p in in_force(house).products] == [1_000_000, 1_500_000]
    assert "Larger" in (await client.get(path)).text


async def test_home_and_slot_can_be_paused_and_go_on(client: httpx.AsyncClient, house: House) -> None:
    """Until a day that is ahead; ending it takes one click."""
    slot = f"/slots/{house.slots['level-1']}/pause"
    for path in ("/pause", slot):
        assert (await client.post(path, data={"until": "2026-05-04"})).status_code == 422
        assert (await client.post(path, data={"until": "2026-06-01"})).status_code == 303
        assert in_force(house).paused_until == date(2026, 6, 1)
        assert (await client.post(path)).status_code == 303
        assert in_force(house).paused_until is None
    assert (await client.get("/pause")).status_code == 303


async def test_the_page_says_what_is_left_of_the_month(client: httpx.AsyncClient, house: House) -> None:
    """Reserved money counts as spent."""
    await client.post("/mandate", data={"budget": "60", "every_shop": "yes"})
    new = house.order_of(house.slots["level-1"])
    with house.database.write() as session:
        order_id = create_order(session, new, NOW)
        assert reserve(session, Entry(HOUSEHOLD, new.slot_id, order_id, 2399, "EUR"), NOW).ok
    assert "€23.99 of €60.00 spent or on its way, €36.01 left" in (await client.get("/mandate")).text


async def test_one_click_ends_a_trial(client: httpx.AsyncClient, house: House) -> None:
    """By itself only with a price cap; any other word is refused."""
    slot = house.slots["level-1"]
    rules = f"/slots/{slot}/mandate"
    await client.post(rules, data={"mode": "shadow", "every_shop": "yes"})
    assert in_force(house).mode is Mode.SHADOW
    page = (await client.get("/trial")).text
    assert f'id="ask-{slot}"' in page
    assert f'id="auto-{slot}"' not in page
    turn_on = f"/slots/{slot}/turn-on"
    assert (await client.post(turn_on, data={"mode": "auto"})).status_code == 409
    assert (await client.post(turn_on, data={"mode": "shadow"})).status_code == 400
    assert (await client.post(turn_on, data={"mode": "ask"})).status_code == 303
    assert in_force(house).mode is Mode.ASK
    assert "No supply is on trial" in (await client.get("/trial")).text


async def test_other_rules_let_a_paused_slot_be_looked_at_at_once(
    client: httpx.AsyncClient, house: House
) -> None:
    """The slot is due now, whatever it waited for."""
    slot_id = house.slots["level-1"]
    with house.database.write() as session:
        session.get_one(Slot, slot_id).due_at = NOW + timedelta(hours=12)
    await client.post("/pause", data={"until": "2026-06-01"})
    with house.database.read() as session:
        assert session.get_one(Slot, slot_id).due_at == NOW


@pytest.mark.parametrize("lang", ["en", "ko"])
async def test_the_home_page_shows_the_months_budget_and_the_mandate_who_changed_it(
    client: httpx.AsyncClient, house: House, lang: str
) -> None:
    """What is on its way counts; a name stands there where somebody gave one."""
    await client.post("/mandate", data={"budget": "100", "every_shop": "yes"})
    slot_id = house.slots["level-1"]
    with house.database.write() as session:
        evaluate_now(session, slot_id, NOW)
        judged = session.exec(select(DecisionRecord.data).where(DecisionRecord.slot_id == slot_id)).one()
    new = house.order_of(slot_id)
    with house.database.write() as session:
        session.get_one(DecisionRecord, new.decision_id).data = judged
        order_id = create_order(session, new, NOW)
        reserve(session, Entry(HOUSEHOLD, slot_id, order_id, 2500, "EUR"), NOW)
        session.get_one(HouseholdMandate, HOUSEHOLD).changed_by = "Ada"
    language = {"accept-language": lang}
    home = (await client.get("/", headers=language)).text
    assert '<progress max="10000" value="2500"' in home
    assert ("€75.00 left" if lang == "en" else "€75.00 남음") in home
    page = (await client.get("/mandate", headers=language)).text
    assert ("by Ada." if lang == "en" else "Ada 님.") in page
