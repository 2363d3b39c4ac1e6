"""The mandate in force for a slot: the home's defaults, the slot's own rules, and the products it accepts."""

from sqlmodel import Session

from replenish_server.fleet.tables import Slot
from replenish_server.households.mandate import AcceptedProduct, Mandate, in_force
from replenish_server.households.rules import home_rules, slot_rules, substitutes
from replenish_server.households.tables import Household, SlotMandate


def slot_mandate(session: Session, slot: Slot) -> Mandate:
    """What the slot may spend, and how; its own product stands first in the list."""
    household = session.get_one(Household, slot.household_id)
    own = AcceptedProduct(slot.retailer_id, slot.item_id, slot.product_name, slot.pack_amount)
    return in_force(
        home_rules(session, household.id).rules,
        slot_rules(session, slot.id),
        household.currency,
        session.get_one(SlotMandate, slot.id).currency,
        household.time_zone,
        (own, *substitutes(session, slot.id)),
    )
