"""The threshold over the API: nobody overwrites what they did not see; the page and the device follow."""

from typing import Any

import pytest

from replenish_server.fleet.tables import Slot, Twin
from replenish_server.households.people import Act, Role
from replenish_server.households.tables import SlotMandate
from tests.fakes.retailer_house import HOUSEHOLD, House
from tests.support.two_homes import TwoHomes


@pytest.fixture
def homes(house: House) -> TwoHomes:
    """Two homes and the API."""
    return TwoHomes(house)


async def put(homes: TwoHomes, slot: str, value: Any, tag: str | None, role: Role = Role.ADULT) -> Any:
    """One wish."""
    headers = homes.token(role) | ({} if tag is None else {"if-match": tag})
    return await homes.client.put(f"/slots/{slot}/threshold", headers=headers, json={"threshold": value})


async def test_who_saw_the_threshold_may_change_it_and_who_did_not_may_not(homes: TwoHomes) -> None:
    """Two people at once: the second is told, and nothing of theirs is lost or done."""
    slot = homes.house.slots["level-1"]
    seen = await homes.client.get(f"/slots/{slot}/threshold", headers=homes.token(Role.ADULT))
    tag = seen.headers["etag"]
    assert seen.json() == {"threshold": 400_000, "unit": "mg", "agreement": "none", "on_device": None}
    assert (await put(homes, slot, 500_000, None)).json()["code"] == "if_match"
    first = await put(homes, slot, 500_000, tag)
    assert (first.status_code, first.json()["threshold"], first.json()["agreement"]) == (
        200,
        500_000,
        "pending",
    )
    second = await put(homes, slot, 300_000, tag)
    assert (second.status_code, second.json()["code"]) == (412, "changed")
    again = await put(homes, slot, 300_000, f'"old", {first.headers["etag"]}')
    assert (again.status_code, again.json()["threshold"]) == (200, 300_000)
    with homes.database.read() as session:
        row, mandate = session.get_one(Slot, slot), session.get_one(SlotMandate, slot)
        twin = session.get_one(Twin, row.device_id)
        assert (row.threshold, row.due_at) == (300_000, homes.clock.now())
        assert twin.desired["slots"]["main"]["threshold"] == 300
        assert mandate.changed_by.startswith("adult")
    assert homes.wishes == 2


@pytest.mark.parametrize(
    ("value", "code"),
    [(2_000_000, "over_capacity"), (400_001, "not_whole"), (-1, "invalid"), ("5", "invalid")],
)
async def test_what_cannot_be_is_refused_with_what_to_send(homes: TwoHomes, value: Any, code: str) -> None:
    """And changes nothing."""
    slot = homes.house.slots["level-1"]
    answer = await put(homes, slot, value, "*")
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert homes.wishes == 0


async def test_a_button_has_none_and_a_child_may_not(homes: TwoHomes) -> None:
    """Nor may a token without that scope."""
    answer = await put(homes, homes.house.slots["button-1"], 0, "*")
    assert (answer.status_code, answer.json()["code"]) == (422, "no_threshold")
    slot = homes.house.slots["level-1"]
    assert (await put(homes, slot, 0, "*", Role.CHILD)).status_code == 403
    only_looks = homes.token(Role.OWNER, HOUSEHOLD, Act.SEE) | {"if-match": "*"}
    path = f"/slots/{slot}/threshold"
    assert (await homes.client.put(path, headers=only_looks, json={"threshold": 0})).status_code == 403
