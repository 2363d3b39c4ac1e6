"""An order between the real server and the real sandbox: placed, refused, followed, told truthfully."""

import random
import time
import uuid
from typing import Any

import httpx
import pytest

from device_sim.fleet import Access
from replenish_server.households.mandate import Mandate, Mode
from replenish_server.households.money import money
from replenish_server.ordering.tables import OrderEvent, Parcel, PurchaseOrder, RetailerCall
from tests.support.mortal_house import CAP_MINOR, MortalHouse, wait_until
from tests.support.stranger import stranger

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]


@pytest.fixture
def honest_shop(mortal_house: MortalHouse) -> None:
    """No faults from the test before."""
    mortal_house.faults(1)


def pressed(house: MortalHouse, mandate: Mandate | None = None) -> str:
    """A new button is pressed once; returns its slot, which has an order."""
    device, slot = house.add("button", f"button-{uuid.uuid4().hex[:8]}", random.Random(1), mandate)
    press(device.access)
    assert wait_until(lambda: house.orders(slot))
    return slot


def press(access: Access) -> None:
    """One press."""
    with stranger(access) as client:
        body = '{"v":1,"b":"0000000a","s":1,"a":0,"t":"press","g":"short"}'
        client.say(f"rp/1/{access.device_id}/up/ev", body)


def until_in(house: MortalHouse, slot: str, *states: str) -> PurchaseOrder:
    """The slot's one order, once it is in one of these states."""
    assert wait_until(lambda: house.orders(slot)[0].state in states, 60), house.orders(slot)
    (order,) = house.orders(slot)
    return order


def bought(house: MortalHouse, order: PurchaseOrder) -> list[dict[str, Any]]:
    """What the retailer has of this order."""
    (parcel,) = house.rows(Parcel, id=order.parcel_id)
    return [row for row in house.shop_orders() if row["checkout_id"] == parcel.checkout_id]


@pytest.mark.usefixtures("honest_shop")
@pytest.mark.parametrize(
    "kind", ["accept_then_close", "accept_then_500", "close_before", "error_500", "hang"]
)
@pytest.mark.parametrize("operation", ["create", "update", "complete"])
def test_one_fault_at_one_step_still_is_one_order(
    mortal_house: MortalHouse, operation: str, kind: str
) -> None:
    """Also where the shop forgets the keys: it is asked before anything is repeated."""
    fault = {"kind": kind, "share": 1.0, "times": 2, "seconds": 0.3}
    mortal_house.faults(1, honours_keys=False, **{operation: [fault]})
    order = until_in(mortal_house, pressed(mortal_house), "placed", "shipped", "delivered", "closed")
    (there,) = bought(mortal_house, order)
    assert (there["id"], there["total_minor"]) == (order.retailer_order_id, order.total_minor)
    completes = mortal_house.rows(RetailerCall, parcel_id=order.parcel_id, step="complete")
    assert [there["idempotency_key"]] == [call.key for call in completes]


@pytest.mark.usefixtures("honest_shop")
def test_a_price_over_the_cap_buys_nothing(mortal_house: MortalHouse) -> None:
    """A person is asked, with the price; the completing request was never even stored."""
    order = until_in(mortal_house, pressed(mortal_house, Mandate(Mode.AUTO, 1, "EUR")), "needs_attention")
    assert ("price_over_cap", True) == (order.problem, (order.quoted_minor or 0) > 1)
    assert order.problem_detail == f"{money(order.quoted_minor or 0, 'EUR')} > €0.01"
    assert [] == bought(mortal_house, order)
    assert [] == mortal_house.rows(RetailerCall, parcel_id=order.parcel_id, step="complete")


@pytest.mark.usefixtures("honest_shop")
def test_ask_first_waits_with_its_price(mortal_house: MortalHouse) -> None:
    """The quote is fetched, nothing is bought, however long it waits."""
    slot = pressed(mortal_house, Mandate(Mode.ASK, CAP_MINOR, "EUR"))
    assert wait_until(lambda: mortal_house.orders(slot)[0].quoted_minor)
    time.sleep(1.5)  # a tick and a half of the server
    order = until_in(mortal_house, slot, "needs_approval")
    assert [] == bought(mortal_house, order)


@pytest.mark.usefixtures("honest_shop")
def test_nothing_in_stock_is_a_persons_problem_once_and_not_a_loop(mortal_house: MortalHouse) -> None:
    """The order stays open and says why."""
    mortal_house.shop("/testing/stock", item_id="filter-3", stock=0)
    try:
        order = until_in(mortal_house, pressed(mortal_house), "needs_attention")
        assert "out_of_stock" == order.problem
        assert [] == bought(mortal_house, order)
    finally:
        mortal_house.shop("/testing/stock", item_id="filter-3", stock=1000)


@pytest.mark.usefixtures("honest_shop")
def test_a_webhook_is_a_hint_and_its_body_is_not_believed(mortal_house: MortalHouse) -> None:
    """A forged one makes us ask the shop, and changes nothing; a real one is told by asking, too."""
    order = until_in(mortal_house, pressed(mortal_house), "delivered", "closed")
    before = mortal_house.rows(OrderEvent, order_id=order.id)
    assert ["placing", "placed", "shipped", "delivered", "closed"] == [event.state for event in before]
    mortal_house.shop("/testing/price", item_id="filter-3", price_minor=900)
    slow = until_in(mortal_house, pressed(mortal_house), "placed", "shipped", "delivered", "closed")
    url = f"{mortal_house.settings.base_url}/webhooks/ucp"
    forged = {"id": slow.retailer_order_id, "fulfillment": {"events": [{"type": "canceled"}]}, "totals": []}
    for body in (forged, {"id": order.retailer_order_id}, {"id": "ord_nowhere"}):
        answer = httpx.post(url, json=body, trust_env=False, headers={"Webhook-Signature": "v1,forged"})
        assert answer.status_code == 200
    for text in (b"{", b"[]", b'{"id":7}', b"[" * 100_000, b'{"id":"' + b"x" * 300 + b'"}'):
        assert 400 == httpx.post(url, content=text, trust_env=False).status_code
    assert 413 == httpx.post(url, content=b" " * (2 << 20), trust_env=False).status_code
    until_in(mortal_house, mortal_house.rows(PurchaseOrder, id=slow.id)[0].slot_id, "delivered", "closed")
    states = [event.state for event in mortal_house.rows(OrderEvent, order_id=slow.id)]
    assert "canceled" not in states
    assert before == mortal_house.rows(OrderEvent, order_id=order.id)


@pytest.mark.usefixtures("honest_shop")
def test_a_retailer_that_was_away_gets_the_order_when_it_is_back(mortal_house: MortalHouse) -> None:
    """Nothing is given up, and nothing is ordered twice."""
    mortal_house.kill("retailer")
    slot = pressed(mortal_house)
    parcel_id = mortal_house.orders(slot)[0].parcel_id
    assert wait_until(lambda: mortal_house.rows(Parcel, id=parcel_id)[0].failures >= 2, 60)
    assert "placing" == mortal_house.orders(slot)[0].state
    mortal_house.restart("retailer")
    order = until_in(mortal_house, slot, "placed", "shipped", "delivered", "closed")
    assert 1 == len(bought(mortal_house, order))


@pytest.mark.usefixtures("honest_shop")
def test_an_order_that_waits_at_the_start_leaves_only_when_our_profile_can_be_fetched(
    mortal_house: MortalHouse,
) -> None:
    """Shop and server restart with an order in hand: a shop without our profile would refuse it for good."""
    for _ in range(3):
        mortal_house.kill("retailer")
        slot = pressed(mortal_house)
        mortal_house.kill("server")
        mortal_house.await_death("server")
        mortal_house.restart("retailer")
        assert wait_until(lambda: _answers(mortal_house.shop_url))
        mortal_house.restart("server")
        order = until_in(mortal_house, slot, "placed", "shipped", "delivered", "closed", "needs_attention")
        assert (None, None) == (order.problem, order.problem_detail)
        assert 1 == len(bought(mortal_house, order))


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/.well-known/ucp", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
