"""Pages of a home in which much has happened: what they say of the present, in how many statements."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import event
from starlette.applications import Starlette

from replenish_server.app import build_app
from replenish_server.fleet.commands import ask
from replenish_server.fleet.tables import Slot
from replenish_server.fleet.troubles import note_troubles
from replenish_server.households.mandate import Mode
from replenish_server.households.membership import actor_of, add_person, ensure_owner
from replenish_server.households.people import Role
from replenish_server.ordering.orders import open_order
from replenish_server.replenishment.facts import LOOKED_AT, gather
from replenish_server.replenishment.pausing import pause
from replenish_server.replenishment.priors import shipped_models
from replenish_server.replenishment.readings import levels_of, read_histories
from replenish_server.replenishment.stock import kept_stocks
from replenish_server.retailers.tables import Retailer
from replenish_server.web.consents import DatabaseConsents
from replenish_server.web.gate import COOKIE
from replenish_server.web.household import DatabasePages
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import HOUSEHOLD, Template
from tests.support.lived_in_home import LOW
from tests.support.lived_in_site import LivedIn
from tests.support.statements import Spy

pytestmark = pytest.mark.sqlite
MORE = 4
"""Of each kind that a home may have more of."""
COUNTED = 8
"""Statements at most that tell the level of a device which counts."""


@pytest.fixture(scope="module")
def site(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivedIn]:
    """In which everything has happened."""
    assert not callable(template)
    made = LivedIn(template, tmp_path_factory.mktemp("home"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def app(site: LivedIn) -> Starlette:
    """The whole application."""
    return build_app(site.server)


@pytest.fixture
def spy(site: LivedIn) -> Iterator[Spy]:
    """Hears what the database is asked from here on."""
    made, reading = Spy(), site.server.database.reading
    reading.dispose()
    event.listen(reading, "connect", made.watch)
    yield made
    event.remove(reading, "connect", made.watch)
    reading.dispose()


def statements(site: LivedIn, app: Starlette, spy: Spy, paths: list[str]) -> dict[str, int]:
    """What each page takes, by its path."""

    async def look() -> dict[str, int]:
        found = {}
        headers = {"accept": "text/html", "cookie": f"{COOKIE}={site.cookies['owner']}"}
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            for path in paths:
                token = site.api_token if path.startswith("/api") else site.operator_token
                spy.since()
                answer = await client.get(path, headers={**headers, "authorization": f"Bearer {token}"})
                assert answer.status_code == 200, path
                found[path] = spy.since()[0]
        return found

    return asyncio.run(look())


def grow(site: LivedIn) -> None:
    """More supplies with orders, supplies on trial, devices with something to say, and people."""
    home = site.home
    for number in range(MORE):
        for name, mode in (("waits", Mode.ASK), ("leaves", Mode.AUTO), ("tries", Mode.SHADOW)):
            home.add(f"{name}-{number}", mode)
            home.read(f"{name}-{number}", *LOW)
        home.add(f"counts-{number}", Mode.ASK, "pages")
    with site.database.write() as session:
        for number in range(MORE):
            ask(session, f"counts-{number}", "identify", home.now)
            note_troubles(session, [(f"waits-{number}", home.now, {"mode": "safe"})])
            add_person(session, HOUSEHOLD, f"Person {number}", Role.ADULT, home.now)


def test_no_page_takes_more_statements_because_there_is_more_to_show(
    site: LivedIn, app: Starlette, spy: Spy
) -> None:
    """But for the home page, which reads a device that counts by itself. Every open tab loads its page again
    every few seconds."""
    paths = [path for path in site.paths() if path != "/nothing-here"]
    paths += ["/fleet", "/fleet/devices/leak", "/api/v1/orders?limit=100"]
    statements(site, app, spy, paths)  # what is asked once by each process
    few = statements(site, app, spy, paths)
    grow(site)
    many = statements(site, app, spy, paths)
    more = {path: many[path] - few[path] for path in paths if many[path] != few[path]}
    assert set(more) == {"/"}
    assert MORE < more["/"] <= COUNTED * MORE


def test_what_is_shown_at_a_glance_is_what_a_decision_rests_on(site: LivedIn) -> None:
    """Level, age and spare packs, whatever the slot: also one that is silent, coarse, or has just fallen."""
    now = site.home.now
    with site.database.read() as session:
        slots = [session.get_one(Slot, slot_id) for slot_id in site.home.slots.values()]
        together = read_histories(session, slots, {slot.id: now - LOOKED_AT for slot in slots})
        stocks = kept_stocks(session, [slot.id for slot in slots])
        glanced = levels_of(session, slots, now - LOOKED_AT)
        for slot in slots:
            insight = gather(session, slot, open_order(session, slot.id), now, None)
            level = (insight.history.level, insight.history.as_of)
            assert glanced[slot.id] == level
            assert (together[slot.id].level, together[slot.id].as_of) == level
            assert stocks[slot.id].spare_packs == insight.ledger.spare_packs


def test_a_pause_of_the_home_is_said_first(site: LivedIn) -> None:
    """Until its day, and not on it."""
    clock = ManualClock(site.home.now)
    pages = DatabasePages(site.database, clock, lambda: None, shipped_models)
    until = (site.home.now + timedelta(days=3)).date()
    with site.database.write() as session:
        actor = actor_of(ensure_owner(session, HOUSEHOLD))
        pause(session, None, until, actor, site.home.now)
    assert pages.home("en", HOUSEHOLD).paused_until == until
    clock.pass_s(3 * 86_400)
    assert pages.home("en", HOUSEHOLD).paused_until is None


def test_more_shops_take_no_more_statements(site: LivedIn, spy: Spy) -> None:
    """Each with its ways to pay; the shops themselves are asked by their lines, which are none here."""
    server = site.server
    consents = DatabaseConsents(server.database, lambda _: None, server.mandates, server.clock)

    def asked() -> tuple[int, int]:
        spy.since()
        view = consents.consents(HOUSEHOLD)
        assert view is not None
        return len(view.shops), spy.since()[0]

    asked()
    shops, statements_of_few = asked()
    with site.database.write() as session:
        for number, slot_id in enumerate(list(site.home.slots.values())[:MORE]):
            name = f"shop-more-{number}"
            session.add(
                Retailer(
                    id=name,
                    name=name,
                    url="",
                    payment_handler="h",
                    payment_token="",
                    created_at=site.home.now,
                )
            )
            session.get_one(Slot, slot_id).retailer_id = name
    assert asked() == (shops + MORE, statements_of_few)
