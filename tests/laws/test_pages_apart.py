"""Law 8 and the forms of the whole server, generated from the routes that it really has."""

import re
import shutil
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from replenish_server.app import build_app
from replenish_server.database import Database
from replenish_server.households.membership import ensure_owner
from replenish_server.households.operators import add_operator, start_operator_session
from replenish_server.households.people import Role
from replenish_server.households.sign_in import start_session
from replenish_server.households.tables import Household
from replenish_server.retailers.feed.desk import Desk
from replenish_server.server import Server
from replenish_server.settings import Settings
from replenish_server.web import fleet_routes
from replenish_server.web.gate import COOKIE, FOR_ALL, NAMES_NOTHING, PageRoute
from replenish_server.website import build_website
from tests.fakes.retailer_house import HOUSEHOLD, House
from tests.support.two_homes import OTHER, TwoHomes

pytestmark = pytest.mark.law

# Programs speak here: each request proves itself, and no browser carries that proof by itself.
FOR_PROGRAMS = {"/webhooks/ucp", "/cxml", "/mcp"}
PAGE = {"accept": "text/html", "sec-fetch-site": "same-origin"}


def flat(routes: Iterable[Any]) -> Iterator[Any]:
    """Every route, also those of routers that were taken in."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is None:
            yield route
        else:
            yield from flat(inner.routes)


class Composed:
    """The whole server over two homes; the other one is older, so that "the first" is never the right one."""

    def __init__(self, template: Path, folder: Path) -> None:
        shutil.copy(template, folder / "replenish.db")
        settings = Settings(data_dir=folder)
        house = House(Database(settings.database_url))
        self.homes = TwoHomes(house)
        self.server = Server(settings)
        with house.database.write() as session:
            mine = session.get_one(Household, HOUSEHOLD)
            session.get_one(Household, OTHER).created_at = mine.created_at - timedelta(days=9)
            owner = ensure_owner(session, HOUSEHOLD)
            theirs = ensure_owner(session, OTHER)
            self.cookie = start_session(session, owner.id, "Phone", self.server.clock.now())
            start_session(session, theirs.id, "Their phone", self.server.clock.now())
            self.their_person = theirs.id
        self.their_order = self.homes.order(self.homes.their_slot, OTHER)
        self.app = build_app(self.server)
        desk = Desk(self.server.database, self.server.clock, self.server.retailer_acted)
        self.site: FastAPI = build_website(self.server, desk)
        routes = flat([*self.app.routes, *self.site.routes])
        self.routes = [(m, r) for r in routes for m in sorted(getattr(r, "methods", None) or ())]

    def client(self, **headers: str) -> httpx.AsyncClient:
        """A browser of our own owner."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app),
            base_url="http://localhost",
            headers=headers,
            cookies={COOKIE: self.cookie},
        )

    def theirs(self, path: str) -> str:
        """The path with every id of the other home in it."""
        return path.format(
            slot_id=self.homes.their_slot,
            order_id=self.their_order,
            device_id="theirs",
            person_id=self.their_person,
            session_id="sess-theirs",
            token="x",
            lang="ko",
            action="approve",
            act="ship",
            rollout_id="roll-1",
            what="x",
        )


@pytest.fixture
def composed(template: Path, tmp_path: Path) -> Iterator[Composed]:
    """The server, not started: only its pages answer."""
    made = Composed(template, tmp_path)
    yield made
    made.server.shops.close()
    made.server.database.close()
    made.homes.database.close()


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {}]
)
async def test_every_form_of_the_server_refuses_another_site(
    composed: Composed, headers: dict[str, str]
) -> None:
    """With the owner's own cookie, as a browser on another site's page would send it."""
    forms = sorted({r.path for m, r in composed.routes if m in ("POST", "PUT", "PATCH", "DELETE")})
    before, tried = composed.homes.dump(), 0
    async with composed.client(accept="text/html", **headers) as client:
        for path in forms:
            if path in FOR_PROGRAMS:
                continue
            answer = await client.post(composed.theirs(path), data={"until": "x", "wish": "w", "name": "Eve"})
            assert answer.status_code == 403, path
            tried += 1
    assert tried > 30
    assert composed.homes.dump() == before


async def test_every_page_of_another_household_is_not_there(composed: Composed) -> None:
    """Every page and form with the other home's ids: 404, the page for what does not exist, nothing done."""
    before, tried = composed.homes.dump(), 0
    async with composed.client(**PAGE) as client:
        for method, route in composed.routes:
            if not isinstance(route, PageRoute) or "_id}" not in route.path or route.path in FOR_ALL:
                continue
            assert set(re.findall(r"{(\w+)}", route.path)) & NAMES_NOTHING <= {"action"}
            answer = await client.request(
                method, composed.theirs(route.path), data={} if method == "POST" else None
            )
            assert (answer.status_code, "There is nothing here" in answer.text) == (404, True), route.path
            tried += 1
    assert tried > 40
    assert composed.homes.dump() == before


async def test_no_page_shows_what_is_next_door(composed: Composed) -> None:
    """Also where a page speaks of the home as a whole."""
    secrets = ["Next door", "Their box", "Their button", "Their phone", composed.homes.their_slot,
               composed.their_order, "Zelda"]  # fmt: skip
    seen = 0
    async with composed.client(**PAGE) as client:
        for method, route in composed.routes:
            if method != "GET" or not isinstance(route, PageRoute) or "{" in route.path:
                continue
            answer = await client.get(route.path, follow_redirects=True)
            assert answer.status_code == 200, route.path
            assert [secret for secret in secrets if secret in answer.text] == [], route.path
            seen += 1
    assert seen > 8


async def test_what_a_person_wishes_for_the_home_is_for_their_own(composed: Composed) -> None:
    """Forms without an id act on the household of who sends them."""
    async with composed.client(**PAGE) as client:
        for method, route in composed.routes:
            if method != "POST" or not isinstance(route, PageRoute) or "{" in route.path:
                continue
            if route.path not in FOR_ALL:
                form = {"until": "2031-01-01", "name": "Mia", "role": "child", "mode": "ask"}
                await client.post(route.path, data=form)
    with composed.homes.database.engine.connect() as connection:
        for table in ("household_mandate", "person", "notice"):
            rows = connection.exec_driver_sql(
                f"SELECT count(*) FROM {table} WHERE household_id = '{OTHER}'"
            ).scalar()
            assert rows == {"household_mandate": 0, "person": 1, "notice": 1}[table], table


def is_operators(route: Any) -> bool:
    """Whether a route is one of the operator's pages."""
    return str(route.path).startswith("/fleet")


def operator_of(composed: Composed) -> tuple[str, str]:
    """An operator's own token, and one of a session."""
    with composed.homes.database.write() as session:
        operator, token = add_operator(session, "Olga", composed.server.clock.now())
        return token, start_operator_session(session, operator, composed.server.clock.now())


async def test_a_household_never_sees_the_fleet(composed: Composed) -> None:
    """An owner's session and token open no page and no form of the operator's, and change nothing."""
    operator_of(composed)
    person = composed.homes.token(Role.OWNER)
    before, tried = composed.homes.dump(), 0
    async with composed.client(**PAGE, **person) as client:
        for method, route in composed.routes:
            if not is_operators(route) or route.path == "/fleet/sign-out":
                continue
            form = (
                {"token": person["authorization"].split()[1], "deed": "abort"} if method == "POST" else None
            )
            path = composed.theirs(route.path)
            answer = await client.request(method, path, data=form, follow_redirects=True)
            assert ("theirs" in answer.text, "rpo_" in answer.text) == (False, True), path  # the sign-in page
            assert fleet_routes.COOKIE not in client.cookies, path
            tried += 1
    assert tried >= 7
    assert composed.homes.dump() == before


async def test_an_operator_never_sees_a_household(composed: Composed) -> None:
    """Their cookie and their token open no page, no form and no program's address of any home."""
    token, cookie = operator_of(composed)
    before, tried = composed.homes.dump(), 0
    async with composed.client(**PAGE, authorization=f"Bearer {token}") as client:
        client.cookies.clear()
        for name in (fleet_routes.COOKIE, COOKIE):
            client.cookies.set(name, cookie)
        for method, route in composed.routes:
            if route.path in FOR_ALL or is_operators(route):
                continue
            if isinstance(route, PageRoute):
                answer = await client.request(
                    method, composed.theirs(route.path), data={} if method == "POST" else None
                )
                assert answer.status_code in (303, 401), route.path
                assert method != "GET" or answer.headers["location"].startswith("/sign-in"), route.path
                tried += 1
        for path in ("/api/v1/slots", "/api/v1/orders", "/api/v1/devices"):
            assert (await client.get(path)).status_code in (401, 404), path
        assert (await client.post("/mcp", json={})).status_code == 401
    assert tried > 60
    assert composed.homes.dump() == before


async def test_an_operators_page_says_nothing_of_what_a_household_has(composed: Composed) -> None:
    """The list, a device and the CSV name the device, and neither home, slot, product, person nor order."""
    token, _ = operator_of(composed)
    secrets = ["Next door", "Their box", "Their button", "Their phone", composed.homes.their_slot,
               composed.their_order, "Zelda", OTHER, HOUSEHOLD, "Detergent"]  # fmt: skip
    async with composed.client(**PAGE, authorization=f"Bearer {token}") as client:
        for path in ("/fleet", "/fleet?state=never&page=1", "/fleet/devices/theirs", "/fleet/devices.csv"):
            answer = await client.get(path)
            assert (answer.status_code, "theirs" in answer.text) == (200, True), path
            assert [secret for secret in secrets if secret in answer.text] == [], path
