"""What a press has to wait for, read at once: the unit of work holds it for the rules that ask one by one."""

from sqlalchemy import bindparam, select
from sqlmodel import Session, col

from replenish_server.database import Prepared
from replenish_server.fleet.tables import Device, Slot
from replenish_server.households.tables import Household, SlotMandate
from replenish_server.retailers.tables import Retailer

_TOGETHER: Prepared[tuple[Slot, Device, Household, SlotMandate, Retailer]] = Prepared(
    select(Slot, Device, Household, SlotMandate, Retailer)
    .join(Device, col(Device.id) == col(Slot.device_id))
    .join(Household, col(Household.id) == col(Slot.household_id))
    .join(SlotMandate, col(SlotMandate.slot_id) == col(Slot.id))
    .join(Retailer, col(Retailer.id) == col(Slot.retailer_id))
    .where(col(Slot.id) == bindparam("slot_id"))
)


def read_pressed(session: Session, slot_id: str) -> Slot | None:
    """The slot with its device, home, retailer and rules; None where there is none."""
    found = _TOGETHER.first(session, slot_id=slot_id)
    return None if found is None else found[0]
