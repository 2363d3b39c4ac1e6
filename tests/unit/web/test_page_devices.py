"""The page about devices: presence, and what a device warns of."""

import html
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from replenish_server.fleet.claims import create_code
from replenish_server.fleet.troubles import WORDS
from replenish_server.web.devices import DatabaseDevices
from replenish_server.web.devices_phrases import DEVICES_PHRASES
from replenish_server.web.devices_routes import build_devices_router
from replenish_server.web.devices_views import DevicesView, HomeDevice
from replenish_server.web.people_views import Viewer
from replenish_server.web.rate_limit import RateLimit
from replenish_server.web.router import install_pages
from replenish_server.web.views import Refused
from tests.fakes.mortality import ManualClock
from tests.fakes.pages import NOW, household
from tests.fakes.people import FakePeople
from tests.fakes.retailer_house import HOUSEHOLD, RETAILER, House

METER = HomeDevice(
    "meter-1",
    "Kitchen meter",
    "flow",
    [("slt-tank", "Filter")],
    "heard",
    NOW,
    NOW + timedelta(hours=3),
    "0.1.0",
    "",
)


class FakeDevices:
    """One water meter."""

    def __init__(self) -> None:
        self.meter = METER

    def now(self) -> object:
        return NOW

    def devices(self, viewer: object) -> DevicesView:
        return DevicesView([self.meter], [], "UTC")


@pytest.fixture
def devices() -> FakeDevices:
    return FakeDevices()


@pytest.fixture
async def browser(devices: FakeDevices) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at the page."""
    app = FastAPI()
    app.include_router(build_devices_router(devices))  # type: ignore[arg-type]
    home = household()
    home.slots["slt-tank"] = replace(home.slots["slt-tank"], alarm="burst", alarm_at=NOW)
    install_pages(app, home, FakePeople())
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as made:
        yield made


@pytest.mark.parametrize(
    ("alarm", "english", "korean"),
    [
        ("leak", "Look for a leak.", "누수를 확인해 주세요."),
        ("burst", "Shut the main valve", "수도 밸브를 잠그고"),
    ],
)
async def test_a_warning_stands_on_the_page_until_it_is_over(
    browser: httpx.AsyncClient, devices: FakeDevices, alarm: str, english: str, korean: str
) -> None:
    """In both languages, as an alert."""
    assert english not in (await browser.get("/devices?lang=en")).text
    devices.meter = replace(METER, alarm=alarm, alarm_at=NOW)
    text = (await browser.get("/devices?lang=en")).text
    assert english in text.split('<p class="notice bad" role="alert">')[1].split("</p>")[0]
    assert korean in (await browser.get("/devices?lang=ko")).text


@pytest.mark.parametrize("word", ["doubled", *WORDS])
async def test_what_a_device_says_is_wrong_stands_on_its_page(
    browser: httpx.AsyncClient, devices: FakeDevices, word: str
) -> None:
    """A plain sentence of its own in both languages."""
    devices.meter = replace(METER, troubles=[(word, NOW, 7)])
    for number, lang in enumerate(("en", "ko")):
        text = html.unescape((await browser.get(f"/devices?lang={lang}")).text)
        sentence = text.split('role="status">')[1].split("</p>")[0]
        pattern = DEVICES_PHRASES[f"gear.trouble.{word}"][number]
        assert sentence.startswith(pattern.split("{")[0])
        assert ("7" in sentence) == ("{n}" in pattern)


@pytest.mark.parametrize("path", ["/", "/slots/slt-tank"])
async def test_a_warning_stands_on_the_home_page_and_on_its_supply(
    browser: httpx.AsyncClient, path: str
) -> None:
    """Whoever looks at what is left sees it, with what to do."""
    text = (await browser.get(f"{path}?lang=en")).text
    assert text.count("Shut the main valve and look.") == 1
    assert "수도 밸브를 잠그고" in (await browser.get(f"{path}?lang=ko")).text


def test_the_form_of_a_new_device_sent_twice_is_one_device(house: House) -> None:
    """A second tap is answered like the first; another home's code stays wrong."""
    with house.database.write() as session:
        code = create_code(session, "button", NOW)
    limits = RateLimit(10, 10, lambda: 0.0)
    devices = DatabaseDevices(house.database, ManualClock(NOW), lambda: None, limits)
    typed = {"code": code, "name": "Second button", "slot": "Coffee", "shop": RETAILER, "product": "Beans"}
    typed |= {"item": "beans-1", "pack": "", "capacity": "", "threshold": ""}
    owner = Viewer(HOUSEHOLD, None, "", "owner", frozenset())
    assert [devices.claim(owner, typed) for _ in range(2)] == ["Second button"] * 2
    assert sum(row.name == "Second button" for row in devices.devices(owner).devices) == 1
    with pytest.raises(Refused, match="code"):
        devices.claim(replace(owner, household_id="home-2"), typed)
    with pytest.raises(Refused, match="code"):
        devices.claim(owner, typed | {"code": "\ud800" + code[1:]})  # JSON can say half a character
