"""Reads by one statement what the decision on a slot looks up; the unit of work then has it in memory."""

from sqlalchemy import bindparam, select
from sqlmodel import Session, col

from replenish_server.database import Prepared, note_absent
from replenish_server.fleet.tables import Device, Slot
from replenish_server.households.tables import Household, HouseholdMandate, SlotFulfilment, SlotMandate
from replenish_server.retailers.tables import Retailer

_Rest = tuple[HouseholdMandate | None, SlotFulfilment | None]
_SLOT_WITH_ALL: Prepared[tuple[Slot, Device, Household, SlotMandate, Retailer, *_Rest]] = Prepared(
    select(Slot, Device, Household, SlotMandate, Retailer, HouseholdMandate, SlotFulfilment)
    .join(Device, col(Device.id) == col(Slot.device_id))
    .join(Household, col(Household.id) == col(Slot.household_id))
    .join(SlotMandate, col(SlotMandate.slot_id) == col(Slot.id))
    .join(Retailer, col(Retailer.id) == col(Slot.retailer_id))
    .outerjoin(HouseholdMandate, col(HouseholdMandate.household_id) == col(Slot.household_id))
    .outerjoin(SlotFulfilment, col(SlotFulfilment.slot_id) == col(Slot.id))
    .where(col(Slot.id) == bindparam("slot_id"))
)


def read_slot(session: Session, slot_id: str) -> Slot | None:
    """The slot, having read its device, home, retailer and rules too; None where there is no such slot."""
    found = _SLOT_WITH_ALL.first(session, slot_id=slot_id)
    if found is None:
        return None
    slot, *_, home, fulfilment = found
    if home is None:
        note_absent(session, HouseholdMandate, slot.household_id)
    if fulfilment is None:
        note_absent(session, SlotFulfilment, slot.id)
    return slot
