"""What is sent follows the release's request models; what comes back means what the release says."""

from typing import Any

import pytest
from ucp_sdk.models.schemas.shopping.checkout_complete_request import CheckoutCompleteRequest
from ucp_sdk.models.schemas.shopping.checkout_create_request import CheckoutCreateRequest
from ucp_sdk.models.schemas.shopping.checkout_update_request import CheckoutUpdateRequest
from ucp_sdk.models.schemas.shopping.types.fulfillment_create_request import FulfillmentCreateRequest
from ucp_sdk.models.schemas.shopping.types.fulfillment_update_request import FulfillmentUpdateRequest

from replenish_server.retailers.port import Need, Problem, Progress, Trouble
from replenish_server.retailers.ucp import bodies, documents, messages
from replenish_server.retailers.ucp.documents import Checkout
from replenish_server.retailers.ucp.release_2026_04_08 import RELEASE
from tests.fakes.retailer_merchant import (
    Doc,
    checkout,
    error,
    event,
    line,
    method,
    option,
    order,
    order_line,
    refusal,
)

RESPONSE_ONLY = {
    "ucp",
    "status",
    "currency",
    "totals",
    "messages",
    "links",
    "expires_at",
    "continue_url",
    "order",
}


def read(document: Doc) -> Checkout:
    """The document as the client reads it."""
    return documents.read_checkout(document)


def update(need: Need, *methods: Doc) -> Doc | None:
    """The update that a checkout with these methods calls for."""
    held = read(checkout(fulfillment={"methods": list(methods)}))
    return bodies.update_body(held, need, need.fulfilment, RELEASE)


def test_the_create_body_follows_the_release(need: Need) -> None:
    """Models accept it, and it carries nothing that only a business may say."""
    document = bodies.create_body(need, need.fulfilment)
    CheckoutCreateRequest.model_validate(document)
    FulfillmentCreateRequest.model_validate(document["fulfillment"])
    assert not RESPONSE_ONLY & document.keys()
    assert document["line_items"] == [{"item": {"id": "det-1kg"}, "quantity": 2}]
    destination = document["fulfillment"]["methods"][0]["destinations"][0]
    assert (
        destination["street_address"],
        destination["address_locality"],
        destination["postal_code"],
        destination["address_country"],
    ) == ("1 Main Street", "Bonn", "53111", "DE")


def test_the_update_body_follows_the_release_and_replaces_all(need: Need) -> None:
    """Line ids and item ids stay, groups are named by id, the cheapest option is chosen."""
    document = update(need, method(None))
    assert document is not None
    CheckoutUpdateRequest.model_validate(document)
    FulfillmentUpdateRequest.model_validate(document["fulfillment"])
    assert not RESPONSE_ONLY & document.keys()
    assert document["line_items"] == [{"id": "li-1", "item": {"id": "det-1kg"}, "quantity": 2}]
    (sent,) = document["fulfillment"]["methods"]
    assert sent["groups"] == [{"id": "parcel-1", "selected_option_id": "std"}]
    assert (
        sent["id"],
        sent["line_item_ids"],
        sent["selected_destination_id"],
    ) == ("ship-1", ["li-1"], "home")


def test_the_complete_body_follows_the_release() -> None:
    """Exactly one instrument of the handler, with an opaque credential."""
    document = bodies.complete_body("pay-1", "shop_token", "tok-secret", RELEASE)
    CheckoutCompleteRequest.model_validate(document)
    (instrument,) = document["payment"]["instruments"]
    assert (instrument["handler_id"], instrument["type"]) == ("pay-1", "shop_token")
    assert instrument["credential"] == {"type": "token", "token": "tok-secret"}


def test_nothing_is_updated_once_all_is_said(need: Need) -> None:
    """The address is ours and the cheapest option chosen."""
    assert update(need, method()) is None


@pytest.mark.parametrize(
    ("options", "cheapest"),
    [
        ((option("a", 500), option("b", 300), option("c", 900)), "b"),
        ((option("a", 500), option("b", 500)), "a"),
        ((option("a", 500), option("free", 0)), "free"),
        ((option("unknown"), option("a", 500)), "a"),
    ],
    ids=["cheapest", "first of equals", "free", "a price not known yet is not free"],
)
def test_the_cheapest_option_is_chosen(need: Need, options: tuple[Doc, ...], cheapest: str) -> None:
    """By its total, in minor units."""
    document = update(need, method(None, "home", *options))
    assert document is not None
    assert cheapest == document["fulfillment"]["methods"][0]["groups"][0]["selected_option_id"]


def test_without_priced_options_none_is_chosen(need: Need) -> None:
    """The shop has to say more first."""
    document = update(need, method(None, None, option("unknown")))
    assert document is not None
    assert document["fulfillment"]["methods"][0]["groups"] == []


def test_our_address_under_the_shops_own_id_is_ours(need: Need) -> None:
    """Sending it again and again would not change the id."""
    ours = {
        "id": "addr_7",
        "street_address": "1 Main Street",
        "postal_code": "53111",
        "address_country": "DE",
    }
    foreign = ours | {"street_address": "2 Other Street"}
    assert update(need, method("std", "addr_7") | {"destinations": [ours]}) is None
    assert update(need, method("std", "addr_7") | {"destinations": [foreign]}) is not None


def test_a_session_without_a_shipping_method_is_asked_for_one(need: Need) -> None:
    """With our address, for every line."""
    document = update(need)
    assert document is not None
    FulfillmentUpdateRequest.model_validate(document["fulfillment"])
    assert document["fulfillment"]["methods"][0]["line_item_ids"] == ["li-1"]


def test_totals_are_believed_only_when_the_parts_add_up() -> None:
    """Discounts are negative; a cent too much forbids an unattended order."""
    parts = [("subtotal", 2000), ("discount", -100), ("fulfillment", 490), ("tax", 100), ("total", 2490)]
    totals = [{"type": kind, "display_text": kind, "amount": value} for kind, value in parts]
    found = documents.read_totals(read(checkout(totals=totals)), RELEASE)
    assert (found.total_minor, found.currency) == (2490, "EUR")
    totals[-1]["amount"] = 2491
    with pytest.raises(documents.Unreadable, match="add up"):
        documents.read_totals(read(checkout(totals=totals)), RELEASE)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"totals": []}, "subtotal"),
        ({"status": 3}, "status"),
        ({"line_items": None}, "line_items"),
    ],
)
def test_a_checkout_that_breaks_the_release_is_unreadable(change: dict[str, Any], why: str) -> None:
    """With the member at fault."""
    with pytest.raises(documents.Unreadable, match=why):
        documents.read_totals(read(checkout(**change)), RELEASE)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"x"', b"null", b"\xff\xfe"])
def test_what_is_no_json_object_is_unreadable(body: bytes) -> None:
    """A proxy's error page, for example."""
    with pytest.raises(documents.Unreadable):
        documents.document_of(body)


@pytest.mark.parametrize(
    ("lines", "same"),
    [
        ([line()], True),
        ([line(1)], False),
        ([line(2, "other")], False),
        ([line(), line()], False),
        ([], False),
    ],
)
def test_the_goods_are_those_that_were_asked_for(need: Need, lines: list[Doc], same: bool) -> None:
    """Item and quantity, and nothing beside them."""
    assert same is bodies.same_goods(read(checkout(line_items=lines)), need)


@pytest.mark.parametrize(
    ("said", "problem", "detail"),
    [
        ([error("out_of_stock")], Problem.OUT_OF_STOCK, "about out_of_stock"),
        ([error("item_unavailable", "unrecoverable")], Problem.ITEM_UNAVAILABLE, "about item_unavailable"),
        ([error("address_undeliverable")], Problem.ADDRESS, "about address_undeliverable"),
        ([error("payment_failed")], Problem.PAYMENT_FAILED, "about payment_failed"),
        ([error("moon", "unrecoverable")], Problem.RETAILER_REFUSED, "about moon"),
        ([error("moon", "requires_buyer_input")], Problem.ESCALATION, "about moon"),
        ([error("payment_failed", "requires_buyer_review")], Problem.ESCALATION, "about payment_failed"),
        ([error("moon"), error("out_of_stock")], Problem.OUT_OF_STOCK, "about out_of_stock"),
        ([error("moon"), error("sun", "requires_buyer_review")], Problem.ESCALATION, "about sun"),
        (
            [error("sun", "requires_buyer_input"), error("x", "unrecoverable")],
            Problem.RETAILER_REFUSED,
            "about x",
        ),
        ([{"type": "warning", "code": "out_of_stock", "content": "few left"}], Problem.ESCALATION, ""),
        ([], Problem.ESCALATION, ""),
    ],
)
def test_the_gravest_message_is_the_trouble(said: list[Doc], problem: Problem, detail: str) -> None:
    """Known codes first, then what ends the session, then what only a person can give."""
    found = messages.trouble_of(refusal(*said, continue_url="https://shop.test/c"))
    assert Trouble(problem, detail, "https://shop.test/c") == found


SOLD_OUT = error("out_of_stock") | {"path": "$.line_items[1]"}


@pytest.mark.parametrize(
    ("document", "asked", "item_id"),
    [
        (checkout(line_items=[line(), line(item="soap")], messages=[SOLD_OUT]), (), "soap"),
        (checkout(messages=[SOLD_OUT]), ("a", "b"), None),
        (refusal(SOLD_OUT | {"path": "$.line_items[1].quantity"}), ("det-1kg", "soap"), "soap"),
        (refusal(SOLD_OUT, SOLD_OUT | {"path": "$.line_items[0]"}), ("det-1kg", "soap"), None),
        (refusal(SOLD_OUT | {"path": "$.buyer"}), ("det-1kg", "soap"), None),
        (refusal(SOLD_OUT, error("moon")), ("det-1kg", "soap"), "soap"),
        (refusal(SOLD_OUT | {"path": 7}), ("det-1kg", "soap"), None),
        (checkout(line_items=["x", {"item": 3}], messages=[SOLD_OUT]), (), None),
    ],
)
def test_a_message_names_its_line(document: Doc, asked: tuple[str, ...], item_id: str | None) -> None:
    """By its path, in the session or in what was asked for; of several lines it names none."""
    assert messages.trouble_of(document, asked).item_id == item_id


def test_details_are_cut_and_links_lead_to_the_web() -> None:
    """A shop's words fill no disk, and its link runs no script."""
    found = messages.trouble_of(refusal(error("moon", content="x" * 999), continue_url="javascript:alert(1)"))
    assert (len(found.detail), found.continue_url) == (300, None)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (order(), Progress.PROCESSING),
        (order(event("processing")), Progress.PROCESSING),
        (order(event("shipped")), Progress.SHIPPED),
        (order(event("shipped"), event("in_transit")), Progress.SHIPPED),
        (order(event("moon")), Progress.PROCESSING),
        (order(event("shipped"), event("delivered", 1)), Progress.SHIPPED),
        (order(event("delivered", 1), event("delivered", 1)), Progress.DELIVERED),
        (order(event("shipped"), event("delivered")), Progress.DELIVERED),
        (order(line_items=[order_line(0)]), Progress.CANCELED),
        (order(line_items=[order_line(1), order_line(0, "li-2")]), Progress.PROCESSING),
        (order(event("delivered", 1), line_items=[order_line(1), order_line(0, "li-2")]), Progress.DELIVERED),
        (order(line_items=[]), Progress.PROCESSING),
    ],
)
def test_progress_follows_events_and_quantities(document: Doc, expected: Progress) -> None:
    """Unknown event types are ignored; part of a parcel is not the parcel."""
    assert expected is documents.read_order(document).progress


@pytest.mark.parametrize(
    ("kind", "status", "lines", "expected"),
    [
        ("cancellation", "completed", None, Progress.CANCELED),
        ("cancellation", "pending", None, Progress.PROCESSING),
        ("refund", "completed", None, Progress.PROCESSING),
        ("cancellation", "completed", [{"id": "li-1", "quantity": -1}], Progress.PROCESSING),
    ],
    ids=["whole order", "not yet", "only money", "one of two packs"],
)
def test_a_cancellation_ends_the_order_only_when_it_takes_all(
    kind: str, status: str, lines: list[Doc] | None, expected: Progress
) -> None:
    """What is left of the order is still on its way."""
    adjustment: Doc = {"id": "a", "type": kind, "occurred_at": "2026-05-05T10:00:00Z", "status": status}
    adjustment |= {"description": "sorry"} | ({"line_items": lines} if lines else {})
    snapshot = documents.read_order(order(adjustments=[adjustment]))
    assert expected is snapshot.progress
    assert ("sorry" if expected is Progress.CANCELED else "") == snapshot.note


def test_a_shipped_order_names_carrier_and_tracking() -> None:
    """The last event's."""
    document = order(event("shipped", carrier="DHL", tracking_number="JD1"))
    snapshot = documents.read_order(document)
    assert (snapshot.retailer_order_id, snapshot.note, snapshot.total_minor) == ("ord_9", "DHL JD1", 2490)


@pytest.mark.parametrize(
    ("handlers", "kind"),
    [
        ({"a.b": [{"id": "pay-1", "version": "2026-04-08", "available_instruments": [{"type": "x"}]}]}, "x"),
        ({"a.b": [{"id": "pay-1", "version": "2026-04-08"}]}, "token"),
        ({"a.b": [{"id": "other", "version": "2026-04-08"}]}, None),
        ({}, "token"),
    ],
)
def test_the_instrument_type_is_the_sessions_own_word(handlers: Doc, kind: str | None) -> None:
    """Its handlers are authoritative: where ours is missing nothing can be paid."""
    ucp = checkout()["ucp"] | {"payment_handlers": handlers}
    assert kind == bodies.payment_instrument_type(ucp, "pay-1")
