"""Looking at a shelf, fetching goods at a shop, and taking the other way when the first cannot be had."""

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from replenish_server.retailers.port import (
    Article,
    Content,
    Location,
    PickUp,
    Problem,
    Quote,
    Trouble,
    TryLater,
)
from replenish_server.retailers.ucp.shelf import NotOffered, UcpShelf
from tests.fakes.retailer_merchant import (
    API,
    SESSION,
    SITE,
    Doc,
    checkout,
    error,
    hangs,
    profile,
    refusal,
    says,
)
from tests.unit.retailers.conftest import Conversation

SEARCH, LOOKUP = f"POST {API}/catalog/search", f"POST {API}/catalog/lookup"
CREATE, CANCEL = f"POST {API}/checkout-sessions", f"POST {SESSION}/cancel"
STORE = PickUp("loc_7")


def shelf(talk: Conversation) -> UcpShelf:
    """The shop's shelf; its profile offers a catalogue."""
    more = {f"dev.ucp.shopping.catalog.{n}": [{"version": "2026-04-08"}] for n in ("search", "lookup")}
    capabilities = profile()["ucp"]["capabilities"] | more
    talk.merchant.on(f"GET {SITE}/.well-known/ucp", says(profile(capabilities=capabilities)))
    return UcpShelf(talk.shop().connection, lambda: talk.moment)


def variant(item_id: str, **more: Any) -> Doc:
    """A pack."""
    return {"id": item_id, "title": "1 kg", "price": {"amount": 1000, "currency": "EUR"}} | more


def page(*variants: Doc, **more: Any) -> Doc:
    """A page of the catalogue with one product."""
    return {
        "ucp": {"version": "2026-04-08"},
        "products": [{"title": "Soap", "variants": list(variants)}],
    } | more


@pytest.mark.parametrize(
    ("measure", "content"),
    [
        ({"value": 1.5, "unit": "kg"}, Content(1_500_000, "mg")),
        ({"value": 150, "unit": "KGM", "scale": 2}, Content(1_500_000, "mg")),
        ({"value": 750, "unit": "MLT"}, Content(750, "ml")),
        ({"value": 6, "unit": "C62"}, Content(6, "piece")),
        ({"value": 1, "unit": "furlong"}, None),
        ({"value": 0, "unit": "kg"}, None),
        ("1 kg", None),
    ],
)
def test_a_pack_tells_its_content_in_units_that_are_known(
    talk: Conversation, measure: Any, content: Content | None
) -> None:
    """In every way of writing them."""
    looking = shelf(talk)
    talk.merchant.on(SEARCH, says(page(variant("a", unit_price={"measure": measure}))))
    assert looking.search("soap", "DE") == [Article("a", "Soap · 1 kg", 1000, "EUR", True, content)]


def test_pages_are_followed_as_long_as_the_shop_says_that_there_are_more(talk: Conversation) -> None:
    """A short page is not the last one; three are enough."""
    looking = shelf(talk)
    more = page(variant("a"), pagination={"has_next_page": True, "cursor": "c2"})
    talk.merchant.on(SEARCH, says(more), says(page(variant("b"))))
    assert [article.item_id for article in looking.search("soap", "DE")] == ["a", "b"]
    first, second = (json.loads(request.content) for request in talk.merchant.sent(SEARCH))
    assert (first["query"], first["context"]) == ("soap", {"address_country": "DE"})
    assert second["pagination"]["cursor"] == "c2"
    talk.merchant.on(SEARCH, says(more))
    assert len(looking.search("soap", "DE")) == 1
    assert len(talk.merchant.sent(SEARCH)) == 5


def test_goods_by_weight_are_no_packs_and_the_sold_out_are_marked(talk: Conversation) -> None:
    """A kilogram of something is not a pack of it."""
    looking = shelf(talk)
    by_weight = variant("w", quantity_unit={"unit": "KGM", "scale": 2})
    talk.merchant.on(SEARCH, says(page(by_weight, variant("s", availability={"available": False}))))
    (only,) = looking.search("soap", "DE")
    assert (only.item_id, only.available) == ("s", False)


def test_one_pack_is_found_by_its_id(talk: Conversation) -> None:
    """And not by one that looks like it."""
    looking = shelf(talk)
    talk.merchant.on(LOOKUP, says(page(variant("a"))))
    assert looking.find("b", "DE") is None
    found = looking.find("a", "DE")
    assert found is not None
    assert found.price_minor == 1000


def test_a_shop_without_a_catalogue_says_so(talk: Conversation) -> None:
    """One that does not answer is asked later."""
    with pytest.raises(NotOffered):
        UcpShelf(talk.shop().connection, lambda: talk.moment).search("soap", "DE")
    looking = shelf(talk)
    for script in (hangs, says({}, 503), says(b"<html>"), says({"products": 7})):
        talk.merchant.on(SEARCH, script)
        with pytest.raises(TryLater):
            looking.search("soap", "DE")


def pickup(selected: str | None = None) -> Doc:
    """The fulfilment of a session that is fetched."""
    places = [
        {
            "id": "loc_7",
            "type": "business_location",
            "name": "Mitte",
            "address": {"street_address": "1 Alex"},
        },
        {"id": "loc_8", "name": "West", "street_address": "2 Ring"},
    ]
    group = {"id": "g", "options": [{"id": "o", "totals": [{"type": "total", "amount": 490}]}]}
    method: Doc = {"id": "m", "type": "pickup", "line_item_ids": ["li-1"], "destinations": places}
    if selected:
        method |= {"selected_destination_id": selected, "groups": [group | {"selected_option_id": "o"}]}
    return {"methods": [method]}


def test_locations_are_read_in_a_session_that_is_closed_again(talk: Conversation) -> None:
    """The protocol shows them nowhere else."""
    looking = shelf(talk)
    talk.merchant.on(CREATE, says(checkout("incomplete", fulfillment=pickup()), 201))
    talk.merchant.on(CANCEL, says(checkout("canceled")))
    assert looking.locations(talk.need) == [
        Location("loc_7", "Mitte", "1 Alex"),
        Location("loc_8", "West", "2 Ring"),
    ]
    (sent,) = talk.merchant.sent(CREATE)
    assert json.loads(sent.content)["fulfillment"]["methods"] == [{"type": "pickup"}]
    assert len(talk.merchant.sent(CANCEL)) == 1


def test_goods_are_fetched_where_the_household_said(talk: Conversation) -> None:
    """The location is only selected by its id."""
    talk.need = replace(talk.need, fulfilment=STORE)
    talk.merchant.on(CREATE, says(checkout("incomplete", fulfillment=pickup()), 201))
    talk.merchant.on(f"PUT {SESSION}", says(checkout(fulfillment=pickup("loc_7"))))
    quote = talk.quote()
    assert isinstance(quote, Quote)
    assert (quote.fulfilment, quote.fallback_reason) == (STORE, None)
    for request in talk.merchant.requests[1:]:
        (method,) = json.loads(request.content)["fulfillment"]["methods"]
        assert (method["type"], method["selected_destination_id"]) == ("pickup", "loc_7")
        assert "destinations" not in method


def test_a_shop_that_swaps_the_location_is_not_bought_from(talk: Conversation) -> None:
    """It must not."""
    talk.need = replace(talk.need, fulfilment=STORE)
    talk.merchant.on(CREATE, says(checkout(fulfillment=pickup("loc_8")), 201))
    talk.merchant.on(f"PUT {SESSION}", says(checkout(fulfillment=pickup("loc_8"))))
    found = talk.quote()
    assert isinstance(found, Trouble)
    assert found.problem is Problem.ADDRESS


@pytest.mark.parametrize("created", [True, False])
@pytest.mark.parametrize("reverse", [True, False])
def test_the_other_way_is_taken_when_the_first_cannot_be_had(
    talk: Conversation, created: bool, reverse: bool
) -> None:
    """In a session of its own, the first one closed, and the shop's reason kept."""
    home = talk.need.fulfilment
    first, second = (home, STORE) if reverse else (STORE, home)
    talk.need = replace(talk.need, fulfilment=first, fallback=second)
    gone = error("out_of_stock", content="none left there")
    at_first = checkout("incomplete", messages=[gone]) if created else refusal(gone)
    other = checkout(id="chk_2", fulfillment=pickup("loc_7")) if reverse else checkout(id="chk_2")
    talk.merchant.on(CREATE, says(at_first, 201 if created else 200), says(other, 201))
    talk.merchant.on(f"PUT {SESSION}", says(at_first)).on(CANCEL, says(checkout("canceled")))
    quote = talk.quote()
    assert isinstance(quote, Quote)
    assert (quote.checkout_id, quote.fulfilment) == ("chk_2", second)
    assert quote.fallback_reason == "none left there"
    assert len(talk.merchant.sent(CANCEL)) == int(created)
    before = len(talk.merchant.requests)
    assert talk.quote() == quote
    again: list[httpx.Request] = talk.merchant.requests[before:]
    assert [r.url.path for r in again] == ["/.well-known/ucp"]


@pytest.mark.parametrize("reverse", [True, False])
def test_where_neither_way_can_be_had_no_session_stays_open_beside_the_first(
    talk: Conversation, reverse: bool
) -> None:
    """The first is named, for whoever goes on there or closes it; the second is closed at once."""
    home = talk.need.fulfilment
    first, second = (home, STORE) if reverse else (STORE, home)
    talk.need = replace(talk.need, fulfilment=first, fallback=second)
    gone = checkout("incomplete", messages=[error("out_of_stock", content="none left there")])
    other_session = f"{API}/checkout-sessions/chk_2"
    talk.merchant.on(CREATE, says(gone, 201), says(gone | {"id": "chk_2"}, 201))
    talk.merchant.on(f"PUT {SESSION}", says(gone)).on(f"PUT {other_session}", says(gone | {"id": "chk_2"}))
    talk.merchant.on(f"POST {other_session}/cancel", says(checkout("canceled", id="chk_2")))
    found = talk.quote()
    assert isinstance(found, Trouble)
    assert (found.problem, found.checkout_id) == (Problem.OUT_OF_STOCK, "chk_1")
    assert [1, 0] == [len(talk.merchant.sent(step)) for step in (f"POST {other_session}/cancel", CANCEL)]


def test_without_a_second_way_the_first_trouble_stands(talk: Conversation) -> None:
    """Also where the second cannot be had either."""
    gone = refusal(error("out_of_stock", content="none left there"))
    talk.merchant.on(CREATE, says(gone))
    for fallback in (None, STORE):
        talk.need = replace(talk.need, fallback=fallback)
        found = talk.quote()
        assert isinstance(found, Trouble)
        assert (found.problem, found.detail) == (Problem.OUT_OF_STOCK, "none left there")
