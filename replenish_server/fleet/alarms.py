"""What a device says of its surroundings beside readings: a leak, a burst, how coarse its sensor is.

Health is written by the device and is only believed where it has a known form (docs/wire.md, key `h`).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, or_, update

from replenish_server.fleet.tables import Device, Slot
from replenish_server.fleet.units import BY_BASE
from replenish_server.households.notices import Notice, notify

ALARMS = ("leak", "burst")
"""`h.alarm` of a flow meter: water that never stopped for a day; more than the house's taps let through."""

_MOST = 1_000_000
_TOLD_EVERY = timedelta(days=1)


def alarm_of(health: Mapping[str, Any] | None) -> str:
    """The alarm that a sign of life carries, "" for none or one that nobody knows."""
    said = (health or {}).get("alarm")
    return said if isinstance(said, str) and said in ALARMS else ""


def resolution_of(health: Mapping[str, Any] | None) -> int | None:
    """What one step of the sensor is worth, in the slot's wire unit; None where a reading does not say."""
    said = (health or {}).get("res")
    return said if isinstance(said, int) and not isinstance(said, bool) and 1 <= said <= _MOST else None


def note_alarm(session: Session, device_id: str, alarm: str, at: datetime) -> bool:
    """Keep what a device's newest sign of life says, inside the caller's transaction.

    The household is told once when an alarm begins or becomes another one. Returns whether it changed.
    """
    changed = session.exec(
        update(Device)
        .where(col(Device.id) == device_id, col(Device.alarm) != alarm)
        .values(alarm=alarm, alarm_at=at if alarm else None)
        .returning(col(Device.household_id), col(Device.name))
    ).all()
    for household_id, name in changed:
        if alarm:
            key = f"device_{alarm}:{device_id}:{at.isoformat()}"
            data = {"device": name, "at_at": at.isoformat()}
            notify(session, Notice(household_id, key, f"device_{alarm}", data, at))
    return bool(changed)


def note_double(session: Session, device_id: str, at: datetime) -> bool:
    """Keep that two devices speak under one name, inside the caller's transaction; told once a day.

    Nothing is cut: which of them is the thief only a person can say. Returns whether it was told.
    """
    device = session.get_one(Device, device_id)
    if device.doubled_at is not None and at - device.doubled_at < _TOLD_EVERY:
        return False
    device.doubled_at = at
    session.add(device)
    key = f"device_doubled:{device_id}:{at.isoformat()}"
    data = {"device": device.name, "at_at": at.isoformat()}
    notify(session, Notice(device.household_id, key, "device_doubled", data, at))
    return True


def note_resolution(session: Session, slot_id: str, step: int) -> None:
    """Keep what one step of a slot's sensor is worth, given in the wire unit."""
    slot = session.get_one(Slot, slot_id)
    in_base = step * BY_BASE[slot.unit].factor
    session.exec(
        update(Slot)
        .where(
            col(Slot.id) == slot_id,
            or_(col(Slot.sensor_step).is_(None), col(Slot.sensor_step) != in_base),
        )
        .values(sensor_step=in_base)
    )
