"""PURE: what happens to an order when nobody acts: the deadlines of each state, and which comes next.

A deadline is a moment and what it brings. `next_deadline` names the earliest that has not passed yet; each
is passed once, because passing it is counted in the order (`reminders`) or ends the state.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from replenish_server.ordering.states import State

COOLING_OFF = timedelta(hours=24)
PROPOSAL_EXPIRES = timedelta(days=7)
ATTENTION_REMINDERS = (timedelta(hours=24), timedelta(hours=48))
ATTENTION_ENDS = timedelta(hours=72)
UNFITTED_ASKS = timedelta(days=7)
DELIVERED_CLOSES = timedelta(days=14)
ARRIVAL_ASKS = (timedelta(days=14), timedelta(days=28))
PICKUP_ASKS = (timedelta(days=3), timedelta(days=7))
_LONGEST_DAYS = 3650.0


class Deadline(StrEnum):
    """What a deadline brings."""

    LEAVE = "leave"  # the cooling-off is over
    REMIND = "remind"  # a person is reminded
    ASK_ARRIVED = "ask_arrived"  # long under way, or long ready at a store: has it come?
    ASK_FITTED = "ask_fitted"  # delivered and never fitted: where is it?
    END = "end"  # the state's time-out


@dataclass(frozen=True)
class Waiting:
    """What an order's deadlines hang on.

    Args:
        state: where the order is.
        since: since when it is there.
        reminders: how many deadlines of this state have passed already.
        leaves_at: when its cooling-off ends, or None outside of it.
        outcome_unknown: whether the retailer may have an order that we do not know of: then no time-out
            ends it, and only a person does.
    """

    state: State
    since: datetime
    reminders: int = 0
    leaves_at: datetime | None = None
    outcome_unknown: bool = False


def next_deadline(waiting: Waiting) -> tuple[datetime, Deadline] | None:
    """The next deadline that has not passed, or None when the state has none left."""
    ahead = _deadlines(waiting)[waiting.reminders :]
    return ahead[0] if ahead else None


def _deadlines(waiting: Waiting) -> list[tuple[datetime, Deadline]]:
    since = waiting.since
    match waiting.state:
        case State.PROPOSED | State.NEEDS_APPROVAL:
            return [(since + PROPOSAL_EXPIRES, Deadline.END)]
        case State.COOLING_OFF:
            return [(waiting.leaves_at or since + COOLING_OFF, Deadline.LEAVE)]
        case State.NEEDS_ATTENTION:
            reminders = [(since + after, Deadline.REMIND) for after in ATTENTION_REMINDERS]
            last = Deadline.REMIND if waiting.outcome_unknown else Deadline.END
            return [*reminders, (since + ATTENTION_ENDS, last)]
        case State.PLACED | State.SHIPPED | State.READY_FOR_PICKUP:
            asks = PICKUP_ASKS if waiting.state is State.READY_FOR_PICKUP else ARRIVAL_ASKS
            return [(since + after, Deadline.ASK_ARRIVED) for after in asks]
        case State.DELIVERED:
            return [(since + UNFITTED_ASKS, Deadline.ASK_FITTED), (since + DELIVERED_CLOSES, Deadline.END)]
        case _:
            return []


@dataclass(frozen=True)
class CoolingOff:
    """How long an order that no person touched waits.

    Args:
        leaves_at: until when it can be canceled with one tap.
        hold_until: the latest moment up to which it may wait for others to travel with.
        shortened: whether the stock leaves less time than the household wants, so that it must be told.
    """

    leaves_at: datetime
    hold_until: datetime
    shortened: bool


def cool_off(
    now: datetime,
    wished: timedelta,
    run_out_days: float | None,
    lead_time_days: float | None,
    window: timedelta = timedelta(0),
) -> CoolingOff:
    """The cooling-off of an order.

    Args:
        now: when it was decided.
        wished: the household's time in which an order can be canceled before the retailer is called.
        run_out_days: early days until nothing is left (the 10 % quantile), or None when not known.
        lead_time_days: from order to delivery, or None when not known.
        window: how long the household lets an order wait for others to travel with.
    """
    slack = slack_of(run_out_days, lead_time_days)
    if slack is None:
        return CoolingOff(now + wished, now + wished, shortened=False)
    if slack < wished:
        return CoolingOff(now + slack, now + slack, shortened=True)
    return CoolingOff(now + wished, now + min(slack, wished + window), shortened=False)


def slack_of(run_out_days: float | None, lead_time_days: float | None) -> timedelta | None:
    """How long an order can wait and still come before nothing is left; None when that is not known.

    Args:
        run_out_days: early days until nothing is left (the 10 % quantile).
        lead_time_days: from order to delivery.
    """
    if run_out_days is None or lead_time_days is None:
        return None
    return timedelta(days=min(_LONGEST_DAYS, max(0.0, run_out_days - lead_time_days)))
