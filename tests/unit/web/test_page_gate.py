"""Who may do what on the pages: every form by every role, strangers, other households, and the way in."""

import re

import httpx
import pytest
from fastapi.routing import APIRoute

from replenish_server.web.devices_routes import build_devices_router
from replenish_server.web.gate import COOKIE, FOR_ALL, FORM_ACTS, NAMES_NOTHING, PAGE_ACTS, needed
from replenish_server.web.life_routes import build_life_router
from replenish_server.web.people import _OWNED
from replenish_server.web.people_views import PinTry
from replenish_server.web.router import build_router
from replenish_server.web.shopping_routes import build_shopping_router
from tests.fakes.life import FakeLife
from tests.fakes.pages import FakePages, at, household
from tests.fakes.people import ACTS, FakePeople, viewer


def page_routes() -> list[tuple[str, str]]:
    """(method, path) of every page, as the application knows them."""
    routers = (
        build_router(household(), FakePeople()),
        build_shopping_router(None),  # type: ignore[arg-type]
        build_life_router(FakeLife()),
        build_devices_router(None),  # type: ignore[arg-type]
    )
    return [
        (method, route.path)
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods)
    ]


FORMS = sorted(path for method, path in page_routes() if method == "POST")
PAGES = sorted(path for method, path in page_routes() if method == "GET")
ELSEWHERE = {
    path
    for router in (build_shopping_router(None), build_life_router(None), build_devices_router(None))  # type: ignore[arg-type]
    for path in (getattr(route, "path", "") for route in router.routes)
}
IN_THIS_APP = [path for path in FORMS if path not in ELSEWHERE]


def address(path: str) -> str:
    """A path with ids of the fake household in it."""
    return path.format(
        slot_id="slt-tank",
        order_id="ord-1",
        device_id="button-1",
        person_id="pers-mia",
        session_id="sess-2",
        token="rpl_good",
        lang="ko",
        action="approve",
    )


def test_the_tables_of_the_gate_name_real_pages_only() -> None:
    assert FORM_ACTS.keys() <= set(FORMS)
    assert PAGE_ACTS.keys() <= set(PAGES)
    assert set(FORMS) | set(PAGES) >= FOR_ALL
    assert len(FORMS) > 12


def test_every_id_in_a_path_is_one_whose_household_is_known() -> None:
    named = {name for _, path in page_routes() for name in re.findall(r"{(\w+)}", path)}
    assert named - NAMES_NOTHING - _OWNED.keys() - {"session_id"} == set()


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "null"},
        {},
    ],
)
async def test_no_other_site_can_send_a_form(
    client: httpx.AsyncClient, pages: FakePages, people: FakePeople, headers: dict[str, str]
) -> None:
    """Every state-changing page route, without the proof that only our own page can give."""
    del client.headers["sec-fetch-site"]
    for path in IN_THIS_APP:
        answer = await client.post(address(path), headers=headers, data={"name": "Eve", "role": "owner"})
        assert answer.status_code == 403, path
    assert (pages.calls, people.calls) == ([], [])


@pytest.mark.parametrize("role", [*ACTS, "stranger"])
async def test_each_role_may_send_exactly_its_forms(
    client: httpx.AsyncClient, pages: FakePages, people: FakePeople, role: str
) -> None:
    people.asking = None if role == "stranger" else viewer(role)
    for path in IN_THIS_APP:
        if path in FOR_ALL:
            continue
        pages.calls.clear()
        people.calls.clear()
        allowed = role != "stranger" and needed("POST", path) in ACTS[role].split()
        answer = await client.post(address(path), data={"until": at(0).isoformat(), "wish": "w"})
        assert (answer.status_code in (401, 403)) is not allowed, path
        if not allowed:
            assert answer.status_code == (401 if role == "stranger" else 403), path
            assert (pages.calls, people.calls) == ([], []), path


@pytest.mark.parametrize("role", [*ACTS, "stranger"])
async def test_each_role_sees_exactly_its_pages(
    client: httpx.AsyncClient, people: FakePeople, role: str
) -> None:
    people.asking = None if role == "stranger" else viewer(role)
    for path in PAGES:
        if path in FOR_ALL or path in ELSEWHERE:
            continue
        answer = await client.get(address(path), follow_redirects=False)
        if role == "stranger":
            assert answer.headers["location"].startswith("/sign-in?to=/"), path
        else:
            assert (answer.status_code == 403) is (path != "/" and "see" not in ACTS[role].split()), path


async def test_what_belongs_to_another_household_is_not_there(
    client: httpx.AsyncClient, pages: FakePages, people: FakePeople
) -> None:
    """The same page as for what does not exist, and nothing is done."""
    people.asking = viewer("owner")
    people.foreign = {"slt-tank", "ord-1", "button-1", "pers-mia", "sess-2"}
    seen = 0
    for method, path in page_routes():
        if "_id}" not in path or path in ELSEWHERE:
            continue
        answer = await client.request(method, address(path), data={} if method == "POST" else None)
        assert (answer.status_code, "There is nothing here" in answer.text) == (404, True), path
        seen += 1
    assert seen > 10
    assert (pages.calls, people.calls) == ([], [])


async def test_a_guest_sees_names_and_nothing_else(client: httpx.AsyncClient, people: FakePeople) -> None:
    people.asking = viewer("guest")
    text = (await client.get("/")).text
    assert "Washing powder" in text
    for secret in ("1,624", "€", "Waiting for you", "Orders", 'href="/slots', "Tank sensor"):
        assert secret not in text, secret


async def test_a_child_sees_orders_without_buttons(client: httpx.AsyncClient, people: FakePeople) -> None:
    people.asking = viewer("child")
    text = (await client.get("/orders/ord-1")).text
    assert "An adult decides about this order." in text
    assert "/approve" not in text
    assert "/cancel" not in text


async def test_who_acts_is_kept(client: httpx.AsyncClient, pages: FakePages, people: FakePeople) -> None:
    people.asking = viewer("adult", "Bo")
    await client.post("/orders/ord-2/cancel")
    assert ("cancel", "ord-2") in pages.calls
    assert pages.named == ["Bo"]


async def test_a_link_asks_before_it_signs_in(client: httpx.AsyncClient, people: FakePeople) -> None:
    people.asking = None
    shown = await client.get("/sign-in/rpl_good")
    assert "Sign in as Mia" in shown.text
    assert people.calls == []
    answer = await client.post("/sign-in/rpl_good")
    cookie = answer.headers["set-cookie"]
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert cookie.startswith(f"{COOKIE}=rps_new;")
    for part in ("HttpOnly", "SameSite=lax", "Path=/"):
        assert part in cookie
    assert "Secure" not in cookie  # plain http on localhost; a browser would drop the cookie


async def test_a_used_link_says_so_in_both_languages(client: httpx.AsyncClient, people: FakePeople) -> None:
    people.asking = None
    for method in ("GET", "POST"):
        answer = await client.request(method, "/sign-in/rpl_old", data={} if method == "POST" else None)
        assert answer.status_code == 410
        assert "set-cookie" not in answer.headers
    assert "오래된 링크" in (await client.get("/sign-in/rpl_old?lang=ko")).text


async def test_a_pin_signs_in_and_goes_where_one_wanted_to_go(
    client: httpx.AsyncClient, people: FakePeople
) -> None:
    people.asking = None
    form = {"person_id": "pers-ada", "pin": "4711", "to": "/slots/slt-tank"}
    wrong = await client.post("/sign-in", data=form)
    assert (wrong.status_code, "This PIN is not right" in wrong.text) == (403, True)
    assert 'value="/slots/slt-tank"' in wrong.text
    people.pin = PinTry(None, at(1 / 24 / 4))
    locked = await client.post("/sign-in", data=form)
    assert (locked.status_code, locked.headers["retry-after"]) == (429, "900")
    assert "Try again in 15 min" in locked.text
    people.pin = PinTry("rps_new", None)
    answer = await client.post("/sign-in", data=form)
    assert answer.headers["location"] == "/slots/slt-tank"
    elsewhere = await client.post("/sign-in", data={**form, "to": "//evil.example"})
    assert elsewhere.headers["location"] == "/"


async def test_the_owner_stays_signed_in_when_somebody_moves_in(
    client: httpx.AsyncClient, people: FakePeople
) -> None:
    answer = await client.post("/people", data={"name": "Mia", "role": "child"})
    assert answer.headers["location"] == "/people?notice=person_added"
    assert answer.headers["set-cookie"].startswith(f"{COOKIE}=rps_new;")
    assert "Show them a sign-in link" in (await client.get(answer.headers["location"])).text


async def test_a_link_is_shown_as_text_and_as_a_picture(
    client: httpx.AsyncClient, people: FakePeople
) -> None:
    text = (await client.post("/people/pers-mia/link")).text
    assert 'href="http://localhost/sign-in/rpl_good"' in text
    assert "<svg" in text
    assert "style=" not in text  # the content policy allows none


async def test_a_refusal_says_what_to_do(client: httpx.AsyncClient, people: FakePeople) -> None:
    people.refuse = "last_owner"
    answer = await client.post("/people/pers-ada/remove")
    assert answer.status_code == 409
    assert "add another one first" in answer.text


async def test_signing_out_takes_the_cookie_away(client: httpx.AsyncClient, people: FakePeople) -> None:
    people.asking = viewer("adult")
    answer = await client.post("/sign-out")
    assert people.calls == [("sign_out", "sess-1")]
    assert f'{COOKIE}=""' in answer.headers["set-cookie"]
