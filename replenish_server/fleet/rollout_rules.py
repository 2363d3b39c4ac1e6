"""PURE: how far a device of a rollout is, after what it said, and what a rollout does next.

A device's outcome is only ever what the device itself said, or that it said nothing in time; the rollout's
next step follows from the counts alone. Source: docs/wire.md (Firmware), docs/fleet.md (Rollouts).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class DeviceState(StrEnum):
    """How far one device is."""

    PLANNED = "planned"
    OFFERED = "offered"
    WAITING = "waiting"
    DOWNLOADING = "downloading"
    INSTALLED = "installed"
    PROVEN = "proven"
    REFUSED = "refused"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    OVERDUE = "overdue"
    LOST = "lost"
    WITHDRAWN = "withdrawn"
    LEFT = "left"


class RolloutState(StrEnum):
    """What a rollout does."""

    RUNNING = "running"
    PAUSED = "paused"
    HALTED = "halted"
    FINISHED = "finished"
    ABORTED = "aborted"


RECALLABLE = frozenset({DeviceState.OFFERED, DeviceState.WAITING, DeviceState.DOWNLOADING})
"""The old firmware still runs, and the offer can be taken back."""

UNDER_WAY = RECALLABLE | {DeviceState.INSTALLED}
"""The outcome is still to come."""

BAD = frozenset(
    {
        DeviceState.REFUSED,
        DeviceState.FAILED,
        DeviceState.ROLLED_BACK,
        DeviceState.OVERDUE,
        DeviceState.LOST,
    }
)
"""Outcomes that count towards a halt."""

_SETTLED_FOR_GOOD = frozenset(
    {DeviceState.REFUSED, DeviceState.FAILED, DeviceState.ROLLED_BACK, DeviceState.LEFT}
)
_NOT_OFFERED = (DeviceState.PLANNED, DeviceState.WITHDRAWN)  # what it says of a download is old news
_SAYS = {
    "waiting": DeviceState.WAITING,
    "downloading": DeviceState.DOWNLOADING,
    "installed": DeviceState.INSTALLED,
    "refused": DeviceState.REFUSED,
    "failed": DeviceState.FAILED,
    "rolled_back": DeviceState.ROLLED_BACK,
}
_MOST_WHY = 40


@dataclass(frozen=True)
class Offer:
    """What a device was offered.

    Args:
        seq: sequence of the image.
        ver: its version text.
        size: in bytes.
    """

    seq: int
    ver: str
    size: int


@dataclass(frozen=True)
class Progress:
    """How far a device is, and its own word for why.

    Args:
        state: how far.
        at_bytes: how much it has safely on flash.
        why: a word of docs/wire.md, or "".
    """

    state: DeviceState
    at_bytes: int = 0
    why: str = ""


def after_report(now: Progress, offer: Offer, report: Mapping[str, Any]) -> Progress:
    """How far a device is after a report (`up/st`), whatever that holds; nothing in it raises.

    A device that has its outcome keeps it, but for two: what proved itself can still fall back, and whoever
    was late or missed can still come.
    """
    said = report.get("fw")
    if not isinstance(said, Mapping) or now.state in _SETTLED_FOR_GOOD:
        return now
    run = _whole(said.get("run"))
    if run is not None and run >= offer.seq:
        return _runs_it(offer, run, report)
    if now.state in (DeviceState.PROVEN, DeviceState.LOST):
        # It had proved the new one and runs another now: whatever it calls that, it fell back.
        return now if run is None else Progress(DeviceState.ROLLED_BACK, now.at_bytes, _why(said))
    return _on_its_way(now, offer, said)


def _runs_it(offer: Offer, run: int, report: Mapping[str, Any]) -> Progress:
    """A device that runs what was offered, or something newer."""
    version = _version(report)
    if run == offer.seq and version != offer.ver:
        return Progress(DeviceState.FAILED, offer.size, f"version {version}"[:_MOST_WHY])
    return Progress(DeviceState.PROVEN, offer.size, "" if run == offer.seq else "newer")


def _on_its_way(now: Progress, offer: Offer, said: Mapping[str, Any]) -> Progress:
    """A device that runs something older, by its own word about this offer."""
    word = said.get("state")
    state = _SAYS.get(word) if isinstance(word, str) and _whole(said.get("seq")) == offer.seq else None
    if state is None or (now.state in _NOT_OFFERED and state in RECALLABLE):
        return now
    if now.state is DeviceState.OVERDUE and state in UNDER_WAY:
        return now  # late is late until there is an outcome
    at_bytes = min(_whole(said.get("at")) or now.at_bytes, offer.size)
    return Progress(state, offer.size if state is DeviceState.INSTALLED else at_bytes, _why(said))


def after_hello(now: Progress, offer: Offer, version: object) -> Progress:
    """How far a device is after a sign of life that it noted since it said `installed`: is it the new one?"""
    if now.state is not DeviceState.INSTALLED or not isinstance(version, str) or version == offer.ver:
        return now
    return Progress(DeviceState.ROLLED_BACK, now.at_bytes, f"version {version}"[:_MOST_WHY])


def after_silence(now: Progress, silent: bool, late: bool) -> Progress:
    """How far a device is by what it did not say.

    Args:
        now: how far it was.
        silent: it broke its promise of when to be heard; see `presence`.
        late: its patience is over.
    """
    if now.state in UNDER_WAY and late:
        return Progress(DeviceState.OVERDUE, now.at_bytes, now.state.value)
    if now.state is DeviceState.PROVEN and silent:
        return Progress(DeviceState.LOST, now.at_bytes)
    if now.state is DeviceState.LOST and not silent:
        return Progress(DeviceState.PROVEN, now.at_bytes)
    return now


@dataclass(frozen=True)
class WaveCount:
    """Devices of one wave.

    Args:
        planned: not offered anything yet.
        under_way: offered, without an outcome.
        good: proven.
        bad: failed in whatever way, and not excused.
        excused: failed, and a person resumed nevertheless.
    """

    planned: int = 0
    under_way: int = 0
    good: int = 0
    bad: int = 0
    excused: int = 0

    @property
    def tried(self) -> int:
        """Those that were offered it."""
        return self.under_way + self.good + self.bad + self.excused


class Step(StrEnum):
    """What a rollout does next."""

    NOTHING = "nothing"
    OFFER = "offer"  # to the planned devices of the wave in hand
    SETTLE = "settle"  # the wave is through: soak from now
    ADVANCE = "advance"
    FINISH = "finish"
    HALT = "halt"


@dataclass(frozen=True)
class Plan:
    """What is fixed about a rollout, and where it is.

    Args:
        state: what it does.
        waves: how many there are.
        wave: the one in hand, from 0.
        soak: how long the last device of a wave must have been well; at zero nobody waits to be heard again.
        halt_percent: at this share of failures among those tried, in the wave or in all, it halts.
        settled_at: since when the wave soaks, or None.
        unheard: devices of the wave that proved themselves and were not heard again since: they may be dead.
    """

    state: RolloutState
    waves: int
    wave: int
    soak: timedelta
    halt_percent: int
    settled_at: datetime | None
    unheard: int = 0


def next_step(plan: Plan, counts: Sequence[WaveCount], now: datetime) -> Step:
    """What is to be done next, by the counts of every wave; a halt comes before everything else."""
    if plan.state is not RolloutState.RUNNING:
        return Step.NOTHING
    wave = counts[plan.wave]
    everything = WaveCount(
        bad=sum(count.bad for count in counts), good=sum(count.tried - count.bad for count in counts)
    )
    if any(count.bad and count.bad * 100 >= plan.halt_percent * count.tried for count in (wave, everything)):
        return Step.HALT
    if wave.planned or wave.under_way:
        return Step.OFFER if wave.planned else Step.NOTHING
    if plan.settled_at is None:
        return Step.SETTLE
    if now - plan.settled_at < plan.soak or (plan.soak and plan.unheard):
        return Step.NOTHING
    return Step.FINISH if plan.wave + 1 == plan.waves else Step.ADVANCE


class BadSteps(ValueError):
    """These waves cannot be; the text says why."""


def wave_sizes(steps: Sequence[str], devices: int) -> list[int]:
    """How many devices each wave adds; steps such as "1", "10%" name how many there are in all by then.

    Waves that would add nobody are left out; the last step is always everybody.

    Raises:
        BadSteps: a step is no number and no share, or the steps do not rise.
    """
    reached, sizes, before = 0, [], (False, 0)
    for step in steps:
        share = step.removesuffix("%")
        if not share.isdecimal() or not 1 <= int(share) <= (100 if step.endswith("%") else 10**6):
            raise BadSteps(f"{step!r} is no wave: say a number of devices, or a share such as 10%")
        total = -(-devices * int(share) // 100) if step.endswith("%") else int(share)
        if (step.endswith("%"), int(share)) <= before:
            raise BadSteps(f"the waves {' '.join(steps)} do not rise")
        before = (step.endswith("%"), int(share))
        if min(total, devices) > reached:
            sizes.append(min(total, devices) - reached)
            reached = min(total, devices)
    if reached < devices:
        sizes.append(devices - reached)
    return sizes


def _whole(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _version(report: Mapping[str, Any]) -> str:
    health = report.get("h")
    version = health.get("fw") if isinstance(health, Mapping) else None
    return version if isinstance(version, str) else "unknown"


def _why(said: Mapping[str, Any]) -> str:
    why = said.get("why")
    return why[:_MOST_WHY] if isinstance(why, str) else ""
