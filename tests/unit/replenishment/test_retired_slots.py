"""A slot whose device left the home is nobody's wish any more: not woken, not paused, not agreed to."""

from datetime import date, timedelta

import pytest
from sqlmodel import Session, select

from replenish_server.fleet.tables import Slot
from replenish_server.households.people import Actor, Role
from replenish_server.households.tables import Household
from replenish_server.ordering.limits import wake_orders
from replenish_server.replenishment.device_lifecycle import leave_household
from replenish_server.replenishment.pausing import pause
from replenish_server.retailers.consent import ConsentRefused, terms_for
from replenish_server.retailers.tables import Retailer
from tests.fakes.retailer_house import HOUSEHOLD, NOW, RETAILER, House


def due(session: Session) -> dict[str, bool]:
    """Which device's slot wants a look."""
    return {slot.device_id: slot.due_at is not None for slot in session.exec(select(Slot))}


@pytest.fixture
def left(house: House) -> House:
    """The level sensor left."""
    with house.database.write() as session:
        leave_household(session, "level-1", "", NOW)
        for slot_id in house.slots.values():
            session.get_one(Slot, slot_id).due_at = None
    return house


def test_it_is_not_woken_by_rules_or_a_pause(left: House) -> None:
    """Of the home."""
    with left.database.write() as session:
        wake_orders(session, HOUSEHOLD, NOW)
        assert due(session) == {"level-1": False, "button-1": True}
        session.get_one(Slot, left.slots["button-1"]).due_at = None
        pause(session, None, date(2031, 1, 1), Actor(HOUSEHOLD, None, "", Role.OWNER), NOW)
        assert due(session) == {"level-1": False, "button-1": True}


def test_its_product_is_not_agreed_to_any_more(left: House) -> None:
    """And a shop where nothing else is bought is no shop of the home."""
    with left.database.write() as session:
        button = session.get_one(Slot, left.slots["button-1"])
        button.item_id, button.product_name = "other", "Other"
        session.add(button)
        session.flush()
        shop, currency = session.get_one(Retailer, RETAILER), session.get_one(Household, HOUSEHOLD).currency
        terms = terms_for(session, HOUSEHOLD, shop, currency, (100, 100, 1), timedelta(days=1), NOW)
        assert terms.items == (("other", "Other"),)
        leave_household(session, "button-1", "", NOW)
        session.flush()
        with pytest.raises(ConsentRefused, match="no supply"):
            terms_for(session, HOUSEHOLD, shop, currency, (100, 100, 1), timedelta(days=1), NOW)
