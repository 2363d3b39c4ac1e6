"""Every page of the real application before a judge that we did not write: axe-core, over a lived-in home.

WCAG 2.2 A and AA and axe's best practices; one half of the pages in English, light, on a phone, the other in
Korean, dark, on a desk (all of them both ways take minutes). Besides, what it does not look at: 320 px
without sideways scrolling, titles, ids, forms within forms.
"""

import importlib
import os
import re
import socket
import threading
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from replenish_server.app import build_app
from replenish_server.fleet.claims import create_code
from replenish_server.households.membership import ensure_owner, set_pin
from replenish_server.web.gate import COOKIE
from tests.e2e.conftest import chromium_path
from tests.fakes.retailer_house import HOUSEHOLD
from tests.support.keyboard import Keyboard
from tests.support.lived_in_site import LivedIn

# A laptop may do without; in CI a missing package is an error.
if not os.environ.get("CI"):
    pytest.importorskip("playwright.sync_api")
playwright_sync = importlib.import_module("playwright.sync_api")

pytestmark = [pytest.mark.browser, pytest.mark.sqlite]

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
JUDGE = """async () => (await axe.run(document, {runOnly: {type: "tag", values: [
  "wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}, resultTypes: ["violations"]}))
  .violations.map((v) => [v.id, v.help, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160))])"""
IDS = """() => { const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  return ids.filter((id, at) => ids.indexOf(id) !== at); }"""
FORGETFUL = """() => [...document.querySelectorAll("[data-live] :is(a[href], summary, button)")]
  .filter((e) => !e.id && !e.closest("form")).map((e) => e.outerHTML.slice(0, 90))"""
WIDER = "document.documentElement.scrollWidth - window.innerWidth"


@pytest.fixture(scope="module")
def lived_in(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LivedIn, str]]:
    """The application and its address; its workers do not run, so that nothing moves."""
    made = LivedIn(template, tmp_path_factory.mktemp("lived_in"))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        config = uvicorn.Config(build_app(made.server), log_level="warning", ws="none", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield made, f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(20)
    made.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser."""
    with playwright_sync.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        yield browser
        browser.close()


class Judge:
    """A tab before axe: collects what is wrong with each page that it is sent to."""

    def __init__(self, browser: Any, base: str, lang: str, **options: Any) -> None:
        self.context = browser.new_context(base_url=base, **options)
        self.context.set_default_timeout(30_000)
        self.tab, self.lang, self.base = self.context.new_page(), lang, base
        self.wrong: list[Any] = []
        self.titles: dict[str, str] = {}
        self.axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")

    def be(self, token: str | None) -> None:
        """Somebody else looks."""
        self.context.clear_cookies()
        if token is not None:
            self.context.add_cookies([{"name": COOKIE, "value": token, "url": self.base}])

    def look(self, path: str) -> None:
        """Judge one page."""
        answer = self.tab.goto(f"{path}?lang={self.lang}")
        text = answer.text()
        self.tab.evaluate(self.axe)
        found = {
            "axe": self.tab.evaluate(JUDGE),
            "ids": self.tab.evaluate(IDS),
            "loses the focus when it is loaded again": self.tab.evaluate(FORGETFUL),
            "nested": re.findall(r"<form(?:(?!</form>).)*<form[^>]*>", text, re.S),
            "inline": re.findall(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=", text),
            "times": re.findall(r'datetime="[^"]*\.\d{4,}[^"]*"', text),
            "lang": [] if f'<html lang="{self.lang}">' in text else ["no lang"],
            "title": [self.titles[t] for t in (self.tab.title(),) if t in self.titles],
        }
        self.titles[self.tab.title()] = path
        size = self.tab.viewport_size
        self.tab.set_viewport_size({"width": 320, "height": 640})
        found["wider"] = [by for by in (self.tab.evaluate(WIDER),) if by > 0]
        self.tab.set_viewport_size(size)
        self.wrong += [(path, what, said) for what, said in found.items() if said]


@pytest.mark.parametrize(
    ("half", "lang", "scheme", "width"),
    [(0, "en", "light", 390), (1, "ko", "dark", 1280)],
    ids=["en-phone", "ko-desk"],
)
def test_nothing_is_in_anybodys_way(
    lived_in: tuple[LivedIn, str], chromium: Any, half: int, lang: str, scheme: str, width: int
) -> None:
    """The household, a guest, a stranger, a retailer and the operator."""
    site, base = lived_in
    size = {"width": width, "height": 844}
    judge = Judge(chromium, base, lang, color_scheme=scheme, viewport=size, reduced_motion="reduce")
    judge.be(site.cookies["owner"])
    for path in site.paths()[half::2]:
        judge.look(path)
    judge.titles.clear()
    judge.be(site.cookies["guest"])
    judge.look("/")
    judge.be(None)
    desk, field, key = (("/retail", "key", site.shop_key), ("/fleet", "token", site.operator_token))[half]
    for path in ("/sign-in", desk):
        judge.look(path)
    judge.tab.fill(f"input[name={field}]", key)
    judge.tab.click("button.primary")
    judge.tab.wait_for_load_state()
    judge.titles.clear()
    judge.look(desk)
    judge.context.close()
    assert judge.wrong == []


def test_every_decision_is_taken_with_a_keyboard_alone(lived_in: tuple[LivedIn, str], chromium: Any) -> None:
    """On a phone's width; the focus is always visible, in order, and in no trap."""
    site, base = lived_in
    slots, orders = site.home.slots, site.home.orders
    with site.database.write() as session:
        set_pin(session, ensure_owner(session, HOUSEHOLD), "4711")
        code = create_code(session, "button", site.home.now)
    context = chromium.new_context(base_url=base, viewport={"width": 390, "height": 844}, locale="en-GB")
    context.set_default_timeout(30_000)
    tab = context.new_page()
    keys = Keyboard(tab)

    def done(notice: str) -> None:
        assert f"notice={notice}" in tab.url

    tab.goto("/sign-in")
    keys.type("#pin", "4711")
    with tab.expect_navigation():
        tab.keyboard.press("Enter")
    assert tab.locator(".who").inner_text().startswith("Ada")
    keys.press("#stop", "Space")
    done("stopped")
    keys.press("#go")
    done("going")
    for name, button, notice in (
        ("needs_approval", "approve", "approved"),
        ("price_over_cap", "cancel", "canceled"),
        ("unquoted", "skip", "skip"),
        ("cooling_off", "cancel", "canceled"),
    ):
        tab.goto(f"/orders/{orders[name]}")
        keys.press(f"[id^={button}-]", "Space" if button == "skip" else "Enter")
        done(notice)
    tab.goto(f"/orders/{orders['placed']}")
    keys.press("#withdraw")
    keys.press("form[action$=withdraw] button.primary")
    done("withdrawn")
    tab.goto(f"/slots/{slots['enough']}")
    keys.press("form[action$=order] button")
    assert "/orders/" in tab.url
    tab.goto(f"/slots/{slots['enough']}")
    keys.type("#threshold", "350")
    keys.reach("[name=mode]")
    tab.keyboard.press("ArrowUp")
    keys.press("form[action$=rules] button")
    done("rules_saved")
    assert (tab.input_value("#threshold"), tab.is_checked("#mode-ask")) == ("350", True)
    tab.goto("/mandate")
    keys.reach("[name=until]")
    tab.keyboard.type(f"1212{site.home.now.year + 1}")  # whichever of day and month comes first
    keys.press("#pause")
    keys.press("#resume", "Space")
    keys.type("[name=budget]", "120")
    with tab.expect_navigation():
        tab.keyboard.press("Enter")
    done("mandate_saved")
    tab.goto("/devices")
    keys.reach("#more-button-1-summary")
    tab.keyboard.press("Space")
    keys.press("form[action='/devices/button-1/revoke'] button")
    tab.goto("/devices#claim-title")
    fields = {"code": code, "name": "Second", "slot": "Coffee", "product": "Beans", "item": "beans-1"}
    for field, text in fields.items():
        keys.type(f"#{field}", text)
    with tab.expect_navigation():
        tab.keyboard.press("Enter")
    assert tab.get_by_role("heading", name="Second").is_visible()
    other = context.new_page()
    other.goto("/trial")
    keys.press("form[action='/sign-out'] button")
    assert "/sign-in" in tab.url
    other.locator("#signed-out").wait_for()  # and not that the server is away
    assert other.locator("#lost").is_hidden()
    context.close()
    assert keys.wrong == []
