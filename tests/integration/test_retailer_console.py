"""The retailer's console: the same orders and acts as the API, behind a key and a form."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from replenish_server.replenishment.priors import shipped_models
from replenish_server.retailers.feed.keys import revoke_key
from replenish_server.web.console import build_console
from replenish_server.web.household import DatabasePages
from replenish_server.web.people import DatabasePeople
from replenish_server.web.rate_limit import RateLimit
from replenish_server.web.router import install_pages
from tests.fakes.market import Market
from tests.fakes.retailer_house import House

OWN = {"accept": "text/html", "accept-language": "en", "sec-fetch-site": "same-origin"}


@pytest.fixture
def market(house: House) -> Market:
    """The house and its retailers."""
    return Market(house)


@pytest.fixture
async def browser(market: Market) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that is not signed in."""
    app, house = FastAPI(), market.house
    app.include_router(build_console(market.desk, RateLimit(0.1, 3, lambda: 0.0)))
    pages = DatabasePages(house.database, market.clock, lambda: None, shipped_models)
    install_pages(app, pages, DatabasePeople(house.database, market.clock, lambda: None))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=OWN) as made:
        yield made
    market.shops.close()


async def sign_in(browser: httpx.AsyncClient, key: str) -> httpx.Response:
    """Type the key."""
    return await browser.post("/retail/sign-in", data={"key": f" {key} "})


async def do(browser: httpx.AsyncClient, booked: str, act: str, **typed: str) -> httpx.Response:
    """Press a button on the order's page, with the hidden key that stands there."""
    text = (await browser.get(f"/retail/orders/{booked}")).text
    found = re.search(rf'name="key" value="([0-9a-f]+-{act})"', text)
    return await browser.post(
        f"/retail/orders/{booked}/{act}", data={"key": found[1] if found else "none", **typed}
    )


async def test_from_the_key_to_the_delivered_order(market: Market, browser: httpx.AsyncClient) -> None:
    """What the household sees follows at once; a second press of the same form changes nothing."""
    order_id, booked = market.placed()
    assert "Sign in with your key" in (await browser.get("/retail")).text
    assert "키로 로그인" in (await browser.get("/retail?lang=ko")).text
    await browser.get("/retail?lang=en")
    answer = await sign_in(browser, market.corner_key)
    assert (303, "/retail") == (answer.status_code, answer.headers["location"])
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    text = (await browser.get("/retail")).text
    assert booked in text
    assert "2 × Detergent 1 kg" in text
    page = (await browser.get(f"/retail/orders/{booked}")).text
    assert "1 Main Street" in page
    assert "I saw this order" in page
    assert 303 == (await do(browser, booked, "acknowledge")).status_code
    assert "Name the carrier." in (await do(browser, booked, "ship", carrier=" ")).text
    assert 303 == (await do(browser, booked, "ship", carrier="DHL", tracking_number="0034")).status_code
    assert "shipped" == market.ours(order_id).state
    assert "Noted." in (await browser.get(f"/retail/orders/{booked}?notice=act_noted")).text
    assert 409 == (await do(browser, booked, "acknowledge")).status_code
    assert 303 == (await do(browser, booked, "deliver")).status_code
    for wrong in ("x", "1e999999999", "-1", "1.005", "٣"):
        assert 422 == (await do(browser, booked, "refund", amount=wrong, reason="r")).status_code
    too_much = await do(browser, booked, "refund", amount="99.00", reason="broken")
    assert "At most" in too_much.text
    assert 303 == (await do(browser, booked, "refund", amount="3,90", reason="late")).status_code
    assert 390 == market.booked()[0].refunded_minor
    assert 404 == (await do(browser, booked, "withdraw")).status_code
    await browser.post("/retail/sign-out")
    assert booked not in (await browser.get("/retail")).text


async def test_the_same_form_twice_is_one_act(market: Market, browser: httpx.AsyncClient) -> None:
    """The hidden key makes a double press harmless."""
    _, booked = market.placed()
    await sign_in(browser, market.corner_key)
    data = {"key": "abc-refund", "amount": "1.00", "reason": "r"}
    for _ in range(2):
        assert 303 == (await browser.post(f"/retail/orders/{booked}/refund", data=data)).status_code
    assert 100 == market.booked()[0].refunded_minor


async def test_who_may_not_sees_and_moves_nothing(market: Market, browser: httpx.AsyncClient) -> None:
    """No key, a wrong key, another retailer's, a revoked one, a form of another site, too many tries."""
    _, booked = market.placed()
    assert "/retail" == (await browser.get(f"/retail/orders/{booked}")).headers["location"]
    assert "/retail" == (await browser.post(f"/retail/orders/{booked}/ship")).headers["location"]
    assert 401 == (await sign_in(browser, "rk_wrong")).status_code
    await sign_in(browser, market.other_key)
    assert 404 == (await browser.get(f"/retail/orders/{booked}")).status_code
    assert 404 == (await do(browser, booked, "ship", carrier="DHL")).status_code
    forged = await browser.post("/retail/sign-out", headers={"sec-fetch-site": "cross-site"})
    assert 403 == forged.status_code
    with market.database.write() as session:
        revoke_key(session, market.other_key[:11], market.clock.now())
    assert "Sign in with your key" in (await browser.get("/retail")).text
    assert [401, 429] == [(await sign_in(browser, "rk_wrong")).status_code for _ in range(2)]
    assert ("placed", 1) == (market.booked()[0].state, len(market.booked()))
