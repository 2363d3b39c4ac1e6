"""A checkout from the first line to the order, and everything that stops it."""

import pytest
from ucp_sdk.models.schemas.shopping.fulfillment import Checkout
from ucp_sdk.models.schemas.shopping.order import Order
from ucp_sdk.models.schemas.shopping.types.error_response import ErrorResponse
from ucp_sdk.models.schemas.shopping.types.fulfillment import Fulfillment


def codes(answer) -> list[str]:
    return [message["code"] for message in answer.json().get("messages", [])]


def total(answer) -> int:
    totals = answer.json()["totals"]
    (amount,) = [entry["amount"] for entry in totals if entry["type"] == "total"]
    assert sum(entry["amount"] for entry in totals if entry["type"] != "total") == amount
    return amount


async def test_a_checkout_goes_step_by_step_to_an_order(client, some_lines, a_cart, a_payment):
    created = await client.create(some_lines())
    session = created.json()
    assert created.status_code == 201
    assert session["status"] == "incomplete"
    assert codes(created) == ["missing"]
    assert total(created) == 1598

    method = session["fulfillment"]["methods"][0]
    body = a_cart()
    body["line_items"][0]["id"] = session["line_items"][0]["id"]
    body["fulfillment"]["methods"][0] |= {"id": method["id"], "line_item_ids": method["line_item_ids"]}
    del body["fulfillment"]["methods"][0]["groups"]
    addressed = await client.send("PUT", f"/checkout-sessions/{session['id']}", body)
    group = addressed.json()["fulfillment"]["methods"][0]["groups"][0]
    assert [option["id"] for option in group["options"]] == ["std", "express"]
    assert codes(addressed) == ["missing"]

    body["fulfillment"]["methods"][0]["groups"] = [{"id": group["id"], "selected_option_id": "express"}]
    ready = await client.send("PUT", f"/checkout-sessions/{session['id']}", body)
    assert (ready.json()["status"], total(ready)) == ("ready_for_complete", 1598 + 890)
    assert ready.json()["line_items"][0]["id"] == session["line_items"][0]["id"]

    completed = await client.send("POST", f"/checkout-sessions/{session['id']}/complete", a_payment())
    assert completed.status_code == 200
    assert completed.json()["status"] == "completed"
    assert completed.json()["order"]["permalink_url"].endswith(f"{completed.json()['order']['id']}/page")
    assert "success_token" not in completed.text
    read = await client.get(f"/checkout-sessions/{session['id']}")
    assert read.json() == completed.json()
    for answer in (created, addressed, ready, completed):
        Checkout.model_validate(answer.json())
        Fulfillment.model_validate(answer.json()["fulfillment"])


async def test_the_order_can_be_read_by_the_platform_that_placed_it(client):
    order_id = await client.order()
    order = (await client.get(f"/orders/{order_id}")).json()
    Order.model_validate(order)
    assert order["line_items"][0]["quantity"] == {"original": 2, "total": 2, "fulfilled": 0}
    stranger = {"UCP-Agent": 'profile="https://another.test/.well-known/ucp"'}
    refused = await client.get(f"/orders/{order_id}", headers=stranger)
    ErrorResponse.model_validate(refused.json())
    assert codes(refused) == ["not_found"]


async def test_completing_takes_stock_and_a_second_time_does_nothing(client, a_payment):
    before = client.shop.catalogue.items()["det-1500"].stock
    session_id = await client.ready(quantity=3)
    assert client.shop.catalogue.items()["det-1500"].stock == before
    first = await client.complete(session_id)
    again = await client.complete(session_id)
    assert client.shop.catalogue.items()["det-1500"].stock == before - 3
    assert codes(again) == ["invalid_state"]
    assert again.json()["order"] == first.json()["order"]
    assert len((await client.get("/testing/orders")).json()) == 1


async def test_a_declined_payment_orders_nothing_and_can_be_tried_again(client):
    session_id = await client.ready()
    declined = await client.complete(session_id, "fail_token")
    assert (declined.status_code, declined.json()["status"]) == (200, "ready_for_complete")
    assert codes(declined) == ["payment_failed"]
    assert "fail_token" not in declined.text
    assert client.shop.catalogue.items()["det-1500"].stock == 500
    assert (await client.complete(session_id)).json()["status"] == "completed"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing"),
        ({"payment": {"instruments": []}}, "missing"),
        ({"payment": {"instruments": [{"handler_id": "another"}]}}, "invalid"),
        ({"payment": {"instruments": [{"handler_id": "sandbox_pay"}]}}, "payment_failed"),
    ],
)
async def test_a_payment_must_be_one_token_for_our_handler(client, body, code):
    session_id = await client.ready()
    answer = await client.send("POST", f"/checkout-sessions/{session_id}/complete", body)
    assert codes(answer) == [code]


async def test_completing_too_early_says_what_is_missing(client, some_lines):
    session_id = (await client.create(some_lines())).json()["id"]
    answer = await client.complete(session_id)
    assert (answer.json()["status"], codes(answer)) == ("incomplete", ["missing"])


async def test_an_unknown_item_creates_nothing(client, some_lines):
    answer = await client.create(some_lines("perpetual-motion"))
    ErrorResponse.model_validate(answer.json())
    assert (answer.status_code, codes(answer)) == (200, ["item_unavailable"])
    assert answer.json()["messages"][0]["severity"] == "unrecoverable"


async def test_an_unknown_item_among_others_is_left_out_and_said(client, a_cart):
    body = a_cart()
    body["line_items"].append({"item": {"id": "perpetual-motion"}, "quantity": 1})
    answer = await client.create(body)
    assert (answer.json()["status"], codes(answer)) == ("incomplete", ["item_unavailable"])
    assert answer.json()["messages"][0]["path"] == "$.line_items[1]"
    assert len(answer.json()["line_items"]) == 1


async def test_stock_is_checked_at_create_at_update_and_at_complete(client, some_lines, a_cart):
    await client.http.post("/testing/stock", json={"item_id": "filter-1", "stock": 2})
    short = await client.create(some_lines("filter-1", 3))
    assert "out_of_stock" in codes(short)
    assert short.json()["line_items"][0]["quantity"] == 3, "the shop must not lower a quantity in silence"
    enough = await client.send("PUT", f"/checkout-sessions/{short.json()['id']}", a_cart("filter-1", 2))
    assert enough.json()["status"] == "ready_for_complete"
    await client.order("filter-1", 1)
    late = await client.complete(short.json()["id"])
    assert codes(late) == ["out_of_stock"]
    await client.http.post("/testing/stock", json={"item_id": "filter-1", "stock": 0})
    assert codes(await client.create(some_lines("filter-1", 1))) == ["out_of_stock"]


async def test_the_same_item_on_two_lines_counts_twice(client, a_cart):
    await client.http.post("/testing/stock", json={"item_id": "det-750", "stock": 3})
    body = a_cart("det-750", 2)
    body["line_items"] *= 2
    assert codes(await client.create(body)) == ["out_of_stock"]


async def test_a_price_that_changed_stops_the_order_until_it_was_seen(client):
    session_id = await client.ready()
    await client.http.post("/testing/price", json={"item_id": "det-1500", "price_minor": 899})
    stopped = await client.complete(session_id)
    assert (codes(stopped), total(stopped)) == (["price_changed"], 2 * 899 + 390)
    assert (await client.complete(session_id)).json()["status"] == "completed"


async def test_a_shop_told_to_be_rude_charges_the_new_price(client):
    await client.http.post("/testing/faults", json={"asks_on_price_change": False})
    session_id = await client.ready()
    await client.http.post("/testing/price", json={"item_id": "det-1500", "price_minor": 899})
    charged = await client.complete(session_id)
    assert (charged.json()["status"], total(charged)) == ("completed", 2 * 899 + 390)


async def test_a_discount_is_negative_in_the_totals(client, a_cart):
    answer = await client.create(a_cart() | {"discounts": {"codes": ["welcome10", "nonsense", "WELCOME10"]}})
    Checkout.model_validate(answer.json())
    assert {"type": "discount", "display_text": "Discount", "amount": -159} in answer.json()["totals"]
    assert total(answer) == 1598 - 159 + 390
    assert codes(answer) == ["discount_code_invalid", "discount_code_already_applied"]
    assert answer.json()["status"] == "ready_for_complete", "a bad code is a warning"


async def test_an_update_replaces_everything(client, some_lines):
    session_id = await client.ready()
    answer = await client.send("PUT", f"/checkout-sessions/{session_id}", some_lines("coffee-500", 1))
    assert answer.json()["status"] == "incomplete"
    assert "destinations" not in answer.json()["fulfillment"]["methods"][0]
    assert total(answer) == 699


async def test_addresses_are_checked(client, a_cart):
    body = a_cart()
    body["fulfillment"]["methods"][0]["destinations"][0]["address_country"] = "AQ"
    assert codes(await client.create(body)) == ["address_undeliverable"]
    del body["fulfillment"]["methods"][0]["destinations"][0]["address_country"]
    assert codes(await client.create(body)) == ["missing"]


async def test_of_two_addresses_none_is_chosen_for_the_platform(client, a_cart, address):
    body = a_cart()
    body["fulfillment"]["methods"][0]["destinations"] = [{"id": "a", **address}, {"id": "b", **address}]
    answer = await client.create(body)
    assert codes(answer) == ["missing"]
    assert "selected_destination_id" not in answer.json()["fulfillment"]["methods"][0]
    body["fulfillment"]["methods"][0]["selected_destination_id"] = "b"
    chosen = await client.create(body)
    assert chosen.json()["fulfillment"]["methods"][0]["selected_destination_id"] == "b"


async def test_a_session_expires_by_the_clock(client, clock):
    session_id = await client.ready()
    clock.pass_hours(6.01)
    late = await client.complete(session_id)
    assert late.json()["status"] == "canceled"
    assert codes(late) == ["session_expired", "invalid_state"]
    Checkout.model_validate(late.json())
    assert (await client.get("/testing/orders")).json() == []


async def test_a_session_can_be_cancelled_once(client, a_cart):
    session_id = await client.ready()
    path = f"/checkout-sessions/{session_id}"
    cancelled = await client.send("POST", f"{path}/cancel")
    assert (cancelled.json()["status"], codes(cancelled)) == ("canceled", [])
    assert "continue_url" not in cancelled.json()
    assert codes(await client.send("POST", f"{path}/cancel")) == ["invalid_state"]
    assert codes(await client.send("PUT", path, a_cart())) == ["invalid_state"]
    assert codes(await client.complete(session_id)) == ["invalid_state"]


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"line_items": []},
        {"line_items": [{"item": {"id": "det-1500"}, "quantity": 0}]},
        {"line_items": [{"item": {"id": "det-1500"}, "quantity": 1.0}]},
        {"line_items": [{"item": {"id": "det-1500"}, "quantity": True}]},
        {"line_items": [{"item": {}, "quantity": 1}]},
        {"line_items": [{"item": {"id": "det-1500"}, "quantity": 1}], "fulfillment": {"methods": "ship"}},
    ],
)
async def test_a_body_without_the_shape_of_a_checkout_is_refused(client, body):
    answer = await client.create(body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


async def test_an_unknown_session_is_an_answer_not_a_404(client):
    answer = await client.get("/checkout-sessions/chk_nothing")
    ErrorResponse.model_validate(answer.json())
    assert (answer.status_code, codes(answer)) == (200, ["not_found"])


async def test_a_platform_without_the_fulfillment_extension_hands_over_to_a_person(
    client, platform, some_lines
):
    platform.capabilities = ("checkout", "order")
    answer = await client.create(some_lines())
    Checkout.model_validate(answer.json())
    assert answer.json()["status"] == "requires_escalation"
    assert answer.json()["messages"][0]["severity"] == "requires_buyer_input"
    assert "continue_url" in answer.json()
    assert "fulfillment" not in answer.json()


async def test_a_person_can_finish_a_handed_over_checkout(client):
    session_id = await client.ready()
    page = await client.get(f"/checkout/{session_id}")
    assert "Buy now" in page.text
    await client.http.post(f"/checkout/{session_id}")
    assert (await client.get(f"/checkout-sessions/{session_id}")).json()["status"] == "completed"
    assert len((await client.get("/testing/orders")).json()) == 1
