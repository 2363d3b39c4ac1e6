"""Ways to the household and ways to go wrong: stores, e-mail, short stock, lies, delays, escalation."""

import pytest
from ucp_sdk.models.schemas.shopping.fulfillment import Checkout
from ucp_sdk.models.schemas.shopping.order import Order

from device_sim.retailer import RetailerConfig
from device_sim.retailer.shop import Shop


def codes(answer) -> list[str]:
    return [message["code"] for message in answer.json().get("messages", [])]


def kinds(order) -> list[str]:
    return [event["type"] for event in order["fulfillment"]["events"]]


def pickup(store="store-mitte", item_id="det-1500", quantity=2, option="counter"):
    method = {"type": "pickup", "selected_destination_id": store, "groups": [{"selected_option_id": option}]}
    lines = [{"item": {"id": item_id}, "quantity": quantity}]
    return {"line_items": lines, "fulfillment": {"methods": [method]}}


async def levers(client, **settings):
    answer = await client.http.post("/testing/faults", json=settings)
    assert answer.status_code == 200, answer.text


async def order_of(client, body):
    session = (await client.create(body)).json()
    assert session["status"] == "ready_for_complete", session["messages"]
    completed = (await client.complete(session["id"])).json()
    assert completed["status"] == "completed", completed["messages"]
    return completed["order"]["id"]


async def read(client, order_id):
    order = (await client.get(f"/orders/{order_id}")).json()
    Order.model_validate(order)
    return order


async def drain(client):
    while await client.shop.tick():
        pass


def total(document) -> int:
    return next(entry["amount"] for entry in document["totals"] if entry["type"] == "total")


async def test_an_order_is_collected_at_a_store(client, clock):
    created = await client.create(pickup())
    Checkout.model_validate(created.json())
    method = created.json()["fulfillment"]["methods"][0]
    assert method["destinations"][0]["id"] == "store-mitte"
    assert method["destinations"][0]["address"]["postal_code"] == "10178"
    assert (created.json()["status"], total(created.json())) == ("ready_for_complete", 1598)
    order_id = await order_of(client, pickup())
    assert client.shop.stock.stores.stock()["store-mitte"]["det-1500"] == 18
    assert client.shop.catalogue.items()["det-1500"].stock == 500
    (promise,) = (await read(client, order_id))["fulfillment"]["expectations"]
    assert (promise["method_type"], promise["destination"]["postal_code"]) == ("pickup", "10178")
    clock.pass_hours(2.1)
    await drain(client)
    waiting = await read(client, order_id)
    assert (kinds(waiting)[-1], client.shop.orders.state(order_id)) == (
        "ready_for_pickup",
        "ready_for_pickup",
    )
    assert waiting["line_items"][0]["quantity"]["fulfilled"] == 0
    clock.pass_hours(20)
    await drain(client)
    assert (await read(client, order_id))["line_items"][0]["status"] == "fulfilled"


async def test_a_store_without_stock_says_so_and_delivery_is_still_there(client, a_cart):
    shelf = {"item_id": "det-1500", "stock": 1, "location_id": "store-mitte"}
    await client.http.post("/testing/stock", json=shelf)
    short = await client.create(pickup())
    assert (short.json()["status"], set(codes(short))) == ("incomplete", {"out_of_stock"})
    assert any("Have it sent" in message["content"] for message in short.json()["messages"])
    path = f"/checkout-sessions/{short.json()['id']}"
    other_store = await client.send("PUT", path, pickup("store-spandau"))
    assert other_store.json()["status"] == "ready_for_complete"
    sent = await client.send("PUT", path, a_cart())
    assert sent.json()["status"] == "ready_for_complete"
    await client.http.post("/testing/stock", json={"item_id": "det-1500", "stock": 0})
    assert "out_of_stock" in codes(await client.send("PUT", path, a_cart()))
    collected = await client.send("PUT", path, pickup("store-kreuzberg"))
    assert collected.json()["status"] == "ready_for_complete", "and the reverse"


async def test_choices_that_are_missing_or_wrong_are_said(client, a_cart):
    assert codes(await client.create(pickup(store=None))) == ["missing"]
    assert codes(await client.create(pickup(store="store-atlantis"))) == ["invalid"]
    assert codes(await client.create(pickup(option=None))) == ["missing"]
    both = a_cart()
    both["fulfillment"]["methods"].append({"type": "pickup"})
    assert codes(await client.create(both)) == ["invalid"]


async def test_a_gift_card_goes_by_mail_unless_it_is_to_be_sent(client, some_lines, a_cart, clock):
    order_id = await order_of(client, some_lines("gift-25", 1))
    clock.pass_hours(1.1)
    await drain(client)
    order = await read(client, order_id)
    assert (kinds(order), total(order)) == (["processing", "delivered"], 2500)
    assert total((await client.create(a_cart("gift-25", 1))).json()) == 2890


async def test_short_stock_is_adjusted_or_sold_ahead_on_demand(client, a_cart, clock):
    await client.http.post("/testing/stock", json={"item_id": "filter-1", "stock": 2})
    await levers(client, adjusts_quantity=True)
    adjusted = await client.create(a_cart("filter-1", 5))
    assert (codes(adjusted), adjusted.json()["line_items"][0]["quantity"]) == (["quantity_adjusted"], 2)
    await levers(client, backorders=True, backorder_h=48)
    ahead = await client.create(a_cart("filter-1", 5))
    assert (codes(ahead), ahead.json()["status"]) == (["backorder"], "ready_for_complete")
    order_id = await order_of(client, a_cart("filter-1", 5))
    promises = (await read(client, order_id))["fulfillment"]["expectations"]
    assert [promise["line_items"][0]["quantity"] for promise in promises] == [2, 3]
    clock.pass_hours(21)
    await drain(client)
    partly = await read(client, order_id)
    assert (partly["line_items"][0]["status"], partly["line_items"][0]["quantity"]["fulfilled"]) == (
        "partial",
        2,
    )
    clock.pass_hours(48)
    await drain(client)
    whole = await read(client, order_id)
    assert whole["line_items"][0]["status"] == "fulfilled"
    assert kinds(whole) == ["processing", "shipped", "delivered", "shipped", "delivered"]
    assert client.shop.catalogue.items()["filter-1"].stock == 0


async def test_parcels_split_and_come_late(client, clock):
    await levers(client, splits_parcels=True, late_h=10)
    order_id = await client.order(quantity=3)
    clock.pass_hours(24)
    await drain(client)
    assert kinds(await read(client, order_id)) == ["processing", "shipped", "shipped"]
    clock.pass_hours(8)
    await drain(client)
    order = await read(client, order_id)
    assert kinds(order)[-2:] == ["delivered", "delivered"]
    assert len({event.get("tracking_number") for event in order["fulfillment"]["events"]} - {None}) == 2


async def test_packs_that_are_missing_are_refunded_and_the_rest_arrives(client, clock):
    await levers(client, loses_packs=1)
    order_id = await client.order(quantity=3)
    order = await read(client, order_id)
    (adjustment,) = order["adjustments"]
    assert (adjustment["type"], adjustment["totals"][0]["amount"]) == ("refund", -799)
    assert adjustment["line_items"] == [{"id": "li_1", "quantity": -1}]
    assert order["line_items"][0]["quantity"] == {"original": 3, "total": 2, "fulfilled": 0}
    clock.pass_hours(30)
    await drain(client)
    assert (await read(client, order_id))["line_items"][0]["status"] == "fulfilled"
    await levers(client)
    second = await client.order(quantity=2)
    await client.http.post(
        f"/testing/orders/{second}/adjust",
        json={"line_item_id": "li_1", "quantity": 1, "type": "cancellation"},
    )
    assert (await client.http.post(f"/orders/{second}/cancel")).status_code == 303
    paid_back = sum(entry["totals"][0]["amount"] for entry in (await read(client, second))["adjustments"])
    assert paid_back == -(2 * 799 + 390)
    assert client.shop.catalogue.items()["det-1500"].stock == 497


async def test_totals_lie_and_orders_cost_more_on_demand(client, a_cart):
    await levers(client, lies_in_total_minor=-100)
    lying = (await client.create(a_cart())).json()
    parts = sum(entry["amount"] for entry in lying["totals"] if entry["type"] != "total")
    assert total(lying) == parts - 100
    await levers(client, overcharges_minor=250)
    session_id = await client.ready()
    completed = (await client.complete(session_id)).json()
    order = await read(client, completed["order"]["id"])
    assert total(order) == total(completed) + 250


@pytest.mark.parametrize("fails", [False, True])
async def test_a_completion_takes_its_time(client, clock, a_cart, fails):
    await levers(client, completes_after_s=600, completion_fails=fails)
    session_id = await client.ready()
    path = f"/checkout-sessions/{session_id}"
    waiting = (await client.complete(session_id, key="k")).json()
    assert (waiting["status"], "order" in waiting) == ("complete_in_progress", False)
    assert codes(await client.send("PUT", path, a_cart())) == ["invalid_state"]
    assert codes(await client.send("POST", f"{path}/cancel")) == ["invalid_state"]
    assert (await client.complete(session_id, key="k")).json() == waiting
    assert (await client.get("/testing/orders")).json() == []
    assert client.shop.catalogue.items()["det-1500"].stock == 498
    clock.pass_hours(0.2)
    after = (await client.get(path)).json()
    if not fails:
        assert after["status"] == "completed"
        assert len((await client.get("/testing/orders")).json()) == 1
        return
    assert (after["status"], after["messages"][0]["code"]) == ("incomplete", "payment_failed")
    assert client.shop.catalogue.items()["det-1500"].stock == 500
    await levers(client)
    assert (await client.send("PUT", path, a_cart())).json()["status"] == "ready_for_complete"
    assert (await client.complete(session_id)).json()["status"] == "completed"


async def test_a_completion_is_settled_by_the_clock_alone(client, clock):
    await levers(client, completes_after_s=60)
    await client.complete(await client.ready())
    clock.pass_hours(0.1)
    await drain(client)
    assert len((await client.get("/testing/orders")).json()) == 1


async def test_a_challenge_is_handed_to_a_person_who_finishes(client, a_cart):
    session_id = await client.ready()
    asked = (await client.complete(session_id, "challenge_token")).json()
    assert (asked["status"], asked["messages"][0]["severity"]) == (
        "requires_escalation",
        "requires_buyer_input",
    )
    assert asked["continue_url"] == f"http://shop.test/checkout/{session_id}"
    assert (await client.complete(session_id)).json()["status"] == "requires_escalation"
    assert "Buy now" in (await client.get(f"/checkout/{session_id}")).text
    await client.http.post(f"/checkout/{session_id}")
    finished = (await client.get(f"/checkout-sessions/{session_id}")).json()
    assert finished["status"] == "completed"
    assert "dev.ucp.shopping.ap2_mandate" not in finished["ucp"]["capabilities"], "it was not negotiated"


@pytest.mark.parametrize(
    ("severity", "status"),
    [
        ("recoverable", "incomplete"),
        ("requires_buyer_input", "requires_escalation"),
        ("requires_buyer_review", "requires_escalation"),
        ("unrecoverable", "incomplete"),
    ],
)
async def test_every_severity_on_demand(client, a_cart, severity, status):
    message = {"type": "error", "code": "anything", "content": "Because.", "severity": severity}
    await levers(client, says=[message])
    session = (await client.create(a_cart())).json()
    assert (session["status"], session["messages"]) == (status, [message])
    assert (await client.complete(session["id"])).json()["status"] == status
    assert (await client.get("/testing/orders")).json() == []


async def test_warnings_do_not_stop_an_order(client, a_cart):
    warning = {"type": "warning", "code": "allergens", "content": "Nuts.", "presentation": "disclosure"}
    await levers(client, says=[warning])
    session = (await client.create(a_cart())).json()
    assert (session["status"], session["messages"]) == ("ready_for_complete", [warning])


async def test_keys_that_cannot_be_stored_fail_closed(client, a_cart):
    await levers(client, keys_unavailable=True)
    refused = await client.create(a_cart())
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert client.shop.store.rows("SELECT id FROM sessions") == []


@pytest.mark.parametrize(
    "settings",
    [
        {"late_h": "soon"},
        {"backorders": 1},
        {"signatures": "sometimes"},
        {"says": [{"type": "error", "code": "x", "content": "y"}]},
        {"webhooks": {"forged": 2}},
        {"webhooks": {"eaten": 0.5}},
    ],
)
async def test_levers_that_make_no_sense_are_refused(client, settings):
    assert (await client.http.post("/testing/faults", json=settings)).status_code == 400


async def test_item_discounts_are_allocated_and_rules_need_no_code(client, a_cart):
    body = a_cart("filter-3", 2) | {"discounts": {"codes": ["FILTER50", "WELCOME10", "THANKS5"]}}
    body["line_items"].append({"item": {"id": "coffee-500"}, "quantity": 3})
    session = (await client.create(body)).json()
    Checkout.model_validate(session)
    amounts = {entry["type"]: entry["amount"] for entry in session["totals"]}
    goods = 3998 + 2097
    assert amounts["items_discount"] == -(100 + 100)
    assert amounts["discount"] == -((goods - 200) // 10 + (goods - 200) * 5 // 100)
    assert amounts["total"] == goods + amounts["items_discount"] + amounts["discount"] + 390
    automatic = session["discounts"]["applied"][0]
    assert (automatic["automatic"], "code" in automatic) == (True, False)
    for applied in session["discounts"]["applied"][:2]:
        assert sum(part["amount"] for part in applied["allocations"]) == applied["amount"]


async def test_a_search_goes_on_page_by_page(client):
    first = (await client.http.post("/catalog/search", json={"query": "household"})).json()
    assert len(first["products"]) == 10
    cursor = first["pagination"]["cursor"]
    body = {"query": "household", "pagination": {"cursor": cursor, "limit": 10}}
    rest = (await client.http.post("/catalog/search", json=body)).json()
    ids = [product["id"] for product in first["products"] + rest["products"]]
    assert len(ids) == len(set(ids)) == first["pagination"]["total_count"] == 12
    assert rest["pagination"]["has_next_page"] is False
    elsewhere = await client.http.post("/catalog/search", json={"query": "household", "cursor": cursor})
    assert elsewhere.json()["products"] == first["products"], "a cursor outside pagination is no cursor"


async def test_one_product_says_what_there_is_to_choose(client):
    found = (await client.http.post("/catalog/product", json={"id": "filter-6"})).json()["product"]
    assert found["selected"] == [{"name": "Pack", "id": "filter-6", "label": found["variants"][0]["title"]}]
    assert [value["id"] for value in found["options"][0]["values"]] == ["filter-6", "filter-1", "filter-3"]


async def test_a_completion_that_takes_its_time_survives_the_shop(client, clock, tmp_path):
    await levers(client, completes_after_s=60)
    session_id = await client.ready()
    await client.complete(session_id)
    reopened = Shop(tmp_path / "shop.db", clock, RetailerConfig(base_url="http://shop.test"))
    clock.pass_hours(0.1)
    await reopened.tick()
    assert len(reopened.store.rows("SELECT id FROM orders")) == 1
    assert await reopened.tick() == 0
    await reopened.close()
    assert (await client.get(f"/checkout-sessions/{session_id}")).json()["status"] == "completed"
    assert len((await client.get("/testing/orders")).json()) == 1
