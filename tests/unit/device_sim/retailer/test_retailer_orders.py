"""What becomes of an order: the clock, webhooks, cancelling, and faults on the way in."""

from collections import Counter

import pytest
from ucp_sdk.models.schemas.shopping.catalog_lookup import LookupResponse
from ucp_sdk.models.schemas.shopping.catalog_search import SearchResponse
from ucp_sdk.models.schemas.shopping.order import Order

from device_sim.retailer.faults import FaultPlan
from device_sim.retailer.lines import ConnectionCutError


def kinds(order) -> list[str]:
    return [event["type"] for event in order["fulfillment"]["events"]]


async def drain(client) -> None:
    while await client.shop.tick():
        pass


async def test_an_order_moves_by_the_clock_and_every_step_is_told(client, clock, platform):
    order_id = await client.order()
    await drain(client)
    assert [kinds(order) for order in platform.orders_heard()] == [[]]
    for hours, expected in ((1.1, "processing"), (3.0, "shipped"), (16.0, "delivered")):
        clock.pass_hours(hours)
        await drain(client)
        assert kinds(platform.orders_heard()[-1])[-1] == expected
    heard = platform.orders_heard()
    assert len(heard) == 4
    final = (await client.get(f"/orders/{order_id}")).json()
    assert final == heard[-1]
    assert final["line_items"][0]["status"] == "fulfilled"
    assert final["fulfillment"]["events"][1]["tracking_number"]
    for order in heard:
        Order.model_validate(order)


async def test_a_shop_that_slept_tells_every_step_in_order(client, clock, platform):
    await client.order()
    clock.pass_hours(100)
    await drain(client)
    assert [kinds(order)[-1:] for order in platform.orders_heard()] == [
        [],
        ["processing"],
        ["shipped"],
        ["delivered"],
    ]
    times = [event["occurred_at"] for event in platform.orders_heard()[-1]["fulfillment"]["events"]]
    assert times == sorted(times)


async def test_express_takes_half_the_time(client, clock):
    order_id = await client.order(option="express")
    clock.pass_hours(10.1)
    await drain(client)
    assert client.shop.orders.state(order_id) == "delivered"


async def test_a_webhook_is_tried_again_with_the_same_id_and_bytes(client, platform):
    platform.refusals = 2
    await client.order()
    arrived = [await client.shop.tick() for _ in range(4)]
    assert arrived == [0, 0, 1, 0]
    assert len({(request.headers["Webhook-Id"], request.content) for request in platform.received}) == 1
    headers = platform.received[0].headers
    assert headers["UCP-Agent"] == 'profile="http://shop.test/.well-known/ucp"'
    assert headers["Webhook-Timestamp"] == "1790000000"


async def test_a_later_webhook_waits_for_the_earlier_one(client, clock, platform):
    platform.refusals = 1
    await client.order()
    clock.pass_hours(100)
    await client.shop.tick()
    assert [kinds(order) for order in platform.orders_heard()] == [[]]
    await drain(client)
    assert [len(kinds(order)) for order in platform.orders_heard()] == [0, 0, 1, 2, 3]


async def test_a_webhook_that_never_arrives_is_given_up(client, platform):
    platform.refusals = 100
    await client.order()
    for _ in range(8):
        await client.shop.tick()
    assert len(platform.received) == 5
    (delivery,) = (await client.get("/testing/webhooks")).json()
    assert (delivery["state"], delivery["tries"], delivery["last_outcome"]) == ("given_up", 5, "HTTP 503")


async def test_a_platform_without_a_webhook_gets_none(client, platform):
    platform.capabilities = ("checkout", "fulfillment")
    await client.order()
    await client.shop.tick()
    (delivery,) = (await client.get("/testing/webhooks")).json()
    assert delivery["state"] == "unwanted"


async def test_a_person_cancels_until_it_ships(client, clock, platform):
    order_id = await client.order(quantity=4)
    assert "Cancel this order" in (await client.get(f"/orders/{order_id}/page")).text
    assert (await client.http.post(f"/orders/{order_id}/cancel")).status_code == 303
    await drain(client)
    order = platform.orders_heard()[-1]
    Order.model_validate(order)
    (adjustment,) = order["adjustments"]
    assert adjustment["type"] == "cancellation"
    assert adjustment["totals"][0]["amount"] == -(4 * 799 + 390)
    assert adjustment["line_items"] == [{"id": "li_1", "quantity": -4}]
    assert order["line_items"][0]["status"] == "removed"
    assert client.shop.catalogue.items()["det-1500"].stock == 500
    clock.pass_hours(100)
    await drain(client)
    assert kinds(platform.orders_heard()[-1]) == []
    assert (await client.http.post(f"/orders/{order_id}/cancel")).status_code == 409


async def test_a_shipped_order_cannot_be_cancelled(client):
    order_id = await client.order()
    assert (await client.http.post(f"/testing/ship/{order_id}")).json()["state"] == "shipped"
    assert "Cancel this order" not in (await client.get(f"/orders/{order_id}/page")).text
    assert (await client.http.post(f"/orders/{order_id}/cancel")).status_code == 409
    assert (await client.http.post(f"/testing/deliver/{order_id}")).json()["state"] == "delivered"


@pytest.mark.parametrize(
    ("kind", "ordered"),
    [("accept_then_500", 1), ("error_500", 0), ("accept_then_close", 1), ("close_before", 0)],
)
async def test_a_fault_leaves_what_it_says(client, kind, ordered):
    session_id = await client.ready()
    await client.http.post("/testing/faults", json={"complete": [{"kind": kind, "times": 1}]})
    if kind.endswith("500"):
        with_error = await client.complete(session_id, key="k")
        assert with_error.status_code == 500
    else:
        with pytest.raises(ConnectionCutError):
            await client.complete(session_id, key="k")
    assert len((await client.get("/testing/orders")).json()) == ordered
    again = await client.complete(session_id, key="k")
    assert again.json()["status"] == "completed"
    assert len((await client.get("/testing/orders")).json()) == 1


async def test_create_and_update_fail_too(client, a_cart):
    session_id = await client.ready()
    await client.http.post(
        "/testing/faults", json={"create": [{"kind": "error_500"}], "update": [{"kind": "error_500"}]}
    )
    assert (await client.create(a_cart())).status_code == 500
    assert (await client.send("PUT", f"/checkout-sessions/{session_id}", a_cart())).status_code == 500
    assert (await client.complete(session_id)).status_code == 200


@pytest.mark.parametrize(
    "settings",
    [
        {"compleet": []},
        {"complete": {"kind": "hang"}},
        {"complete": [{"kind": "explode"}]},
        {"complete": [{"kind": "hang", "share": 2}]},
        {"complete": [{"kind": "hang", "share": 0.6}, {"kind": "error_500", "share": 0.6}]},
        {"complete": [{"sort": "hang"}]},
    ],
)
async def test_faults_that_make_no_sense_are_refused(client, settings):
    assert (await client.http.post("/testing/faults", json=settings)).status_code == 400


def test_shares_hold_and_a_seed_repeats():
    settings = {
        "complete": [{"kind": "accept_then_close", "share": 0.3}, {"kind": "error_500", "share": 0.2}],
        "seed": 7,
    }
    plans = [FaultPlan(settings), FaultPlan(settings)]
    drawn = [[plan.draw("complete") for _ in range(5000)] for plan in plans]
    assert drawn[0] == drawn[1]
    counts = Counter(fault.kind if fault else None for fault in drawn[0])
    assert counts["accept_then_close"] == pytest.approx(1500, abs=150)
    assert counts["error_500"] == pytest.approx(1000, abs=150)


async def test_the_catalogue_answers_people_and_platforms(client):
    items = {item["item_id"]: item for item in (await client.get("/catalog")).json()["items"]}
    assert items["det-1500"]["unit_amount"] == 1_500_000
    assert {"toner-black", "filter-6", "coffee-500"} <= set(items)
    found = (await client.http.post("/catalog/search", json={"query": "toner black"})).json()
    SearchResponse.model_validate(found)
    assert [product["id"] for product in found["products"]] == ["toner-black"]
    looked = (
        await client.http.post("/catalog/lookup", json={"ids": ["det-3000", "water-filter", "x"]})
    ).json()
    LookupResponse.model_validate(looked)
    matches = {
        variant["id"]: variant["inputs"] for product in looked["products"] for variant in product["variants"]
    }
    assert matches == {
        "det-3000": [{"id": "det-3000", "match": "exact"}],
        "filter-1": [{"id": "water-filter", "match": "featured"}],
    }
    assert looked["messages"][0]["content"] == "x"
    one = (await client.http.post("/catalog/product", json={"id": "filter-6"})).json()
    assert [variant["id"] for variant in one["product"]["variants"]] == ["filter-6", "filter-1", "filter-3"]
