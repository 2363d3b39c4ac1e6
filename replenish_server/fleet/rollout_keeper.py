"""Moves rollouts on: reads what their devices said or did not say, then does what the rules want next.

Level-triggered: everything follows from rows, so a server that was killed goes on where it was.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_
from sqlmodel import Session, col, func, select

from replenish_server.clock import Clock
from replenish_server.database import Database
from replenish_server.fleet.firmware_tables import FirmwareImage, Rollout, RolloutDevice
from replenish_server.fleet.images import FirmwareFolder
from replenish_server.fleet.offers import offer, recall, settle
from replenish_server.fleet.rollout_rules import (
    UNDER_WAY,
    DeviceState,
    Offer,
    Plan,
    Progress,
    RolloutState,
    Step,
    WaveCount,
    after_hello,
    after_report,
    after_silence,
    next_step,
)
from replenish_server.fleet.rollouts import count_waves
from replenish_server.fleet.tables import Device, Twin

log = logging.getLogger(__name__)

_OFFERS_AT_ONCE = 200  # a wave of thousands neither holds the database nor the download for long
_ROWS_AT_ONCE = 500
_SAME_WAKE = timedelta(minutes=1)  # what comes this soon may be the end of the wake that proved it
_WATCHED = tuple(state for state in DeviceState if state not in ("refused", "failed", "rolled_back", "left"))

VersionsHeard = Callable[[Session, Mapping[str, datetime]], dict[str, str]]
"""Firmware version in each device's newest sign of life after a moment; supplied by the composition root."""


@dataclass(frozen=True)
class RolloutKeeper:
    """Runs once a second.

    Args:
        database: where everything is.
        clock: the server's clock.
        firmware: where the images are.
        port: TCP port of the devices' edge.
        versions_heard: see `VersionsHeard`.
    """

    database: Database
    clock: Clock
    firmware: FirmwareFolder
    port: int
    versions_heard: VersionsHeard

    def run(self) -> int:
        """Do all that is due; returns how much was done."""
        done = 0
        with self.database.read() as session:
            rollouts = self._watched(session)
        for rollout_id in rollouts:
            while (moved := self._move(rollout_id)) > 0:
                done += moved
        return done

    def _watched(self, session: Session) -> Sequence[str]:
        """Rollouts that have something to do, or devices that were left at work."""
        installed = select(RolloutDevice.rollout_id).where(RolloutDevice.state == DeviceState.INSTALLED)
        unended = col(Rollout.state).in_(("running", "paused", "halted"))
        return session.exec(select(Rollout.id).where(or_(unended, col(Rollout.id).in_(installed)))).all()

    def _move(self, rollout_id: str) -> int:
        """One transaction of a rollout, if it has anything to do; returns how much was done."""
        now = self.clock.now()
        with self.database.read() as session:
            rollout, image = _load(session, rollout_id)
            idle = not self._flaw(rollout, image) and not self._news(session, rollout, image, now)
            if idle and _step(session, rollout, now) is Step.NOTHING:
                return 0
        with self.database.write() as session:
            rollout, image = _load(session, rollout_id)
            flaw = self._flaw(rollout, image)
            if flaw:  # before anything that devices say: it is not theirs
                return _pause(session, rollout, flaw, now)
            news = self._news(session, rollout, image, now)
            for row, progress, heard_at in news:
                row.heard_at = heard_at
                if progress.state != row.state:
                    _log(row, progress)
                settle(session, row, progress, now)
            session.flush()
            return len(news) + self._do(session, rollout, image, _step(session, rollout, now), now)

    def _flaw(self, rollout: Rollout, image: FirmwareImage) -> str:
        """Why nobody can be given the image of a rollout that runs; "" where they can."""
        return self.firmware.flaw(image) if rollout.state == RolloutState.RUNNING else ""

    def _news(
        self, session: Session, rollout: Rollout, image: FirmwareImage, now: datetime
    ) -> list[tuple[RolloutDevice, Progress, datetime | None]]:
        """Devices about which something is new, and how far each of them is by it."""
        offered = Offer(image.seq, image.ver, image.size)
        late_since = now - timedelta(hours=rollout.patience_hours)
        found: list[tuple[RolloutDevice, Progress, datetime | None]] = []
        for row, reported, reported_at, device in session.exec(_changed(rollout.id, late_since)):
            progress = Progress(DeviceState(row.state), row.at_bytes, row.why)
            if device.revoked_at is not None:
                progress = Progress(DeviceState.LEFT, row.at_bytes)
            else:
                if reported_at != row.heard_at:
                    progress = after_report(progress, offered, reported or {})
                late = row.offered_at is not None and row.offered_at <= late_since
                progress = after_silence(progress, device.silent_at is not None, late)
            found.append((row, progress, reported_at))
        return found + self._returned(session, rollout.id, offered, {row.device_id for row, *_ in found})

    def _returned(
        self, session: Session, rollout_id: str, offered: Offer, known: set[str]
    ) -> list[tuple[RolloutDevice, Progress, datetime | None]]:
        """Devices that said `installed`, and then hello with another version than that."""
        rows = session.exec(
            select(RolloutDevice).where(
                RolloutDevice.rollout_id == rollout_id, RolloutDevice.state == DeviceState.INSTALLED
            )
        ).all()
        rows = [row for row in rows if row.device_id not in known]
        heard = self.versions_heard(session, {row.device_id: row.changed_at for row in rows}) if rows else {}
        found: list[tuple[RolloutDevice, Progress, datetime | None]] = []
        for row in rows:
            before = Progress(DeviceState.INSTALLED, row.at_bytes, row.why)
            after = after_hello(before, offered, heard.get(row.device_id))
            if after != before:
                found.append((row, after, row.heard_at))
        return found

    def _do(self, session: Session, rollout: Rollout, image: FirmwareImage, step: Step, now: datetime) -> int:
        """Take the step that is due; returns how much was done."""
        match step:
            case Step.NOTHING:
                return 0
            case Step.OFFER:
                return self._offer(session, rollout, image, now)
            case Step.SETTLE:
                rollout.settled_at = now
            case Step.ADVANCE:
                rollout.wave, rollout.settled_at = rollout.wave + 1, None
            case Step.FINISH:
                rollout.state, rollout.ended_at = RolloutState.FINISHED, now
            case Step.HALT:
                rollout.state = RolloutState.HALTED
                rollout.why = _why(count_waves(session, rollout.id), rollout.halt_percent)
                recall(session, rollout.id, DeviceState.PLANNED, now)
        session.add(rollout)
        log.info("action=rollout_%s rollout_id=%s wave=%d %s", step, rollout.id, rollout.wave, rollout.why)
        return 1

    def _offer(self, session: Session, rollout: Rollout, image: FirmwareImage, now: datetime) -> int:
        rows = session.exec(
            select(RolloutDevice)
            .where(
                RolloutDevice.rollout_id == rollout.id,
                RolloutDevice.wave == rollout.wave,
                RolloutDevice.state == DeviceState.PLANNED,
            )
            .order_by(col(RolloutDevice.device_id))
            .limit(_OFFERS_AT_ONCE)
        ).all()
        rollout.settled_at = None
        session.add(rollout)
        for row in rows:
            offer(session, row, image, self.port, now)
        log.info("action=firmware_offered rollout_id=%s devices=%d", rollout.id, len(rows))
        return len(rows)


def _pause(session: Session, rollout: Rollout, flaw: str, now: datetime) -> int:
    """The image is gone or damaged: take it back from all who have not installed it, and say so."""
    rollout.state = RolloutState.PAUSED
    rollout.why = f"{flaw}. Put it back (replenish firmware add FILE), then resume"
    recall(session, rollout.id, DeviceState.PLANNED, now)
    session.add(rollout)
    log.warning("action=rollout_paused rollout_id=%s why=%r", rollout.id, flaw)
    return 1


def _load(session: Session, rollout_id: str) -> tuple[Rollout, FirmwareImage]:
    rollout = session.get_one(Rollout, rollout_id)
    return rollout, session.get_one(FirmwareImage, rollout.image_id)


def _step(session: Session, rollout: Rollout, now: datetime) -> Step:
    if rollout.state != RolloutState.RUNNING:
        return Step.NOTHING
    counts = count_waves(session, rollout.id)
    soak, settled_at = timedelta(minutes=rollout.soak_minutes), rollout.settled_at
    over = settled_at is not None and soak and now - settled_at >= soak
    plan = Plan(
        RolloutState(rollout.state),
        len(counts),
        rollout.wave,
        soak,
        rollout.halt_percent,
        settled_at,
        _unheard(session, rollout, settled_at) if over and settled_at is not None else 0,
    )
    return next_step(plan, counts, now)


def _unheard(session: Session, rollout: Rollout, settled_at: datetime) -> int:
    """How many of the wave have not been heard since it settled: some boards die in their first sleep."""
    query = (
        select(func.count())
        .select_from(RolloutDevice)
        .join(Device, col(Device.id) == col(RolloutDevice.device_id))
        .where(
            RolloutDevice.rollout_id == rollout.id,
            RolloutDevice.wave == rollout.wave,
            RolloutDevice.state == DeviceState.PROVEN,
            or_(col(Device.last_seen_at).is_(None), col(Device.last_seen_at) <= settled_at + _SAME_WAKE),
        )
    )
    return session.exec(query).one()


def _changed(rollout_id: str, late_since: datetime) -> Any:
    """Rows that may have something new: a report, a silence, patience that is over, a device that left."""
    state, offered_at = col(RolloutDevice.state), col(RolloutDevice.offered_at)
    heard_at, reported_at = col(RolloutDevice.heard_at), col(Twin.reported_at)
    news = or_(
        and_(reported_at.is_not(None), or_(heard_at.is_(None), reported_at != heard_at)),
        col(Device.revoked_at).is_not(None),
        and_(state.in_(UNDER_WAY), offered_at <= late_since),
        and_(state == DeviceState.PROVEN, col(Device.silent_at).is_not(None)),
        and_(state == DeviceState.LOST, col(Device.silent_at).is_(None)),
    )
    return (
        select(RolloutDevice, Twin.reported, Twin.reported_at, Device)
        .join(Twin, col(Twin.device_id) == col(RolloutDevice.device_id))
        .join(Device, col(Device.id) == col(RolloutDevice.device_id))
        .where(RolloutDevice.rollout_id == rollout_id, state.in_(_WATCHED), news)
        .order_by(col(RolloutDevice.device_id))
        .limit(_ROWS_AT_ONCE)
    )


def _why(counts: Sequence[WaveCount], halt_percent: int) -> str:
    bad, tried = sum(count.bad for count in counts), sum(count.tried for count in counts)
    return f"{bad} of {tried} devices failed; it halts at {halt_percent} %"


def _log(row: RolloutDevice, progress: Progress) -> None:
    log.info(
        "action=firmware_%s device_id=%s rollout_id=%s why=%r",
        progress.state.value, row.device_id, row.rollout_id, progress.why,
    )  # fmt: skip
