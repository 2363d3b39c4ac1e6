"""Law 8, generated from the API's own document: another household's things are not there, for anybody."""

import itertools
import re

import pytest

from replenish_server.households.people import Role
from tests.fakes.retailer_house import HOUSEHOLD, House
from tests.support.two_homes import OTHER, TwoHomes, example_body, operations

pytestmark = pytest.mark.law


async def test_every_route_with_every_id_of_another_household_is_404_and_changes_nothing(
    house: House,
) -> None:
    """The same body as for what does not exist anywhere."""
    homes = TwoHomes(house)
    owner = homes.token(Role.OWNER)
    theirs = {
        "household_id": [OTHER],
        "slot_id": [homes.their_slot],
        "order_id": [homes.order(homes.their_slot, OTHER)],
    }
    homes.event("theirs", 1)
    everything = [*itertools.chain(*theirs.values()), "theirs", homes.notice_of(OTHER)]
    document = (await homes.client.get("/openapi.json")).json()
    await homes.client.get("/me", headers=owner)  # that the token is used is noted once an hour
    before, tried = homes.dump(), 0
    for method, path, operation in operations(document):
        names = re.findall(r"{(\w+)}", path)
        if not names:
            continue
        assert set(names) <= theirs.keys(), f"{path}: say which ids of another household to try"
        body = example_body(document, operation)
        for ids in itertools.product([*everything, "nothing-of-that-name"], repeat=len(names)):
            address = path.format(**dict(zip(names, ids, strict=True)))
            headers = {**owner, "idempotency-key": f"k-{tried}"}
            answer = await homes.client.request(method, address, headers=headers, json=body)
            assert answer.status_code == 404, address
            assert answer.json() == {
                "type": "about:blank",
                "title": "Not Found",
                "status": 404,
                "detail": "there is nothing here",
                "code": "not_found",
            }
            assert answer.headers["content-type"] == "application/problem+json"
            tried += 1
    assert tried >= 30
    assert homes.dump() == before
    assert homes.wishes == 0


async def test_no_list_shows_what_is_next_door(house: House) -> None:
    homes = TwoHomes(house)
    owner = homes.token(Role.OWNER)
    their_order = homes.order(homes.their_slot, OTHER)
    secrets = [OTHER, homes.their_slot, their_order, "Next door", "Their box", homes.notice_of(OTHER)]
    document = (await homes.client.get("/openapi.json")).json()
    for method, path, _operation in operations(document):
        if method == "GET" and "{" not in path:
            answer = await homes.client.get(path, headers=owner)
            assert answer.status_code == 200, path
            assert [secret for secret in secrets if secret in answer.text] == [], path


async def test_every_route_wants_a_token_and_no_cookie_will_do(house: House) -> None:
    """So that no other site can make a browser speak to it."""
    homes = TwoHomes(house)
    order_id = homes.order(house.slots["button-1"], HOUSEHOLD)
    document = (await homes.client.get("/openapi.json")).json()
    before = homes.dump()
    for method, path, operation in operations(document):
        address = path.format(household_id=HOUSEHOLD, slot_id=house.slots["button-1"], order_id=order_id)
        for headers in (
            {},
            {"authorization": "Bearer rpt_wrong"},
            {"authorization": "Basic rpt_wrong"},
            {"cookie": "replenish_session=rps_x"},
        ):
            answer = await homes.client.request(
                method,
                address,
                headers={**headers, "idempotency-key": "k"},
                json=example_body(document, operation),
            )
            assert answer.status_code == 401, address
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.json()["code"] == "unauthorized"
    assert homes.dump() == before
