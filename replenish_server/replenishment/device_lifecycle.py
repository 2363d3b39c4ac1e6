"""A device joins a household with all that belongs to it, and leaves it with all that it has measured.

Each function works inside the caller's transaction.
"""

from datetime import datetime, timedelta

from sqlalchemy import union
from sqlmodel import Session, col, delete, select

from replenish_server.fleet.credentials import revoke_device
from replenish_server.fleet.registry import DeviceRefused, NewDevice, add_device
from replenish_server.fleet.tables import ClaimCode, Device, DeviceCommand, DeviceTrouble, Slot, Twin
from replenish_server.fleet.twin import want_threshold
from replenish_server.fleet.units import OF_KIND
from replenish_server.households.mandate import Mandate
from replenish_server.households.notices import Notice, notify
from replenish_server.households.tables import SlotMandate
from replenish_server.ids import DeviceId, HouseholdId, SlotId
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.replenishment.dash_tables import DashTestOrder, DashToken
from replenish_server.replenishment.stock import fit_unit
from replenish_server.replenishment.tables import (
    DecisionRecord,
    OrderWish,
    PressAnswer,
    ShadowOrder,
    SlotFit,
    SlotGrid,
    SlotRefill,
    StockCorrection,
)
from replenish_server.retailers.tables import Retailer
from replenish_server.telemetry.deduplication import settle
from replenish_server.telemetry.tables import DeviceEvent, Quarantined, Rollup, Sample, SeenRange, Stream


def join_household(
    session: Session, household_id: HouseholdId, new: NewDevice, mandate: Mandate, now: datetime
) -> tuple[DeviceId, SlotId]:
    """Add a device with its slot, mandate and first settings, and tell the household.

    Raises:
        DeviceRefused: see `fleet.registry.add_device`; or there is no such retailer.
    """
    if session.get(Retailer, new.product.retailer_id) is None:
        raise DeviceRefused(f"there is no retailer {new.product.retailer_id!r}; see replenish retailer add")
    device_id, slot_id = add_device(session, household_id, new, now)
    if new.remaining is not None:
        fit_unit(session, session.get_one(Slot, slot_id), new.remaining, now)
    session.add(
        SlotMandate(
            slot_id=slot_id,
            mode=mandate.mode,
            price_cap_minor=mandate.price_cap_minor,
            currency=mandate.currency,
            changed_at=now,
        )
    )
    data = {"device": new.name, "slot": new.slot_name, "slot_id": slot_id}
    notify(session, Notice(household_id, f"device_added:{device_id}", "device_added", data, now))
    if new.threshold is not None and not OF_KIND[new.kind].counted:
        want_threshold(session, device_id, "main", new.threshold // OF_KIND[new.kind].factor, now)
    return device_id, slot_id


def leave_household(session: Session, device_id: str, why: str, now: datetime) -> bool:
    """Let a device go: it is revoked, its slots retire, and what it measured is wiped once it is silent.

    A physical device that comes back, here or elsewhere, does so under a new id and a new code; so nothing of
    this one can ever be read by its next household. False when it had left before.

    Raises:
        DeviceRefused: there is no such device.
    """
    revoke_device(session, device_id, why, now)
    device = session.get_one(Device, device_id)
    if device.parted_at is not None:
        return False
    device.parted_at, device.person_id = now, None
    session.add(device)
    for slot in session.exec(select(Slot).where(Slot.device_id == device_id)):
        slot.retired_at, slot.due_at, slot.sensor_step = now, None, None
        session.add(slot)
    return True


def wipe_departed(session: Session, now: datetime, silent: timedelta) -> int:
    """Wipe what departed devices have measured; returns how many devices.

    Args:
        session: a writing unit of work.
        now: the moment.
        silent: how long after its connection was cut nothing of a device can be on its way any more.
    """
    query = select(Device).where(
        col(Device.parted_at).is_not(None), col(Device.wiped_at).is_(None), col(Device.cut_at) <= now - silent
    )
    devices = session.exec(query).all()
    if devices:
        settle(session.connection())
    for device in devices:
        _wipe(session, device.id)
        device.name, device.last_seen_at, device.wiped_at = "", None, now
        device.alarm, device.alarm_at = "", None
        session.add(device)
    return len(devices)


def _wipe(session: Session, device_id: str) -> None:
    """Everything but orders, receipts and the decisions that they rest on: those are the household's."""
    streams = select(Stream.id).where(Stream.device_id == device_id)
    slots = select(Slot.id).where(Slot.device_id == device_id)
    for measured in (Sample, Rollup):
        session.exec(delete(measured).where(col(measured.stream_id).in_(streams)))
    for named in (Stream, DeviceEvent, DeviceCommand, DeviceTrouble, SeenRange, DashToken):
        session.exec(delete(named).where(col(named.device_id) == device_id))
    session.exec(delete(Quarantined).where(col(Quarantined.topic).like(f"rp/1/{device_id}/%")))
    session.exec(
        delete(PressAnswer).where(
            col(PressAnswer.device_id) == device_id, col(PressAnswer.order_id).is_(None)
        )
    )
    session.exec(
        delete(OrderWish).where(col(OrderWish.slot_id).in_(slots), col(OrderWish.order_id).is_(None))
    )
    for kept in (SlotGrid, SlotRefill, StockCorrection, SlotFit, ShadowOrder, DashTestOrder):
        session.exec(delete(kept).where(col(kept.slot_id).in_(slots)))
    needed = union(
        *(select(table.decision_id).where(col(table.decision_id).is_not(None))
          for table in (PurchaseOrder, PressAnswer, OrderWish))
    )  # fmt: skip
    session.exec(
        delete(DecisionRecord).where(
            col(DecisionRecord.slot_id).in_(slots), col(DecisionRecord.id).not_in(needed)
        )
    )
    session.exec(delete(ClaimCode).where(col(ClaimCode.device_id) == device_id))
    twin = session.get_one(Twin, device_id)
    twin.desired, twin.reported, twin.reported_at = {"cfg": {}, "slots": {}}, None, None
    # What the broker keeps is not confirmed to be gone yet; see `twin.to_clear`.
    twin.desired_rev, twin.reported_rev, twin.published_rev = 0, 0, max(1, twin.published_rev)
    session.add(twin)
