"""PURE: what a trial shows: how each order that was not made would have turned out, and what it adds up to.

A trial order is judged by what the household did without it: when its container ran empty, and when it was
filled from elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from replenish_server.replenishment.amounts import days

EMPTY_SHARE = 0.02
"""At or under this share of the container it counts as run out."""

TOO_EARLY = timedelta(days=14)
"""A parcel that would have waited longer than this before it was needed would have been too early."""

_DAY_S = 86_400.0


class Outcome(StrEnum):
    """How a trial order would have turned out."""

    COMING = "coming"
    WAITING = "waiting"
    PREVENTED = "prevented"
    TOO_LATE = "too_late"
    TOO_EARLY = "too_early"
    UNNEEDED = "unneeded"
    IN_TIME = "in_time"


@dataclass(frozen=True)
class TrialOrder:
    """An order that was not made.

    Args:
        at: when it would have left.
        arrives_at: when its parcel would have come, by the retailer's mean lead time.
        emptied_at: when the container was first seen empty after that, or None.
        refilled_at: when it was filled from elsewhere, or None.
    """

    at: datetime
    arrives_at: datetime
    emptied_at: datetime | None = None
    refilled_at: datetime | None = None


@dataclass(frozen=True)
class Judged:
    """A trial order's outcome, and the days that it is about: spared, missing, or too many."""

    outcome: Outcome
    days: float = 0.0


def judge_trial(order: TrialOrder, now: datetime) -> Judged:
    """How the order would have turned out, as far as it is known now."""
    end = order.refilled_at or now
    if order.emptied_at is not None and order.emptied_at < end:
        spared = end - max(order.emptied_at, order.arrives_at)
        if spared > timedelta(0):
            return Judged(Outcome.PREVENTED, _days(spared))
        return Judged(Outcome.TOO_LATE, _days(end - order.emptied_at))
    return _judge_parcel(order, end, now)


def _judge_parcel(order: TrialOrder, end: datetime, now: datetime) -> Judged:
    """Of an order during which nothing ran out: whether its parcel would have come too soon."""
    if now < order.arrives_at and order.refilled_at is None:
        return Judged(Outcome.COMING, _days(order.arrives_at - now))
    waited = end - order.arrives_at
    if waited > TOO_EARLY:
        return Judged(Outcome.TOO_EARLY, _days(waited))
    if order.refilled_at is None:
        return Judged(Outcome.WAITING, _days(waited))
    if waited < timedelta(0):
        return Judged(Outcome.UNNEEDED, _days(-waited))
    return Judged(Outcome.IN_TIME, _days(waited))


@dataclass(frozen=True)
class Balance:
    """What a trial adds up to.

    Args:
        orders: how many would have left.
        prevented: how many of them would have prevented a run-out.
        spared_days: days without that they would have spared.
        too_late: how many would have come after a run-out was over.
        too_early: how many would have stood around.
    """

    orders: int
    prevented: int
    spared_days: float
    too_late: int
    too_early: int


def balance(judged: Sequence[Judged]) -> Balance:
    """The sums over a trial's orders."""
    of = [j.outcome for j in judged]
    return Balance(
        len(judged),
        of.count(Outcome.PREVENTED),
        sum(j.days for j in judged if j.outcome is Outcome.PREVENTED),
        of.count(Outcome.TOO_LATE),
        of.count(Outcome.TOO_EARLY),
    )


def missed_run_outs(
    points: Sequence[tuple[datetime, int]],
    refills: Sequence[datetime],
    capacity: int,
    orders: Sequence[TrialOrder],
) -> list[datetime]:
    """When a container ran empty and no trial order knew of it; from one refill to the next it counts once.

    Args:
        points: (moment, level) since the trial began, oldest first.
        refills: when it was filled.
        capacity: of the container, in the unit of the levels.
        orders: the slot's trial orders; a run-out that one of them saw is judged with that order.
    """
    missed: list[datetime] = []
    for start, end in pairwise([None, *sorted(refills), None]):
        low = [at for at, level in points if level <= EMPTY_SHARE * capacity]
        empty = [at for at in low if _between(at, start, end)]
        seen = any(o.emptied_at is not None and _between(o.emptied_at, start, end) for o in orders)
        if empty and not seen:
            missed.append(empty[0])
    return missed


def _between(at: datetime, start: datetime | None, end: datetime | None) -> bool:
    return (start is None or at >= start) and (end is None or at < end)


_SENTENCES = {
    Outcome.COMING: ("It would arrive in {days} days.", "{days}일 뒤 도착했을 것입니다."),
    Outcome.WAITING: (
        "It would have arrived {days} days ago and not be needed yet.",
        "{days}일 전에 도착했겠지만 아직 필요하지 않았습니다.",
    ),
    Outcome.PREVENTED: (
        "It would have spared you {days} days without.",
        "떨어진 채 보낸 {days}일을 막았을 것입니다.",
    ),
    Outcome.TOO_LATE: (
        "You were without for {days} days, and it would not have come in time.",
        "{days}일 동안 떨어져 있었고, 제때 오지 못했을 것입니다.",
    ),
    Outcome.TOO_EARLY: (
        "It would have stood around for {days} days: too early.",
        "{days}일 동안 쓰이지 않았을 것입니다. 너무 이릅니다.",
    ),
    Outcome.UNNEEDED: (
        "You filled it up {days} days before it would have arrived.",
        "도착하기 {days}일 전에 직접 채우셨습니다.",
    ),
    Outcome.IN_TIME: (
        "It would have arrived {days} days before you filled it up.",
        "채우시기 {days}일 전에 도착했을 것입니다.",
    ),
}


def outcome_sentence(judged: Judged, language: str) -> str:
    """How it would have turned out, in a sentence."""
    return _SENTENCES[judged.outcome][1 if language == "ko" else 0].format(days=days(judged.days))


def _days(span: timedelta) -> float:
    return span.total_seconds() / _DAY_S
