"""The operator's pages over a real database: signing in and out, filters, pages, CSV, steering a rollout."""

import csv
import io
import re
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import httpx
import pytest
import yaml
from fastapi import FastAPI

from replenish_server.fleet.credentials import revoke_device
from replenish_server.fleet.tables import DeviceTrouble
from replenish_server.households.operators import add_operator
from replenish_server.web.fleet import PAGE_ROWS, DatabaseFleet
from replenish_server.web.fleet_phrases import FLEET_PHRASES
from replenish_server.web.fleet_routes import COOKIE, build_fleet_pages
from replenish_server.web.rate_limit import RateLimit
from tests.fakes.retailer_house import NOW, House
from tests.support.firmware_fleet import FirmwareFleet

SIZE = PAGE_ROWS + 5


@pytest.fixture
def fleet(house: House, tmp_path: Path) -> FirmwareFleet:
    """More devices than a page has room for; one of them was revoked."""
    made = FirmwareFleet(house, tmp_path / "images", SIZE)
    with house.database.write() as session:
        revoke_device(session, "d-3", "", NOW)
    return made


@pytest.fixture
async def browser(fleet: FirmwareFleet) -> AsyncIterator[httpx.AsyncClient]:
    """An operator's, not signed in."""
    app = FastAPI()
    pages = DatabaseFleet(fleet.database, fleet.clock, fleet.firmware)
    app.include_router(build_fleet_pages(pages, RateLimit(0.1, 4, lambda: 0.0)))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="https://localhost",
        headers={"sec-fetch-site": "same-origin", "accept-language": "en"},
    ) as client:
        yield client


async def sign_in(browser: httpx.AsyncClient, fleet: FirmwareFleet) -> None:
    """As a new operator."""
    with fleet.database.write() as session:
        _, token = add_operator(session, "Olga", NOW)
    answer = await browser.post("/fleet/sign-in", data={"token": f" {token} "})
    assert answer.status_code == 303
    said = answer.headers["set-cookie"].lower()
    assert [
        word for word in (COOKIE, "path=/fleet", "httponly", "secure", "samesite=strict") if word not in said
    ] == []


async def test_only_a_token_opens_and_signing_out_closes(
    browser: httpx.AsyncClient, fleet: FirmwareFleet
) -> None:
    """A wrong one says so, too many tries are slowed down, a form from elsewhere is refused."""
    assert "rpo_" in (await browser.get("/fleet")).text
    wrong = await browser.post("/fleet/sign-in", data={"token": "rpo_wrong"})
    assert (wrong.status_code, "opens nothing" in wrong.text) == (401, True)
    elsewhere = {"sec-fetch-site": "cross-site"}
    assert (await browser.post("/fleet/sign-in", data={"token": "x"}, headers=elsewhere)).status_code == 403
    await sign_in(browser, fleet)
    assert "d-0" in (await browser.get("/fleet")).text
    await browser.post("/fleet/sign-out")
    assert "d-0" not in (await browser.get("/fleet")).text
    for _ in range(3):
        last = await browser.post("/fleet/sign-in", data={"token": "rpo_wrong"})
    assert (last.status_code, "Too many tries" in last.text) == (429, True)


async def test_filters_and_pages_show_what_was_asked_for(
    browser: httpx.AsyncClient, fleet: FirmwareFleet
) -> None:
    """Nonsense in the query string is as if it were not there; the CSV has all that fits."""
    await sign_in(browser, fleet)

    async def devices(query: str) -> int:
        answer = await browser.get(f"/fleet?{query}")
        assert answer.status_code == 200
        return answer.text.count('<th scope="row">')

    everything = SIZE + 2  # the house has a sensor and a button of its own
    assert [await devices(f"page={page}") for page in (1, 2, 3)] == [PAGE_ROWS, everything - PAGE_ROWS, 0]
    assert await devices("state=revoked") == 1
    assert await devices("kind=button") == 1
    assert await devices("device=d-1&state=heard") == 11
    assert await devices("firmware=0.11&kind=level&state=revoked") == 1
    assert await devices("sign=update_failed") == 0
    with fleet.database.write() as session:
        session.add(DeviceTrouble(device_id="d-1", word="safe", since=NOW))
    assert await devices("sign=safe") == 1
    assert re.search(r'href="/fleet\?sign=safe">safe mode 1<', (await browser.get("/fleet")).text)
    assert await devices("state=x&kind=y&sign=%27&page=-1") == PAGE_ROWS
    assert await devices(f"page=000000001{'1' * 5000}") == PAGE_ROWS
    text = (await browser.get("/fleet/devices.csv?state=heard")).text
    assert len(list(csv.DictReader(io.StringIO(text)))) == SIZE - 1
    assert (await browser.get("/fleet/devices/d-3")).status_code == 200
    assert (await browser.get("/fleet/devices/none")).status_code == 404


async def test_a_rollout_is_steered_from_the_page(browser: httpx.AsyncClient, fleet: FirmwareFleet) -> None:
    """What is not possible is said on the page, and nothing was done."""
    rollout_id = fleet.start()
    await sign_in(browser, fleet)

    async def steer(deed: str) -> int:
        return (await browser.post(f"/fleet/rollouts/{rollout_id}", data={"deed": deed})).status_code

    assert "Pause" in (await browser.get("/fleet")).text
    assert [await steer(deed) for deed in ("pause", "pause", "resume", "nonsense")] == [303, 409, 303, 400]
    bad = fleet.wave(rollout_id, 0)[0]
    fleet.keeper.run()
    fleet.say(bad, 11, "refused", why="signature")
    page = (await browser.get("/fleet")).text
    assert "Too many devices failed" in page
    assert "wrong signature" in page
    assert [await steer(deed) for deed in ("resume", "accept", "abort")] == [409, 303, 303]
    assert fleet.rollout(rollout_id).state == "aborted"


def test_every_word_of_the_wire_has_its_phrase() -> None:
    """Codes of the quarantine and words of `fw.why`, as the contract lists them."""
    text = (files("broker_config") / "asyncapi.yaml").read_text(encoding="utf-8")
    words = yaml.safe_load(text)["components"]["schemas"]["update"]["properties"]["why"]["enum"]
    page = (Path(__file__).parents[2] / "docs" / "wire.md").read_text(encoding="utf-8")
    table = page.split("## Quarantine", 1)[1].split("## Versions", 1)[0]
    codes = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert len(codes) > 10
    known = [f"fleet.why.{word}" for word in words] + [f"fleet.code.{code}" for code in codes]
    assert [key for key in known if key not in FLEET_PHRASES] == []
