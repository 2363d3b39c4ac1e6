"""The pages in a real browser, on a phone and on a desk, against a household in memory.

Skips on a machine without Chromium; fails there when the environment variable CI is set.
"""

import importlib
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import uvicorn
from fastapi import FastAPI

from replenish_server.web.router import install_pages
from tests.fakes.pages import FakePages, household
from tests.fakes.people import FakePeople

# A laptop may do without; in CI a missing package is an error.
if not os.environ.get("CI"):
    pytest.importorskip("playwright.sync_api")
playwright_sync = importlib.import_module("playwright.sync_api")

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
# No sandbox as root in containers; the rest keeps Chromium from calling home.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATHS = [
    "/",
    "/slots/slt-washer",
    "/slots/slt-tank",
    "/slots/slt-cat",
    "/slots/slt-coffee",
    "/slots/slt-long",
    "/orders/ord-1",
    "/orders/ord-2",
    "/orders/ord-3",
]


@dataclass
class Site:
    """The running service and the household behind it."""

    url: str
    pages: FakePages
    server: uvicorn.Server = field(repr=False)


@dataclass
class Watched:
    """A tab, and everything it complained about."""

    tab: "playwright_sync.Page"
    complaints: list[str]


@pytest.fixture
def site() -> Iterator[Site]:
    app = FastAPI()
    pages = household()
    install_pages(app, pages, FakePeople())
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield Site(f"http://127.0.0.1:{listener.getsockname()[1]}", pages, server)
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="module")
def chromium() -> Iterator["playwright_sync.Browser"]:
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("needs Chromium: apt-get install chromium")
    with playwright_sync.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=[PHONE, DESK], ids=["phone", "desk"])
def watched(
    request: pytest.FixtureRequest, chromium: "playwright_sync.Browser", site: Site
) -> Iterator[Watched]:
    yield from _tab(chromium, site, viewport=request.param)


@pytest.fixture
def unscripted(chromium: "playwright_sync.Browser", site: Site) -> Iterator[Watched]:
    yield from _tab(chromium, site, viewport=PHONE, java_script_enabled=False)


def _tab(browser: "playwright_sync.Browser", site: Site, **options: object) -> Iterator[Watched]:
    context = browser.new_context(base_url=site.url, locale="en-GB", **options)
    context.set_default_timeout(15_000)
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("requestfailed", lambda request: complaints.append(f"{request.url} {request.failure}"))
    yield Watched(tab, complaints)
    context.close()


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_page_fits_and_nothing_complains(watched: Watched, lang: str) -> None:
    for path in PATHS:
        watched.tab.goto(f"{path}?lang={lang}")
        too_wide = watched.tab.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert too_wide <= 0, path
        assert watched.tab.locator("html").get_attribute("lang") == lang
        wider = watched.tab.evaluate(
            "[...document.querySelectorAll('main *:not(svg *):not(.scroll *)')]"
            ".filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
            ".map(e => e.outerHTML.slice(0, 90))"
        )
        assert wider == [], path
    assert watched.complaints == []


def test_the_level_bar_and_one_chart_are_seen(watched: Watched) -> None:
    watched.tab.goto("/slots/slt-washer")
    meter = watched.tab.get_by_role("meter")
    assert meter.is_visible()
    bar = meter.locator(".fill").bounding_box()
    track = meter.locator(".track").bounding_box()
    assert bar is not None
    assert track is not None
    assert bar["width"] / track["width"] == pytest.approx(0.54, abs=0.01)
    assert watched.tab.locator("svg.chart:visible").count() == 1


def test_a_changed_threshold_is_pending_until_the_device_says_so(watched: Watched, site: Site) -> None:
    tab = watched.tab
    tab.goto("/slots/slt-washer")
    tab.get_by_label("Order at the latest").fill("700")
    tab.get_by_role("button", name="Save rules").click()
    tab.get_by_text("The rules are saved.").wait_for()
    twin = tab.locator("[data-live=twin]")
    assert "Pending" in twin.inner_text()
    # No reload from here: the script brings what the device answers.
    site.pages.report_threshold("slt-washer", 650)
    twin.get_by_text("Limited by device").wait_for()
    site.pages.report_threshold("slt-washer", 700)
    twin.get_by_text("In force").wait_for()
    assert watched.complaints == []


def test_what_is_being_typed_is_left_alone(watched: Watched, site: Site) -> None:
    tab = watched.tab
    tab.goto("/slots/slt-washer")
    tab.get_by_label("Order at the latest").fill("712")
    tab.locator("#chart-table summary").click()
    site.pages.report_threshold("slt-washer", 400)
    tab.locator("[data-live=twin]").get_by_text("Limited by device").wait_for()
    assert tab.get_by_label("Order at the latest").input_value() == "712"
    assert tab.get_by_role("table").is_visible()


def test_a_lost_server_is_said(watched: Watched) -> None:
    tab = watched.tab
    tab.goto("/")
    tab.route("**/*", lambda route: route.abort())
    tab.get_by_text("No connection to the server").wait_for()
    tab.unroute("**/*")
    tab.get_by_text("No connection to the server").wait_for(state="hidden")


def test_a_wrong_form_says_what_is_wrong(watched: Watched) -> None:
    tab = watched.tab
    tab.goto("/slots/slt-washer")
    tab.get_by_label("Order at the latest").fill("99999")
    tab.get_by_label("Just order").check()
    tab.get_by_label("Most that one order may cost").fill("")
    tab.get_by_role("button", name="Save rules").click()
    alert = tab.get_by_role("alert").filter(has_text="Not saved yet")
    alert.get_by_role("link", name="The threshold can be at most").click()
    focused = tab.evaluate("document.activeElement.id || location.hash")
    assert focused in ("threshold", "#threshold")
    assert tab.get_by_label("Order at the latest").input_value() == "99999"
    assert tab.get_by_label("Just order").is_checked()


def test_approving_by_click(watched: Watched, site: Site) -> None:
    tab = watched.tab
    tab.goto("/")
    tab.get_by_role("button", name="Order with obligation to pay — €21.50").click()
    tab.get_by_text("Approved.").wait_for()
    assert site.pages.calls == [("approve", "ord-1", 2150)]
    assert watched.complaints == []


def test_declining_by_keyboard(watched: Watched, site: Site) -> None:
    tab = watched.tab
    tab.goto("/orders/ord-1")
    tab.get_by_role("button", name="Order with obligation").focus()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.get_by_text("The order is called off.").wait_for()
    assert site.pages.calls == [("cancel", "ord-1")]


def test_everything_works_without_javascript(unscripted: Watched, site: Site) -> None:
    tab = unscripted.tab
    tab.goto("/")
    tab.get_by_role("link", name="한국어").click()
    tab.get_by_role("button", name="결제 의무가 있는 주문하기 — €21.50").click()
    tab.get_by_text("승인했습니다").wait_for()
    tab.get_by_role("link", name="English").click()
    tab.get_by_text("Times are shown for").wait_for()
    tab.goto("/slots/slt-washer")
    tab.get_by_label("Order at the latest").fill("800")
    tab.get_by_role("button", name="Save rules").click()
    tab.locator("[data-live=twin]").get_by_text("Pending").wait_for()
    tab.locator("#chart-table summary").click()
    assert tab.get_by_role("table").is_visible()
    assert [call[0] for call in site.pages.calls] == ["approve", "set_rules"]


def test_the_first_tab_stop_skips_to_the_content(watched: Watched) -> None:
    watched.tab.goto("/")
    watched.tab.keyboard.press("Tab")
    assert watched.tab.evaluate("document.activeElement.className") == "skip"
    assert watched.tab.locator(".skip").bounding_box()["x"] >= 0
    watched.tab.keyboard.press("Enter")
    assert watched.tab.evaluate("document.activeElement.id") == "content"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(
    chromium: "playwright_sync.Browser", site: Site, scheme: str
) -> None:
    """WCAG 2.2 AA (1.4.3): 4.5 to 1 for every piece of text, whatever lies behind it."""
    for watched in _tab(chromium, site, viewport=DESK, color_scheme=scheme):
        for path in ("/", "/slots/slt-tank", "/slots/slt-toner", "/orders/ord-2", "/orders/ord-3"):
            watched.tab.goto(path)
            weak = watched.tab.evaluate(CONTRAST)
            assert weak == [], f"{path} in {scheme}"


CONTRAST = """() => {
  const rgb = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = (c) => c.slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length && (c.length < 4 || c[3] > 0)) return c;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("body *")]
    .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
    .filter((e) => e.checkVisibility() && !e.closest("title, desc, script"))
    .map((e) => {
      const style = getComputedStyle(e);
      const [a, b] = [light(rgb(e.closest("svg") ? style.fill : style.color)), light(behind(e))];
      return [e.outerHTML.slice(0, 80), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
    })
    .filter(([, ratio]) => !(ratio >= 4.5));
}"""
