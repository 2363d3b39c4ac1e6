"""What an operator does with rollouts: start, pause, resume, abort, look. Use cases inside one transaction.

What follows from them by time and by what devices say is `rollout_keeper`'s.
"""

import hashlib
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, select

from replenish_server.fleet.firmware_tables import FirmwareImage, Rollout, RolloutDevice
from replenish_server.fleet.images import UNENDED, FirmwareFolder, FirmwareRefused, check_ready, find_image
from replenish_server.fleet.offers import recall, runs
from replenish_server.fleet.rollout_rules import (
    BAD,
    BadSteps,
    DeviceState,
    RolloutState,
    WaveCount,
    wave_sizes,
)
from replenish_server.fleet.rollout_rules import UNDER_WAY as _UNDER_WAY
from replenish_server.fleet.tables import Device, Twin
from replenish_server.ids import new_id

STEPS = ("1", "10%", "50%", "100%")


@dataclass(frozen=True)
class Terms:
    """How careful a rollout is.

    Args:
        steps: the waves; see `rollout_rules.wave_sizes`.
        soak_minutes: how long a wave must have been well before the next one begins.
        patience_hours: how long a device may take from its offer to its outcome.
        halt_percent: at this share of failures among those tried it halts.
        first: devices that come first, in this order.
        try_key: also with a key whose signature boards refused before.
    """

    steps: Sequence[str] = STEPS
    soak_minutes: int = 60
    patience_hours: int = 72
    halt_percent: int = 2
    first: Sequence[str] = ()
    try_key: bool = False


@dataclass(frozen=True)
class Started:
    """A rollout that was started.

    Args:
        rollout: its row.
        sizes: how many devices each wave has.
        left_out: how many devices are not in it, by reason.
    """

    rollout: Rollout
    sizes: list[int]
    left_out: dict[str, int]


def start_rollout(
    session: Session, firmware: FirmwareFolder, image_id: str, terms: Terms, now: datetime
) -> Started:
    """Plan which device gets an image in which wave, and let the first wave begin.

    Raises:
        FirmwareRefused: no such image, its file or key is not as it must be, another rollout of its kind,
            impossible waves, or nobody to update.
    """
    image = find_image(session, image_id)
    check_ready(firmware, image)
    _check_alone(session, image)
    if not terms.try_key:
        _check_boards_hold(session, image)
    devices, left_out = _candidates(session, image)
    unknown = [device_id for device_id in terms.first if device_id not in devices]
    if unknown:
        raise FirmwareRefused(f"{', '.join(unknown)} cannot be first: not among the devices to update")
    if not devices:
        reasons = ", ".join(f"{number} {reason}" for reason, number in left_out.items())
        raise FirmwareRefused(f"no device of kind {image.kind} to update: {reasons or 'there is none'}")
    try:
        sizes = wave_sizes(terms.steps, len(devices))
    except BadSteps as error:
        raise FirmwareRefused(str(error)) from error
    rollout = Rollout(
        id=new_id("roll"),
        image_id=image.id,
        state=RolloutState.RUNNING,
        steps=" ".join(terms.steps),
        soak_minutes=terms.soak_minutes,
        patience_hours=terms.patience_hours,
        halt_percent=terms.halt_percent,
        began_at=now,
    )
    session.add(rollout)
    session.flush()
    rest = sorted(set(devices) - set(terms.first), key=lambda device_id: _draw(rollout.id, device_id))
    order = [*dict.fromkeys(terms.first), *rest]
    for wave, size in enumerate(sizes):
        for device_id in order[:size]:
            session.add(_planned(rollout.id, device_id, wave, now))
        order = order[size:]
    session.flush()
    return Started(rollout, sizes, left_out)


def pause_rollout(session: Session, rollout_id: str, now: datetime) -> Rollout:
    """Offer nothing more, and take back what is not installed yet; it can be resumed.

    Raises:
        FirmwareRefused: there is no such rollout, or it does not run.
    """
    rollout = _unended(session, rollout_id, RolloutState.RUNNING)
    rollout.state = RolloutState.PAUSED
    recall(session, rollout.id, DeviceState.PLANNED, now)
    session.add(rollout)
    return rollout


def resume_rollout(
    session: Session, firmware: FirmwareFolder, rollout_id: str, accept_failures: bool
) -> Rollout:
    """Go on where it stopped. After a halt, only with the failures accepted: they halt it no more.

    Raises:
        FirmwareRefused: there is no such rollout, it does not wait, its failures were not accepted, or its
            image is not as it must be.
    """
    rollout = _unended(session, rollout_id, RolloutState.PAUSED, RolloutState.HALTED)
    if rollout.state == RolloutState.HALTED:
        if not accept_failures:
            raise FirmwareRefused(
                f"rollout {rollout.id} halted: {rollout.why}; look at its devices, then resume with "
                "--accept-failures, or abort it"
            )
        for row in session.exec(
            select(RolloutDevice).where(
                RolloutDevice.rollout_id == rollout.id, col(RolloutDevice.state).in_(BAD)
            )
        ):
            row.excused = True
            session.add(row)
    check_ready(firmware, session.get_one(FirmwareImage, rollout.image_id))
    rollout.state, rollout.why, rollout.settled_at = RolloutState.RUNNING, "", None
    session.add(rollout)
    return rollout


def abort_rollout(session: Session, rollout_id: str, why: str, now: datetime) -> Rollout:
    """End it: what is not installed yet is taken back for good. What is installed stays.

    Raises:
        FirmwareRefused: there is no such rollout, or it has ended.
    """
    rollout = _unended(session, rollout_id, *(RolloutState(state) for state in UNENDED))
    rollout.state, rollout.ended_at, rollout.why = RolloutState.ABORTED, now, why.strip()[:200]
    recall(session, rollout.id, DeviceState.WITHDRAWN, now)
    session.add(rollout)
    return rollout


def list_rollouts(session: Session) -> list[tuple[Rollout, FirmwareImage]]:
    """Every rollout with its image, newest first."""
    query = select(Rollout, FirmwareImage).join(FirmwareImage, col(FirmwareImage.id) == col(Rollout.image_id))
    return list(session.exec(query.order_by(col(Rollout.began_at).desc(), col(Rollout.id))).all())


def devices_of(session: Session, rollout_id: str) -> list[RolloutDevice]:
    """Every device of a rollout, by wave."""
    query = select(RolloutDevice).where(RolloutDevice.rollout_id == rollout_id)
    return list(session.exec(query.order_by(col(RolloutDevice.wave), col(RolloutDevice.device_id))))


def find_rollout(session: Session, rollout_id: str) -> Rollout:
    """A rollout by its id.

    Raises:
        FirmwareRefused: there is none.
    """
    rollout = session.get(Rollout, rollout_id)
    if rollout is None:
        raise FirmwareRefused(f"there is no rollout {rollout_id!r}; see: replenish rollout show")
    return rollout


def count_waves(session: Session, rollout_id: str) -> list[WaveCount]:
    """How every wave of a rollout stands."""
    query = (
        select(RolloutDevice.wave, RolloutDevice.state, RolloutDevice.excused, func.count())
        .where(RolloutDevice.rollout_id == rollout_id)
        .group_by(col(RolloutDevice.wave), col(RolloutDevice.state), col(RolloutDevice.excused))
    )
    counts: dict[int, Counter[str]] = {}
    for wave, state, excused, number in session.exec(query):
        counts.setdefault(wave, Counter())[_column(DeviceState(state), excused)] += number
    most = max(counts, default=0)
    return [_wave_count(counts.get(wave, Counter())) for wave in range(most + 1)]


def _column(state: DeviceState, excused: bool) -> str:
    if state is DeviceState.PLANNED:
        return "planned"
    if state in _UNDER_WAY:
        return "under_way"
    if state is DeviceState.PROVEN:
        return "good"
    if state in BAD:
        return "excused" if excused else "bad"
    return "out"


def _wave_count(numbers: Counter[str]) -> WaveCount:
    return WaveCount(*(numbers[name] for name in ("planned", "under_way", "good", "bad", "excused")))


def _check_alone(session: Session, image: FirmwareImage) -> None:
    """That no other rollout of its kind is under way."""
    other = session.exec(
        select(Rollout.id)
        .join(FirmwareImage, col(FirmwareImage.id) == col(Rollout.image_id))
        .where(FirmwareImage.kind == image.kind, col(Rollout.state).in_(UNENDED))
    ).first()
    if other is not None:
        raise FirmwareRefused(f"rollout {other} of {image.kind} has not ended; abort it first")


def _check_boards_hold(session: Session, image: FirmwareImage) -> None:
    """That boards of its kind did not refuse this key's signature when they were last offered one."""
    said = session.exec(
        select(RolloutDevice.state, RolloutDevice.why)
        .join(Rollout, col(Rollout.id) == col(RolloutDevice.rollout_id))
        .join(FirmwareImage, col(FirmwareImage.id) == col(Rollout.image_id))
        .where(FirmwareImage.kind == image.kind, FirmwareImage.key == image.key)
    ).all()
    refused = sum(state == DeviceState.REFUSED and why == "signature" for state, why in said)
    if refused and all(state != DeviceState.PROVEN for state, _ in said):
        raise FirmwareRefused(
            f"{refused} of the {image.kind} boards refused the signature of key {image.key}, and none took "
            "it: they do not hold it. Sign the image with a key that they hold, under a higher sequence; if "
            "they hold this one by now, add --try-key"
        )


def _candidates(session: Session, image: FirmwareImage) -> tuple[list[str], dict[str, int]]:
    """Devices that can be updated and need it, and how many cannot or need not, by reason."""
    fit, left_out = [], Counter[str]()
    query = (
        select(Device, Twin)
        .join(Twin, col(Twin.device_id) == col(Device.id))
        .where(Device.kind == image.kind, col(Device.revoked_at).is_(None))
    )
    for device, twin in session.exec(query):
        run = runs(twin)
        if device.last_seen_at is None:
            left_out["never heard"] += 1
        elif run is None:
            left_out["without updates over the air"] += 1
        elif run >= image.seq:
            left_out["on it or newer"] += 1
        elif device.silent_at is not None:
            left_out["silent"] += 1
        else:
            fit.append(device.id)
    return fit, dict(left_out)


def _planned(rollout_id: str, device_id: str, wave: int, now: datetime) -> RolloutDevice:
    return RolloutDevice(
        rollout_id=rollout_id,
        device_id=device_id,
        wave=wave,
        state=DeviceState.PLANNED,
        token=secrets.token_urlsafe(16),
        changed_at=now,
    )


def _draw(rollout_id: str, device_id: str) -> bytes:
    """A lot that is another one in each rollout, so that not always the same home goes first."""
    return hashlib.sha256(f"{rollout_id} {device_id}".encode()).digest()


def _unended(session: Session, rollout_id: str, *states: RolloutState) -> Rollout:
    rollout = find_rollout(session, rollout_id)
    if rollout.state not in states:
        raise FirmwareRefused(f"rollout {rollout_id} is {rollout.state}")
    return rollout
