"""What keeps an order from leaving, and until when: on its page and in the API, in the same words."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from replenish_server.households.mandate import QuietHours
from replenish_server.households.people import Role
from replenish_server.households.rules import home_rules, pause_home, set_home_rules
from replenish_server.ordering import stops
from replenish_server.ordering.orders import create_order, move
from replenish_server.ordering.states import Event, State
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.web.order_life import life_view
from replenish_server.web.order_views import order_view
from tests.fakes.retailer_house import HOUSEHOLD, NOW, House
from tests.support.two_homes import TwoHomes

HOUR = timedelta(hours=1)


@pytest.fixture
def homes(house: House) -> TwoHomes:
    """Two homes and the API."""
    return TwoHomes(house)


def leaving(homes: TwoHomes, start: State = State.PLACING, **more: Any) -> str:
    """An order that the level triggered and that is on its way out."""
    new = replace(homes.house.order_of(homes.house.slots["level-1"]), trigger="level", start=start, **more)
    with homes.database.write() as session:
        return create_order(session, new, NOW)


async def shown(homes: TwoHomes, order_id: str, headers: dict[str, str]) -> dict[str, Any]:
    """The order as the API tells it, after holding it against its page."""
    answer = await homes.client.get(f"/orders/{order_id}", headers=headers)
    told: dict[str, Any] = answer.json()
    with homes.database.read() as session:
        order = session.get_one(PurchaseOrder, order_id)
        page, life = order_view(session, order, "en"), life_view(session, order, homes.clock.now(), "en")
        assert told["reason"] == page.reason
        assert [step["note"] for step in told["history"]] == [note for *_, note in page.timeline]
        assert (told["slot_name"], told["cap_minor"]) == (page.slot_name, page.cap_minor)
        assert told["travels_with"] == life.together
        hold = told["hold"] or {"by": "", "until": None}
        if hold["by"] == "stop":
            assert life.stopped
        else:
            moment = None if life.held_until is None else life.held_until.isoformat().replace("+00:00", "Z")
            assert (hold["by"], hold["until"]) == (life.held_by, moment)
    return told


async def test_an_order_says_what_holds_it_and_until_when(homes: TwoHomes) -> None:
    """Nothing, then quiet hours, then a pause, then the switch; a person's own wish is not held by hours."""
    owner = homes.token(Role.OWNER)
    order_id = leaving(homes)
    homes.clock.moment = NOW + 10 * HOUR  # 22:00 in UTC
    assert (await shown(homes, order_id, owner))["hold"] is None
    with homes.database.write() as session:
        row = home_rules(session, HOUSEHOLD)
        set_home_rules(
            session, HOUSEHOLD, replace(row, rules=replace(row.rules, quiet=QuietHours(0, 1439))), NOW
        )
    quiet = (await shown(homes, order_id, owner))["hold"]
    assert quiet["by"] == "quiet_hours"
    with homes.database.write() as session:
        pause_home(session, HOUSEHOLD, (NOW + timedelta(days=3)).date(), NOW)
    paused = (await shown(homes, order_id, owner))["hold"]
    assert (paused["by"], paused["until"] > quiet["until"]) == ("pause", True)
    with homes.database.write() as session:
        stops.stop(session, HOUSEHOLD, NOW, "Ada")
    assert (await shown(homes, order_id, owner))["hold"] == {"by": "stop", "until": None}
    with homes.database.write() as session:
        stops.go(session, HOUSEHOLD)
        move(session, session.get_one(PurchaseOrder, order_id), Event.CANCEL, NOW)
    pressed = replace(homes.house.order_of(homes.house.slots["button-1"]), start=State.PLACING)
    with homes.database.write() as session:
        pressed_id = create_order(session, pressed, NOW)
    assert (await shown(homes, pressed_id, owner))["hold"] is None


async def test_an_order_that_cools_off_says_until_when_it_can_be_canceled(homes: TwoHomes) -> None:
    """And one that waits for an answer, when it ends without one."""
    owner = homes.token(Role.OWNER)
    cooling = await shown(homes, leaving(homes, State.COOLING_OFF, leaves_at=NOW + 5 * HOUR), owner)
    assert cooling["cancelable_until"] == (NOW + 5 * HOUR).isoformat().replace("+00:00", "Z")
    assert (cooling["ends_at"], cooling["hold"]) == (None, None)
    asks = homes.order(homes.house.slots["button-1"], HOUSEHOLD)
    waiting = await shown(homes, asks, owner)
    assert waiting["ends_at"] > waiting["created_at"]
