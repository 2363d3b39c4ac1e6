"""PURE: the dispatcher's rules, on which every promise about money rests; rows and simulation obey them."""

from collections.abc import Collection
from datetime import datetime

from replenish_server.ordering.states import ENDED, Event, State, may

COMPLETE = "complete"
"""The step after which the retailer has the order: the one call that costs money."""


def is_free(lease_until: datetime | None, next_try_at: datetime | None, now: datetime) -> bool:
    """Whether a worker may take a parcel: nobody holds it, and its next try is due."""
    return (lease_until is None or lease_until < now) and (next_try_at is None or next_try_at <= now)


def may_send(step: str, held_fence: int, fence: int, states: Collection[State]) -> bool:
    """Whether a worker may store a new call: it was not overtaken, and every order still wants it.

    Args:
        step: which call.
        held_fence: the fence under which the worker took the parcel.
        fence: the parcel's fence now.
        states: of the parcel's orders; those that ended are not spoken of any more.
    """
    allowed = {State.PLACING} if step == COMPLETE else {State.PLACING, State.NEEDS_APPROVAL}
    open_states = set(states) - ENDED
    return held_fence == fence and bool(open_states) and open_states <= allowed


def still_holds(held_fence: int, fence: int, lease_until: datetime | None, now: datetime) -> bool:
    """Whether a worker may still send what it has stored: it was not overtaken, and did not oversleep."""
    return held_fence == fence and (lease_until is None or now < lease_until)


def must_retire(attempt: int, checkout_id: str | None, created: bool) -> bool:
    """Whether an earlier session has to be closed before this attempt's is created."""
    return attempt > 1 and checkout_id is not None and not created


def can_cancel(state: State, completing: bool) -> bool:
    """Whether an order can be stopped here.

    Args:
        state: where the order is.
        completing: whether the completing call of its session is stored. Then it is stopped at the retailer:
            the answer may be there already, and only not have moved the order yet.
    """
    return may(state, Event.CANCEL) and not (state is State.PLACING and completing)


def next_instrument(instrument: int, known: int) -> int | None:
    """With what is paid after the shop has declined: the household's next instrument, once; else a person is
    asked (None).

    Args:
        instrument: the place of the one that was declined, from 0.
        known: how many the household has at this shop.
    """
    return 1 if instrument == 0 and known > 1 else None


def attempt_after_approval(attempt: int, state: State, may_have_left: bool) -> int:
    """The attempt with which an approved order goes on: what may have left is only looked up again."""
    return attempt + 1 if state is State.NEEDS_ATTENTION and not may_have_left else attempt
