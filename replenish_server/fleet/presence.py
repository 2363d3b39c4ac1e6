"""Whether a device is heard as it promised, and telling its household once when it is not.

A battery device promises the seconds to its next message (`next`); a mains device has the broker say that it
is gone (its will). A silent device's readings grow stale, and stale readings never order.
"""

from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import bindparam
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from replenish_server.database import UtcTime
from replenish_server.fleet.tables import Device, DeviceTrouble, Twin
from replenish_server.households.notices import Notice, notify

State = Literal["heard", "silent", "never", "revoked", "erasing", "gone"]
_PROMISED_S = 86_400  # a device says hello once a day, whatever else it does
_LONGEST_S = 31 * 86_400
_GONE_FOR = timedelta(hours=1)  # a router that restarts is no news
_PIECE = 500  # devices in memory at once


def due_by(last_seen_at: datetime, promised_s: object, gone_at: datetime | None) -> datetime:
    """Until when a device may be silent: two promised messages and an hour, or an hour after its will.

    Args:
        last_seen_at: its newest message.
        promised_s: what it promised, as it came over the wire.
        gone_at: when the broker said that it is gone, or None.
    """
    next_s = promised_s if isinstance(promised_s, int) and promised_s > 0 else _PROMISED_S
    by = last_seen_at + timedelta(seconds=2 * min(next_s, _LONGEST_S) + 3600)
    return by if gone_at is None or gone_at < last_seen_at else min(by, gone_at + _GONE_FOR)


def promise(twin: Twin | None) -> tuple[object, datetime | None]:
    """What `due_by` wants to know of a twin."""
    return (None, None) if twin is None else ((twin.reported or {}).get("next"), twin.gone_at)


def expected_by(device: Device, twin: Twin | None) -> datetime | None:
    """Until when a device is heard at the latest; None for one that was never heard, or was revoked."""
    if device.last_seen_at is None or device.revoked_at is not None:
        return None
    return due_by(device.last_seen_at, *promise(twin))


def state_of(device: Device, twin: Twin | None, now: datetime) -> State:
    """How a device is, in one word."""
    if device.parted_at is not None:
        return "erasing" if device.wiped_at is None else "gone"
    if device.revoked_at is not None:
        return "revoked"
    by = expected_by(device, twin)
    if by is None:
        return "never"
    return "silent" if now > by else "heard"


def put_right(session: Session, device_id: str, now: datetime) -> tuple[str, str]:
    """A device is heard now that was heard in the future: what that clock wrote of it holds nothing back.

    Returns:
        Its household's id, and its name.
    """
    device = session.get_one(Device, device_id)
    device.last_seen_at = now
    if device.doubled_at is not None:
        device.doubled_at = min(device.doubled_at, now)
    session.add(device)
    for trouble in session.exec(select(DeviceTrouble).where(col(DeviceTrouble.device_id) == device_id)):
        trouble.since = min(trouble.since, now)
        trouble.ended_at = None if trouble.ended_at is None else min(trouble.ended_at, now)
        session.add(trouble)
    session.flush()
    return device.household_id, device.name


def notice_silence(session: Session, now: datetime) -> int:
    """Mark devices that fell silent or came back, inside the caller's transaction; returns how many.

    Each silence is told once; a device that was never heard is still in its box, and nobody is told.
    """
    changed = _changed(session, now)
    for device_id, seen_at, silent in changed:
        device = session.get_one(Device, device_id)
        device.silent_at = now if silent else None
        session.add(device)
        if silent:
            seen = seen_at.isoformat()
            data = {"device": device.name, "seen_at": seen}
            key = f"device_silent:{device.id}:{seen}"
            notify(session, Notice(device.household_id, key, "device_silent", data, now))
    return len(changed)


def _changed(session: Session, now: datetime) -> list[tuple[str, datetime, bool]]:
    """(device id, last seen, whether it is silent now) of those of which that is news.

    A fleet is gone through in pieces and without a row object for each device. Whoever was heard within the
    hour is not looked at: `due_by` leaves everybody that long.
    """
    session.flush()
    rows = session.connection().execute(_LONG_UNHEARD, {"at": now - _GONE_FOR})
    changed = []
    for device_id, seen_at, silent_at, reported, gone_at in rows:
        silent = now > due_by(seen_at, (reported or {}).get("next"), gone_at)
        if silent != (silent_at is not None):
            changed.append((device_id, seen_at, silent))
    return changed


_LONG_UNHEARD = (
    select_columns(Device.id, Device.last_seen_at, Device.silent_at, Twin.reported, Twin.gone_at)  # type: ignore[call-overload]
    .join(Twin, col(Twin.device_id) == col(Device.id))
    .where(col(Device.revoked_at).is_(None))
    .where(
        (col(Device.last_seen_at) < bindparam("at", type_=UtcTime))
        | (col(Device.silent_at).is_not(None) & col(Device.last_seen_at).is_not(None))
    )
    .execution_options(yield_per=_PIECE)
)
