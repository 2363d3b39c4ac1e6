"""Roles in the pages over a real database: from an only owner to a household that asks who acts."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlmodel import select

from replenish_server.households.membership import people_of
from replenish_server.households.people_tables import Person
from replenish_server.households.tables import Household, HouseholdNotice
from replenish_server.ordering.orders import create_order
from replenish_server.ordering.tables import OrderEvent, PurchaseOrder
from replenish_server.replenishment.priors import shipped_models
from replenish_server.web.household import DatabasePages
from replenish_server.web.people import DatabasePeople, browser_name
from replenish_server.web.router import install_pages
from tests.fakes.mortality import ManualClock
from tests.fakes.pages import NOW as PAGE_NOW
from tests.fakes.retailer_house import HOUSEHOLD, NOW, House

HEADERS = {"accept": "text/html", "accept-language": "en", "sec-fetch-site": "same-origin"}


@pytest.fixture
def app(house: House) -> FastAPI:
    """The pages over the house."""
    made = FastAPI()
    clock = ManualClock(NOW + timedelta(days=1))
    pages = DatabasePages(house.database, clock, lambda: None, shipped_models)
    install_pages(made, pages, DatabasePeople(house.database, clock, lambda: None))
    return made


def browser(app: FastAPI) -> httpx.AsyncClient:
    """A browser with its own cookies."""
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=HEADERS)


@pytest.fixture
async def owner(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """The browser of whoever is at home."""
    async with browser(app) as made:
        yield made


def person(house: House, name: str) -> Person:
    """Somebody by name."""
    with house.database.read() as session:
        return next(row for row in people_of(session, HOUSEHOLD) if row.name == name)


async def test_a_household_grows_from_an_only_owner(
    app: FastAPI, owner: httpx.AsyncClient, house: House
) -> None:
    """Add a child in the page, sign her phone in by the link; from then on strangers see nothing."""
    assert (await owner.get("/")).status_code == 200
    await owner.post("/people", data={"name": "Mia", "role": "child"})
    shown = await owner.post(f"/people/{person(house, 'Mia').id}/link")
    path = shown.text.split('href="http://localhost')[1].split('"')[0]
    async with browser(app) as phone, browser(app) as stranger:
        assert (await stranger.get("/")).headers["location"] == "/sign-in?to=/"
        assert (await phone.get(path)).status_code == 200
        assert (await phone.post(path)).headers["location"] == "/"
        assert (await phone.get("/")).status_code == 200
        assert (await stranger.post(path)).status_code == 410
        slot = house.slots["level-1"]
        rules = {"threshold": "300", "mode": "auto", "price_cap": "99"}
        assert (await phone.post(f"/slots/{slot}/rules", data=rules)).status_code == 403
        lost = await stranger.post(f"/slots/{slot}/rules", data=rules)
        assert lost.status_code == 401
        assert f'action="/slots/{slot}/rules"' in lost.text
        for name, value in rules.items():
            assert f'<input type="hidden" name="{name}" value="{value}">' in lost.text
        secret = await stranger.post("/people/nobody/pin", data={"pin": "4711"})
        assert (secret.status_code, "4711" in secret.text) == (401, False)
        assert (await owner.post(f"/slots/{slot}/rules", data=rules)).status_code == 303
        await owner.post(f"/people/{person(house, 'Mia').id}/remove")
        assert (await phone.get("/")).status_code == 303
    assert "Mia signed in on another browser" in (await owner.get("/notices")).text
    with house.database.read() as session:
        kinds = [row.kind for row in session.exec(select(HouseholdNotice))]
        assert kinds.count("signed_in") == 1


async def test_an_order_keeps_who_approved_and_who_canceled(owner: httpx.AsyncClient, house: House) -> None:
    await owner.post("/people", data={"name": "Bo", "role": "adult"})
    new = house.order_of(house.slots["level-1"], approved=False)
    with house.database.write() as session:
        order_id = create_order(session, new, NOW)
        session.get_one(PurchaseOrder, order_id).quoted_minor = 2490
    pages = DatabasePages(house.database, ManualClock(NOW + timedelta(days=1)), lambda: None, shipped_models)
    pages.approve(order_id, 2490, "Ada Byron")
    pages.cancel(order_id, "Bo")
    with house.database.read() as session:
        events = session.exec(select(OrderEvent).order_by(OrderEvent.id)).all()  # type: ignore[arg-type]
        assert ["", "Ada Byron", "Bo"] == [event.by for event in events]


async def test_a_pin_closes_the_house_and_opens_it(
    app: FastAPI, owner: httpx.AsyncClient, house: House
) -> None:
    await owner.post("/people", data={"name": "Bo", "role": "adult"})
    bo = person(house, "Bo").id
    await owner.post(f"/people/{bo}/pin", data={"pin": "4711"})
    async with browser(app) as tablet:
        assert "Bo" in (await tablet.get("/sign-in")).text
        assert (await tablet.post("/sign-in", data={"person_id": bo, "pin": "0000"})).status_code == 403
        assert (await tablet.post("/sign-in", data={"person_id": bo, "pin": "4711"})).status_code == 303
        other = person(house, "Ada Byron").id
        assert (await tablet.post(f"/people/{other}/pin", data={"pin": "1111"})).status_code == 409
        assert (await tablet.post(f"/people/{bo}/pin", data={"pin": "2222"})).status_code == 303
        assert (await tablet.post("/people", data={"name": "Eve", "role": "owner"})).status_code == 403
        sessions = (await owner.get("/people")).text
        ended = sessions.split("/sessions/")[1].split("/end")[0]
        assert (await owner.post(f"/sessions/{ended}/end")).status_code == 303
        assert (await tablet.get("/")).status_code == 303


async def test_with_two_households_nobody_is_taken_for_the_owner(
    app: FastAPI, owner: httpx.AsyncClient, house: House
) -> None:
    with house.database.write() as session:
        first = session.get_one(Household, HOUSEHOLD)
        session.add(Household(**{**first.model_dump(), "id": "home-2", "created_at": PAGE_NOW}))
    assert (await owner.get("/")).headers["location"] == "/sign-in?to=/"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36", "Chrome, Linux"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
            "Safari, iPhone",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/130.0 Safari/537.36 Edg/130.0", "Edge, Windows"),
        ("Mozilla/5.0 (Android 15; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0", "Firefox, Android"),
        ("curl/8.5", "curl/8.5"),
        ("", "?"),
    ],
)
def test_a_browser_is_called_what_people_call_it(said: str, name: str) -> None:
    assert browser_name(said) == name
