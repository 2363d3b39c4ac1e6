"""The twin: what a person wants of a device (desired) and what the device says is in force (reported).

A change raises the desired revision; the page says "pending" until the device reports that revision.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Session, col, select

from replenish_server.fleet.tables import Twin
from replenish_server.ids import DeviceId

_PAGE = 200  # twins that are in memory at once
_WATCH_STEP = 10
_WATCH_SHARE = 0.1  # a reorder point that moved less than a tenth costs a report and brings nothing


class Agreement(StrEnum):
    """How far a device has followed its desired settings."""

    NOTHING_WANTED = "none"
    PENDING = "pending"
    IN_FORCE = "in_force"
    LIMITED = "limited"


@dataclass(frozen=True)
class SlotAgreement:
    """Whether a slot's wanted threshold has reached its device.

    Args:
        agreement: how far.
        desired: wanted threshold in wire units, or None.
        reported: threshold in force in wire units, or None.
        since: when the wish was made (pending) or confirmed (in force, limited).
    """

    agreement: Agreement
    desired: int | None
    reported: int | None
    since: datetime | None


def desired_document(twin: Twin, now: datetime) -> dict[str, Any]:
    """The retained `down/desired` document; `now` lets a device without a clock know the time."""
    return {"v": 1, "rev": twin.desired_rev, "now": int(now.timestamp()), **twin.desired}


def want_threshold(session: Session, device_id: DeviceId, key: str, threshold: int, now: datetime) -> None:
    """Ask a device for another threshold, in wire units; the same wish again changes nothing."""
    want(session, device_id, {"slots": {key: {"threshold": threshold}}}, now)


def want_watch(session: Session, device_id: DeviceId, key: str, level: int, now: datetime) -> None:
    """Ask a device to report more at or under `level`, in wire units; a small move is not worth a wake."""
    twin = session.get_one(Twin, device_id)
    known = twin.desired.get("slots", {}).get(key, {}).get("watch")
    if known is None or abs(known - level) > max(_WATCH_STEP, known * _WATCH_SHARE):
        want(session, device_id, {"slots": {key: {"watch": level}}}, now)


def want(session: Session, device_id: DeviceId, change: dict[str, Any], now: datetime) -> None:
    """Merge `change` into the desired settings; a merge that changes nothing raises no revision."""
    twin = session.get_one(Twin, device_id)
    merged = _merged(twin.desired, change)
    if merged == twin.desired and twin.desired_rev > 0:
        return
    twin.desired = merged
    twin.desired_rev += 1
    twin.desired_at = now
    session.add(twin)


def want_firmware(session: Session, device_id: str, offer: dict[str, Any] | None, now: datetime) -> None:
    """Offer a device firmware, or take the offer back; the same again changes nothing."""
    want_part(session, device_id, "fw", offer, now)


def want_part(
    session: Session, device_id: str, part: str, value: dict[str, Any] | None, now: datetime
) -> None:
    """Replace a part of the desired document as a whole, or take it out; the same again changes nothing."""
    twin = session.get_one(Twin, device_id)
    if twin.desired.get(part) == value:
        return
    twin.desired = {name: kept for name, kept in twin.desired.items() if name != part}
    if value is not None:
        twin.desired = twin.desired | {part: value}
    twin.desired_rev += 1
    twin.desired_at = now
    session.add(twin)


def record_report(session: Session, device_id: DeviceId, report: dict[str, Any], now: datetime) -> bool:
    """Keep a device's reported state; an older revision never replaces a newer one.

    Returns:
        Whether it was kept.
    """
    twin = session.get(Twin, device_id)
    if twin is not None and report.get("gone") == 1:  # the device's will, from the broker
        twin.gone_at = now
        session.add(twin)
        return True
    rev = report.get("rev")
    if twin is None or not isinstance(rev, int) or rev < twin.reported_rev or rev > twin.desired_rev:
        return False
    twin.reported = report
    twin.reported_rev = rev
    twin.reported_at = now
    session.add(twin)
    return True


def unpublished(session: Session, everything: bool, after: str = "") -> list[Twin]:
    """A page of the twins whose desired document the broker does not hold yet; of all after a reconnect.

    A broker that was killed may have forgotten retained documents, so a new connection repeats them.

    Args:
        session: a unit of work.
        everything: whether those count that the broker has confirmed, too.
        after: only devices whose id comes later: how the next page is asked for.
    """
    query = select(Twin).where(col(Twin.desired_rev) > 0, col(Twin.device_id) > after)
    if not everything:
        query = query.where(col(Twin.desired_rev) > col(Twin.published_rev))
    return list(session.exec(query.order_by(col(Twin.device_id)).limit(_PAGE)))


def to_clear(session: Session) -> list[str]:
    """Devices that were wiped and whose retained messages the broker still keeps."""
    query = select(Twin.device_id).where(Twin.desired_rev == 0, col(Twin.published_rev) > 0)
    return list(session.exec(query))


def confirm_cleared(session: Session, device_id: str) -> None:
    """The broker keeps nothing of this device any more."""
    twin = session.get_one(Twin, device_id)
    twin.published_rev = 0
    session.add(twin)


def confirm_published(session: Session, device_id: DeviceId, rev: int) -> None:
    """The broker has taken the desired document of this revision."""
    twin = session.get_one(Twin, device_id)
    twin.published_rev = max(twin.published_rev, rev)
    session.add(twin)


def slot_agreement(twin: Twin, key: str) -> SlotAgreement:
    """Compare what is wanted of a slot's threshold with what its device reports."""
    desired = twin.desired.get("slots", {}).get(key, {}).get("threshold")
    report = twin.reported or {}
    slots = report.get("slots")
    slot = slots.get(key) if isinstance(slots, dict) else None
    value = slot.get("threshold") if isinstance(slot, dict) else None
    reported = value if isinstance(value, int) else None
    if desired is None:
        return SlotAgreement(Agreement.NOTHING_WANTED, None, reported, None)
    if reported == desired:
        # Also while some other setting of a newer revision is still on its way.
        return SlotAgreement(Agreement.IN_FORCE, desired, reported, twin.reported_at)
    if twin.reported_rev < twin.desired_rev:
        return SlotAgreement(Agreement.PENDING, desired, reported, twin.desired_at)
    return SlotAgreement(Agreement.LIMITED, desired, reported, twin.reported_at)


def _merged(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in change.items():
        old = merged.get(name)
        merged[name] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
