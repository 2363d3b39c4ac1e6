"""PURE: the states of an order and the only ways between them."""

from enum import StrEnum


class State(StrEnum):
    """Where an order is."""

    PROPOSED = "proposed"
    NEEDS_APPROVAL = "needs_approval"
    COOLING_OFF = "cooling_off"
    PLACING = "placing"
    NEEDS_ATTENTION = "needs_attention"
    PLACED = "placed"
    SHIPPED = "shipped"
    READY_FOR_PICKUP = "ready_for_pickup"
    DELIVERED = "delivered"
    CLOSED = "closed"
    CANCELED = "canceled"
    FAILED = "failed"
    EXPIRED = "expired"


class Event(StrEnum):
    """What may happen to it.

    `find` is the news that the retailer has the order although we did not see it accepted; `mismatch` that
    the retailer's books say otherwise than ours; `lose` that goods never came; `time_out` that a deadline
    passed without anybody acting; `hand_over` that a person has to buy it, which `find` then says was done;
    `substitute` that another product took the place of one that cannot be had, and a person is asked.
    """

    TAKE_UP = "take_up"
    APPROVE = "approve"
    COOL = "cool"
    CANCEL = "cancel"
    PLACE = "place"
    FIND = "find"
    STUMBLE = "stumble"
    MISMATCH = "mismatch"
    SHIP = "ship"
    READY = "ready"
    DELIVER = "deliver"
    FIT = "fit"
    LOSE = "lose"
    WITHDRAW = "withdraw"
    RETAILER_CANCEL = "retailer_cancel"
    HAND_OVER = "hand_over"
    SUBSTITUTE = "substitute"
    TIME_OUT = "time_out"


ENDED = frozenset({State.CLOSED, State.CANCELED, State.FAILED, State.EXPIRED})
"""States in which the slot is free for another order."""

OPEN = tuple(state for state in State if state not in ENDED)
"""States in which no other order of the slot may exist."""

STARTS = (State.PROPOSED, State.NEEDS_APPROVAL, State.COOLING_OFF, State.PLACING)
"""States in which an order can begin."""

UNDERWAY = (State.PLACED, State.SHIPPED, State.READY_FOR_PICKUP)
"""States in which the retailer has the order and the home has not the goods."""

_AT_THE_RETAILER = (*UNDERWAY, State.DELIVERED)

_WAYS: dict[tuple[State, Event], State] = (
    {
        (State.PROPOSED, Event.TAKE_UP): State.NEEDS_APPROVAL,
        (State.PROPOSED, Event.CANCEL): State.CANCELED,
        (State.PROPOSED, Event.TIME_OUT): State.EXPIRED,
        (State.NEEDS_APPROVAL, Event.APPROVE): State.PLACING,
        (State.NEEDS_APPROVAL, Event.CANCEL): State.CANCELED,
        (State.NEEDS_APPROVAL, Event.STUMBLE): State.NEEDS_ATTENTION,
        (State.NEEDS_APPROVAL, Event.FIND): State.PLACED,
        (State.NEEDS_APPROVAL, Event.FIT): State.CLOSED,
        (State.NEEDS_APPROVAL, Event.HAND_OVER): State.NEEDS_APPROVAL,
        (State.NEEDS_APPROVAL, Event.TIME_OUT): State.EXPIRED,
        (State.COOLING_OFF, Event.APPROVE): State.PLACING,
        (State.COOLING_OFF, Event.TIME_OUT): State.PLACING,
        (State.COOLING_OFF, Event.CANCEL): State.CANCELED,
        (State.COOLING_OFF, Event.STUMBLE): State.NEEDS_ATTENTION,
        (State.COOLING_OFF, Event.HAND_OVER): State.NEEDS_APPROVAL,
        (State.PLACING, Event.HAND_OVER): State.NEEDS_APPROVAL,
        (State.PLACING, Event.SUBSTITUTE): State.NEEDS_APPROVAL,
        (State.NEEDS_APPROVAL, Event.SUBSTITUTE): State.NEEDS_APPROVAL,
        (State.PLACING, Event.PLACE): State.PLACED,
        (State.PLACING, Event.STUMBLE): State.NEEDS_ATTENTION,
        (State.PLACING, Event.CANCEL): State.CANCELED,
        (State.NEEDS_ATTENTION, Event.APPROVE): State.PLACING,
        (State.NEEDS_ATTENTION, Event.FIND): State.PLACED,
        (State.NEEDS_ATTENTION, Event.CANCEL): State.CANCELED,
        (State.NEEDS_ATTENTION, Event.FIT): State.CLOSED,
        (State.NEEDS_ATTENTION, Event.LOSE): State.FAILED,
        (State.NEEDS_ATTENTION, Event.WITHDRAW): State.CANCELED,
        (State.NEEDS_ATTENTION, Event.TIME_OUT): State.CANCELED,
        (State.PLACED, Event.SHIP): State.SHIPPED,
        (State.PLACED, Event.READY): State.READY_FOR_PICKUP,
        (State.PLACED, Event.FIT): State.CLOSED,
        (State.SHIPPED, Event.READY): State.READY_FOR_PICKUP,
        (State.DELIVERED, Event.FIT): State.CLOSED,
        (State.DELIVERED, Event.TIME_OUT): State.CLOSED,
    }
    | {
        (state, event): then
        for state in UNDERWAY
        for event, then in (
            (Event.DELIVER, State.DELIVERED),
            (Event.RETAILER_CANCEL, State.CANCELED),
            (Event.MISMATCH, State.NEEDS_ATTENTION),
        )
    }
    | {
        (state, event): then
        for state in _AT_THE_RETAILER
        for event, then in ((Event.LOSE, State.FAILED), (Event.WITHDRAW, State.CANCELED))
    }
)


class Forbidden(Exception):
    """This cannot happen to an order in this state."""

    def __init__(self, state: State, event: Event) -> None:
        super().__init__(f"an order that is {state.value} cannot {event.value}")
        self.state, self.event = state, event


def after(state: State, event: Event, at_retailer: bool = False) -> State:
    """The state that follows.

    Args:
        state: where the order is.
        event: what happens.
        at_retailer: whether the retailer has, or had, this order: then nothing sends it again (law 4).

    Raises:
        Forbidden: there is no such way; an order never moves back.
    """
    if not may(state, event, at_retailer):
        raise Forbidden(state, event)
    return _WAYS[state, event]


def may(state: State, event: Event, at_retailer: bool = False) -> bool:
    """Whether the event can happen in this state; see `after`."""
    then = _WAYS.get((state, event))
    return then is not None and not (at_retailer and then is State.PLACING)
