"""Profiles as merchants of others publish them (docs/retailers.md lists which), brought to one shape."""

import json
from typing import Any

import pytest

from replenish_server.retailers.port import Quote, Trouble
from replenish_server.retailers.ucp.profile import profile_keys, read_business
from replenish_server.retailers.ucp.profile_shapes import in_one_shape
from replenish_server.retailers.ucp.release_2026_01_23 import RELEASE as JANUARY
from tests.fakes.retailer_merchant import SITE, profile, says
from tests.unit.retailers.conftest import Conversation

DATE = "2026-01-23"
SCHEMAS = f"https://ucp.dev/{DATE}/schemas/shopping"


def early(**more: Any) -> dict[str, Any]:
    """A profile in the shape of the first release, which some call by a later one's name."""
    service = {"version": DATE, "rest": {"schema": f"{SCHEMAS}/x.json", "endpoint": f"{SITE}/api"}}
    names = ("checkout", "order", "fulfillment")
    ucp = {
        "version": DATE,
        "services": {"dev.ucp.shopping": service},
        "capabilities": [{"version": DATE, "schema": f"{SCHEMAS}/{name}.json"} for name in names],
    }
    return {"ucp": ucp | more, "payment": {"handlers": [{"id": "pay-1", "name": "test.pay"}]}}


def test_a_profile_without_a_ucp_member_is_one(talk: Conversation) -> None:
    """The shop's own answer is the profile."""
    talk.merchant.on(f"GET {SITE}/.well-known/ucp", says(profile()["ucp"]))
    assert isinstance(talk.quote(), Quote)


def test_keys_of_a_bare_profile_are_found() -> None:
    """They stand beside its version then."""
    bare = profile()["ucp"] | {"signing_keys": [{"kid": "k", "kty": "EC"}], "version": "2026-04-08"}
    assert profile_keys(json.dumps(bare).encode()) == [{"kid": "k", "kty": "EC"}]


def test_arrays_and_named_bindings_are_read() -> None:
    """Capabilities without a name are known by their schema, handlers by standing beside the profile."""
    business = read_business(json.dumps(early()).encode(), JANUARY)
    assert (business.transport, business.endpoint) == ("rest", f"{SITE}/api")
    assert business.payment_handlers == ("pay-1",)
    assert not business.lacks


@pytest.mark.parametrize(
    "entry",
    [
        {"schema": "https://evil.test/schemas/shopping/fulfillment.json"},
        {"schema": "https://ucp.dev/fulfillment.json"},
        {"schema": "https://[bad/schemas/shopping/fulfillment.json"},
        {"name": "dev.ucp.shopping.fulfillment", "schema": "https://evil.test/x.json"},
        {"name": "dev.ucp.shopping.fulfillment", "version": "2026-01-11"},
        "dev.ucp.shopping.fulfillment",
        None,
    ],
)
def test_shape_alone_makes_nothing_genuine(entry: Any) -> None:
    """A name is still only whose host it is, and of the profile's version."""
    document = early()
    document["ucp"]["capabilities"][2] = entry
    assert read_business(json.dumps(document).encode(), JANUARY).lacks == ("dev.ucp.shopping.fulfillment",)


@pytest.mark.parametrize(
    "document",
    [
        [],
        "text",
        None,
        7,
        {},
        {"ucp": None},
        {"ucp": []},
        {"ucp": {"version": 1}},
        {"version": {}},
        {"ucp": {"version": DATE, "services": [1], "capabilities": {"x": [1]}}},
        {"ucp": {"version": DATE, "services": {"x": [None]}}},
        {"ucp": {"version": DATE, "payment_handlers": 5}},
    ],
)
def test_what_is_no_profile_is_told_so(talk: Conversation, document: Any) -> None:
    """A person reads why; nothing breaks."""
    in_one_shape(document)
    talk.merchant.on(f"GET {SITE}/.well-known/ucp", says(json.dumps(document).encode()))
    trouble = talk.quote()
    assert isinstance(trouble, Trouble)
    assert trouble.detail
