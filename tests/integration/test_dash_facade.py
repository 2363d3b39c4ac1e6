"""A client that was written for the Dash Replenishment Service, pointed here: it needs no other line."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlmodel import select

from replenish_server.households.mandate import Verdict
from replenish_server.households.tables import SlotMandate
from replenish_server.ordering.orders import cancel
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.dash import DashDesk, DashRefused, make_token
from replenish_server.replenishment.dash_codes import DetailCode, detail_code
from replenish_server.replenishment.decision import Decision, Kind, Trigger
from replenish_server.replenishment.priors import shipped_models
from replenish_server.replenishment.tables import DecisionRecord
from replenish_server.telemetry.tables import Reading
from replenish_server.web.dash_api import build_dash_api
from replenish_server.web.rate_limit import RateLimit
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import NOW, House
from tests.support.read_only import read_only

TYPES = "com.amazon.dash.replenishment.Drs"


class DashClient:
    """As makers wrote theirs from the service's documents: base address, token, two type headers."""

    def __init__(self, http: httpx.AsyncClient, token: str) -> None:
        self._http, self._token = http, token

    async def call(
        self, method: str, path: str, name: str, body: Any = None, version: str = "1.0", **headers: str
    ) -> httpx.Response:
        """One call."""
        return await self._http.request(
            method,
            path,
            json=body,
            headers={
                "Authorization": f"Bearer {self._token}",
                "x-amzn-type-version": f"{TYPES}{name}Input@1.0",
                "x-amzn-accept-type": f"{TYPES}{name}Result@{version}",
                **headers,
            },
        )

    async def replenish(self, slot: str = "main", **headers: str) -> tuple[str, str]:
        """(eventInstanceId, detailCode)."""
        answer = await self.call("POST", f"/replenish/{slot}", "Replenish", **headers)
        assert 200 == answer.status_code, answer.text
        assert f"{TYPES}ReplenishResult@1.0" == answer.headers["x-amzn-type-version"]
        return answer.json()["eventInstanceId"], answer.json()["detailCode"]


@pytest.fixture
async def http(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """The facade over the house."""
    desk = DashDesk(house.database, ManualClock(NOW), shipped_models, lambda: None)
    api = build_dash_api(desk, RateLimit(2.0, 200, lambda: 0.0), RateLimit(0.1, 200, lambda: 0.0))
    transport = httpx.ASGITransport(app=api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://home.test") as client:
        yield client


def client(house: House, http: httpx.AsyncClient, device: str = "button-1", test: bool = False) -> DashClient:
    """The device's cloud."""
    with house.database.write() as session:
        return DashClient(http, make_token(session, device, test, NOW))


def orders(house: House) -> list[PurchaseOrder]:
    """All of them."""
    with house.database.read() as session:
        return list(session.exec(select(PurchaseOrder)))


async def test_a_replenish_call_is_a_press_and_a_second_one_is_in_progress(
    house: House, http: httpx.AsyncClient
) -> None:
    """One order, found again by its event."""
    cloud = client(house, http)
    event, code = await cloud.replenish()
    assert "STANDARD_ORDER_PLACED" == code
    assert (event, "ORDER_INPROGRESS") == await cloud.replenish()
    assert [event] == [order.id for order in orders(house)]
    info = (await cloud.call("GET", f"/getOrderInfo/{event}", "OrderInfo")).json()["orderInfoData"]
    assert event == info["instanceId"]
    assert [("det-1kg", 1, "main", "Pending")] == [
        (item["asin"], item["quantity"], item["slotId"], item["status"]) for item in info["orderItems"]
    ]


async def test_a_date_beyond_all_years_is_none(house: House, http: httpx.AsyncClient) -> None:
    """The call counts as made now."""
    cloud = client(house, http)
    assert "STANDARD_ORDER_PLACED" == (await cloud.replenish(date="Fri, 31 Dec 9999 23:59:59 -1200"))[1]


async def test_a_database_that_takes_nothing_is_said(house: House, http: httpx.AsyncClient) -> None:
    """And the call can be made again."""
    cloud = client(house, http)
    with read_only(house.database.engine):
        answer = await cloud.call("POST", "/replenish/main", "Replenish")
    assert (503, "UNAVAILABLE", "5") == (
        answer.status_code,
        answer.json()["code"],
        answer.headers["retry-after"],
    )
    assert "STANDARD_ORDER_PLACED" == (await cloud.replenish())[1]


async def test_without_leave_it_asks(house: House, http: httpx.AsyncClient) -> None:
    """The mandate is the household's, whoever calls; an old wish asks, too."""
    with house.database.write() as session:
        mandate = session.get_one(SlotMandate, house.slots["button-1"])
        mandate.mode = "ask"
        session.add(mandate)
    assert "APPROVAL_REQUIRED" == (await client(house, http).replenish())[1]
    level = client(house, http, "level-1")
    event, code = await level.replenish(date="Mon, 04 May 2026 11:00:00 GMT")
    assert "STALE_EVENT" == code
    with house.database.write() as session:
        cancel(session, event, now=NOW)
    assert "STANDARD_ORDER_PLACED" == (await level.replenish(date="Mon, 04 May 2026 12:00:00 GMT"))[1]


async def test_a_test_device_goes_the_whole_way_and_buys_nothing(
    house: House, http: httpx.AsyncClient
) -> None:
    """And one call frees it for the next test."""
    cloud = client(house, http, test=True)
    event, code = await cloud.replenish()
    assert "TEST_ORDER_PLACED" == code
    assert (event, "ORDER_INPROGRESS") == await cloud.replenish()
    info = (await cloud.call("GET", f"/getOrderInfo/{event}", "OrderInfo")).json()["orderInfoData"]
    assert 1 == len(info["orderItems"])
    freed = await cloud.call("DELETE", "/testOrders", "CancelTestOrders")
    assert [{"orderStatus": "NO_ORDER_IN_PROGRESS", "slotId": "main"}] == freed.json()["slotOrderStatuses"]
    again, code = await cloud.replenish()
    assert ("TEST_ORDER_PLACED", True) == (code, again != event)
    one = await cloud.call("DELETE", "/testOrders/slots/main", "CancelTestOrders")
    assert 200 == one.status_code
    assert [] == orders(house)


async def test_a_slots_status_becomes_a_reading(house: House, http: httpx.AsyncClient) -> None:
    """The documented sample, decimals and all: 3.5 of 10 of a container of 2,000 g is 700 g."""
    cloud = client(house, http, "level-1")
    sample = {
        "expectedReplenishmentDate": "2026-05-28T10:00:00Z",
        "remainingQuantityInUnit": 3.5,
        "originalQuantityInUnit": 10,
        "totalQuantityOnHand": 20,
        "lastUseDate": "2026-05-04T10:00:00Z",
    }
    assert 200 == (await cloud.call("POST", "/slotStatus/main", "SlotStatus", sample)).status_code
    with house.database.read() as session:
        reading = session.exec(select(Reading)).one()
    assert ("level", 700, False) == (reading.type, reading.number, reading.late)
    wrong = [
        {**sample, "remainingQuantityInUnit": 11},
        {**sample, "originalQuantityInUnit": 0},
        {**sample, "remainingQuantityInUnit": -1},
        {**sample, "remainingQuantityInUnit": "full"},
        {"remainingQuantityInUnit": 3},
    ]
    for body in wrong:
        answer = await cloud.call("POST", "/slotStatus/main", "SlotStatus", body)
        assert 400 == answer.status_code, body
        assert answer.json()["message"]
    button = client(house, http, "button-1")
    assert 200 == (await button.call("POST", "/slotStatus/main", "SlotStatus", sample)).status_code
    active = {"mostRecentlyActiveDate": "2026-05-04T11:00:00.000Z"}
    assert 200 == (await cloud.call("POST", "/deviceStatus", "DeviceStatus", active)).status_code
    for never in ({}, {"mostRecentlyActiveDate": "9999-12-31T23:59:59-12:00"}):
        assert 400 == (await cloud.call("POST", "/deviceStatus", "DeviceStatus", never)).status_code


async def test_subscriptions_in_both_versions(house: House, http: httpx.AsyncClient) -> None:
    """The first says yes or no, the second names the product."""
    cloud = client(house, http, "level-1")
    first = await cloud.call("GET", "/subscriptionInfo", "SubscriptionInfo")
    assert {"slotsSubscriptionStatus": {"main": True}} == first.json()
    second = await cloud.call("GET", "/subscriptionInfo", "SubscriptionInfo", version="2.0")
    product = {"asin": "det-1kg", "quantity": 1000.0, "unit": "grams"}
    assert {"main": {"subscribed": True, "productInfoList": [product]}} == second.json()[
        "slotsSubscriptionStatus"
    ]


async def test_what_is_wrong_is_said_and_changes_nothing(house: House, http: httpx.AsyncClient) -> None:
    """Bad tokens, versions, slots and events of others."""
    cloud, other = client(house, http), client(house, http, "level-1")
    event, _ = await other.replenish()
    assert 400 == (await cloud.call("GET", f"/getOrderInfo/{event}", "OrderInfo")).status_code
    assert "NO_SLOT" == (await cloud.call("POST", "/replenish/other", "Replenish")).json()["code"]
    other_slot = house.slots["level-1"]
    assert "NO_SLOT" == (await cloud.call("POST", f"/replenish/{other_slot}", "Replenish")).json()["code"]
    for token in ("", "drs_wrong", "x" * 300):
        answer = await DashClient(http, token).call("POST", "/replenish/main", "Replenish")
        assert (400, "INVALID_TOKEN") == (answer.status_code, answer.json()["code"])
    assert "UNSUPPORTED_VERSION" == (await cloud.call("POST", "/replenish/main", "Other")).json()["code"]
    assert (
        "UNSUPPORTED_VERSION"
        == (await cloud.call("POST", "/replenish/main", "Replenish", version="3.0")).json()["code"]
    )
    assert 1 == len(orders(house))


async def test_tokens_are_renewed_and_end_with_the_registration(
    house: House, http: httpx.AsyncClient
) -> None:
    """A client that renews every hour finds what it expects."""
    with house.database.write() as session:
        token = make_token(session, "button-1", False, NOW)
        with pytest.raises(DashRefused):
            make_token(session, "nobody", False, NOW)
    grant = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "c", "client_secret": "s"}
    renewed = (await http.post("/auth/o2/token", data=grant)).json()
    assert ("bearer", 3600) == (renewed["token_type"], renewed["expires_in"])
    cloud = DashClient(http, renewed["access_token"])
    assert 200 == (await cloud.call("DELETE", "/registration", "Deregister")).status_code
    assert 400 == (await cloud.call("POST", "/replenish/main", "Replenish")).status_code
    assert "invalid_grant" == (await http.post("/auth/o2/token", data=grant)).json()["error"]
    wrong = {"grant_type": "authorization_code"}
    assert "unsupported_grant_type" == (await http.post("/auth/o2/token", data=wrong)).json()["error"]
    with house.database.read() as session:
        assert [] == session.exec(select(DecisionRecord)).all()


@pytest.mark.parametrize(
    ("kind", "rule", "code"),
    [
        (Kind.ORDER, None, DetailCode.STANDARD_ORDER_PLACED),
        (Kind.HOLD, "no_open_order", DetailCode.ORDER_INPROGRESS),
        (Kind.HOLD, "budget", DetailCode.LIMIT_EXCEEDED),
        (Kind.ASK, "price_cap", DetailCode.PRICE_ABOVE_CAP),
        (Kind.HOLD, "pause", DetailCode.PAUSED),
        (Kind.HOLD, "level_known", DetailCode.UNKNOWN_LEVEL),
        (Kind.ASK, "fresh_press", DetailCode.STALE_EVENT),
        (Kind.ASK, "mandate", DetailCode.APPROVAL_REQUIRED),
        (Kind.ASK, "presser_may_spend", DetailCode.APPROVAL_REQUIRED),
        (Kind.SHADOW, "pause", DetailCode.NOT_SUBSCRIBED),
        (Kind.NOTIFY, None, DetailCode.NOT_SUBSCRIBED),
    ],
)
def test_every_decision_has_a_code(kind: Kind, rule: str | None, code: DetailCode) -> None:
    """The first rule that said no names it."""
    verdicts = () if rule is None else (Verdict("earlier", True, {}), Verdict(rule, False, {}))
    assert code is detail_code(Decision(kind, Trigger.PRESS, 1, "pack", 1, verdicts))
