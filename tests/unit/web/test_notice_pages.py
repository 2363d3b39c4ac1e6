"""The inbox: on the home page while something is new, and on its own page."""

from dataclasses import replace

import httpx

from tests.fakes.people import FakePeople


async def test_what_is_new_stands_on_the_home_page_until_it_is_seen(
    client: httpx.AsyncClient, people: FakePeople
) -> None:
    text = (await client.get("/")).text
    assert "1 new" in text
    assert 'href="/slots/slt-tank">A device was added: Tank sensor.</a>' in text
    until = people.notices[0].at.isoformat()
    answer = await client.post("/notices/seen", data={"until": until})
    assert (answer.status_code, answer.headers["location"]) == (303, "/notices")
    assert "Tank sensor." not in (await client.get("/")).text
    assert "seen by home" in (await client.get("/notices")).text


async def test_the_inbox_speaks_korean(client: httpx.AsyncClient) -> None:
    text = (await client.get("/notices?lang=ko")).text
    assert "모두 확인함으로 표시" in text
    assert "확인: Ada" in text


async def test_an_unreadable_moment_marks_nothing(client: httpx.AsyncClient, people: FakePeople) -> None:
    for until in ("", "yesterday", "2026-11-24T09:30:00"):
        assert (await client.post("/notices/seen", data={"until": until})).status_code == 400
    assert people.notices[0].seen_by is None


async def test_what_is_no_longer_so_is_called_that(client: httpx.AsyncClient, people: FakePeople) -> None:
    """A notice of what may still be canceled stays in the inbox after the order has left."""
    people.notices[0] = replace(people.notices[0], seen_by="")
    assert "no longer so" in (await client.get("/notices")).text
    assert "지난 알림" in (await client.get("/notices?lang=ko")).text
