"""The mandate in force for a slot: the home's defaults, the slot's own rules, and the products it accepts."""

from collections.abc import Collection, Sequence

from sqlmodel import Session, col, select

from replenish_server.fleet.tables import Slot
from replenish_server.households.mandate import AcceptedProduct, Mandate, in_force
from replenish_server.households.rules import home_rules, slot_rules, substitutes, substitutes_of
from replenish_server.households.tables import Household, SlotMandate


def slot_mandate(session: Session, slot: Slot) -> Mandate:
    """What the slot may spend, and how; its own product stands first in the list."""
    return _mandate(session, slot, substitutes(session, slot.id))


def slot_mandates(session: Session, slots: Collection[Slot]) -> dict[str, Mandate]:
    """The same for many slots by their ids, in as many statements as for one."""
    ids = [slot.id for slot in slots]
    session.exec(select(SlotMandate).where(col(SlotMandate.slot_id).in_(ids))).all()
    others = substitutes_of(session, ids)
    return {slot.id: _mandate(session, slot, others.get(slot.id, ())) for slot in slots}


def _mandate(session: Session, slot: Slot, others: Sequence[AcceptedProduct]) -> Mandate:
    household = session.get_one(Household, slot.household_id)
    own = AcceptedProduct(slot.retailer_id, slot.item_id, slot.product_name, slot.pack_amount)
    return in_force(
        home_rules(session, household.id).rules,
        slot_rules(session, slot.id),
        household.currency,
        session.get_one(SlotMandate, slot.id).currency,
        household.time_zone,
        (own, *others),
    )
