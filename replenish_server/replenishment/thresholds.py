"""Another threshold for a slot: stored, wished of its device, and judged by at once. One transaction."""

import hashlib
from datetime import datetime

from sqlmodel import Session

from replenish_server.fleet.tables import Slot
from replenish_server.fleet.twin import want_threshold
from replenish_server.fleet.units import BY_BASE
from replenish_server.households.tables import SlotMandate
from replenish_server.ids import DeviceId


class ThresholdRefused(ValueError):
    """The slot cannot have this threshold; `code` names the reason, the text says what to send."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def set_threshold(session: Session, slot: Slot, threshold: int, by: str, now: datetime) -> None:
    """Order at the latest when this is left.

    Args:
        session: a writing unit of work; the caller commits.
        slot: one that measures or counts.
        threshold: base units.
        by: who wants it.
        now: the moment.

    Raises:
        ThresholdRefused: a button has none, it does not lie within the container, or is no whole wire unit.
    """
    unit = BY_BASE[slot.unit]
    if slot.capacity is None:
        raise ThresholdRefused("no_threshold", "a button measures nothing and has no threshold")
    if not 0 <= threshold < slot.capacity:
        raise ThresholdRefused(
            "over_capacity", f"send 0 to {slot.capacity - 1} {slot.unit}: less than a full container"
        )
    if threshold % unit.factor:
        raise ThresholdRefused(
            "not_whole", f"send a multiple of {unit.factor} {slot.unit}, whole {unit.shown}"
        )
    slot.threshold, slot.due_at = threshold, now
    session.add(slot)
    mandate = session.get_one(SlotMandate, slot.id)
    mandate.changed_at, mandate.changed_by = now, by
    session.add(mandate)
    if not unit.counted:  # a counter does not know what is left, so it keeps no threshold
        want_threshold(session, DeviceId(slot.device_id), slot.key, threshold // unit.factor, now)


def threshold_tag(slot: Slot) -> str:
    """Names the threshold in force, for who must not change another one than they saw; an entity tag."""
    said = f"{slot.id} {slot.threshold}".encode()
    return f'"{hashlib.sha256(said).hexdigest()[:16]}"'
