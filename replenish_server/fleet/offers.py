"""The offer of an image to one device: in its desired document, and behind an address that it alone knows.

Each function works inside the caller's transaction.
"""

from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from replenish_server.fleet.firmware_tables import FirmwareImage, Rollout, RolloutDevice
from replenish_server.fleet.images import UNENDED, manifest_of
from replenish_server.fleet.rollout_rules import RECALLABLE, UNDER_WAY, DeviceState, Progress
from replenish_server.fleet.tables import Device, Twin
from replenish_server.fleet.twin import want_firmware


def offer(session: Session, row: RolloutDevice, image: FirmwareImage, port: int, now: datetime) -> None:
    """Put the manifest into the device's desired document; it learns of it when it next listens.

    Args:
        session: a writing unit of work.
        row: a planned device.
        image: what it is offered.
        port: TCP port of the devices' edge.
        now: the moment; its patience begins.
    """
    device = session.get_one(Device, row.device_id)
    if device.revoked_at is not None:
        settle(session, row, Progress(DeviceState.LEFT), now)
    elif device.silent_at is not None:
        settle(session, row, Progress(DeviceState.WITHDRAWN, why="silent"), now)
    else:
        where: dict[str, Any] = {"port": port, "path": f"/firmware/v1/{row.token}"}
        want_firmware(session, row.device_id, manifest_of(image).document() | where, now)
        row.offered_at = now
        settle(session, row, Progress(DeviceState.OFFERED), now)


def settle(session: Session, row: RolloutDevice, progress: Progress, now: datetime) -> None:
    """Keep how far a device is; an offer that is no longer under way leaves its desired document."""
    if progress.state not in UNDER_WAY:
        want_firmware(session, row.device_id, None, now)
    if row.state != progress.state:
        row.changed_at = now
    row.state, row.at_bytes, row.why = progress.state, progress.at_bytes, progress.why
    session.add(row)


def recall(session: Session, rollout_id: str, to: DeviceState, now: datetime) -> int:
    """Take back every offer of a rollout whose device still runs the old firmware; returns how many.

    Args:
        session: a writing unit of work.
        rollout_id: whose.
        to: planned (it may be offered again) or withdrawn (never more).
        now: the moment.
    """
    states = RECALLABLE | ({DeviceState.PLANNED} if to is DeviceState.WITHDRAWN else set())
    rows = session.exec(
        select(RolloutDevice).where(
            RolloutDevice.rollout_id == rollout_id, col(RolloutDevice.state).in_(states)
        )
    ).all()
    for row in rows:
        row.offered_at = None
        settle(session, row, Progress(to), now)
    return len(rows)


def image_behind(session: Session, token: str) -> tuple[FirmwareImage, RolloutDevice] | None:
    """What a download address opens, and for whom; None once the offer has ended or its device has.

    An address works while its offer is under way in a rollout that has not ended, and never for a device
    that was revoked.
    """
    found = session.exec(
        select(RolloutDevice, FirmwareImage)
        .join(Rollout, col(Rollout.id) == col(RolloutDevice.rollout_id))
        .join(FirmwareImage, col(FirmwareImage.id) == col(Rollout.image_id))
        .join(Device, col(Device.id) == col(RolloutDevice.device_id))
        .where(
            RolloutDevice.token == token,
            col(RolloutDevice.state).in_(UNDER_WAY),
            col(Rollout.state).in_(UNENDED),
            col(Device.revoked_at).is_(None),
            Device.kind == FirmwareImage.kind,
            col(FirmwareImage.removed_at).is_(None),
        )
    ).first()
    return None if found is None else (found[1], found[0])


def runs(twin: Twin) -> int | None:
    """The firmware sequence that a device says it runs; None for one that cannot be updated."""
    said = (twin.reported or {}).get("fw")
    run = said.get("run") if isinstance(said, dict) else None
    return run if type(run) is int and run >= 0 else None
