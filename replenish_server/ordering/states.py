"""PURE: the states of an order and the only ways between them."""

from enum import StrEnum


class State(StrEnum):
    """Where an order is."""

    NEEDS_APPROVAL = "needs_approval"
    PLACING = "placing"
    NEEDS_ATTENTION = "needs_attention"
    PLACED = "placed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CLOSED = "closed"
    CANCELED = "canceled"


class Event(StrEnum):
    """What may happen to it."""

    APPROVE = "approve"
    CANCEL = "cancel"
    PLACE = "place"
    STUMBLE = "stumble"
    SHIP = "ship"
    DELIVER = "deliver"
    FIT = "fit"
    RETAILER_CANCEL = "retailer_cancel"


ENDED = frozenset({State.CLOSED, State.CANCELED})
"""States in which the slot is free for another order."""

OPEN = tuple(state for state in State if state not in ENDED)
"""States in which no other order of the slot may exist."""

UNDERWAY = (State.PLACED, State.SHIPPED)
"""States in which the retailer has the order and it is not delivered: what follows is up to the retailer."""

_WAYS: dict[tuple[State, Event], State] = {
    (State.NEEDS_APPROVAL, Event.APPROVE): State.PLACING,
    (State.NEEDS_APPROVAL, Event.CANCEL): State.CANCELED,
    (State.NEEDS_APPROVAL, Event.STUMBLE): State.NEEDS_ATTENTION,
    (State.PLACING, Event.PLACE): State.PLACED,
    (State.PLACING, Event.STUMBLE): State.NEEDS_ATTENTION,
    (State.PLACING, Event.CANCEL): State.CANCELED,
    (State.NEEDS_ATTENTION, Event.APPROVE): State.PLACING,
    (State.NEEDS_ATTENTION, Event.CANCEL): State.CANCELED,
    (State.PLACED, Event.SHIP): State.SHIPPED,
    (State.PLACED, Event.DELIVER): State.DELIVERED,
    (State.PLACED, Event.RETAILER_CANCEL): State.CANCELED,
    (State.SHIPPED, Event.DELIVER): State.DELIVERED,
    (State.SHIPPED, Event.RETAILER_CANCEL): State.CANCELED,
    (State.DELIVERED, Event.FIT): State.CLOSED,
}


class Forbidden(Exception):
    """This cannot happen to an order in this state."""

    def __init__(self, state: State, event: Event) -> None:
        super().__init__(f"an order that is {state.value} cannot {event.value}")
        self.state, self.event = state, event


def after(state: State, event: Event) -> State:
    """The state that follows.

    Raises:
        Forbidden: there is no such way; an order never moves back.
    """
    try:
        return _WAYS[state, event]
    except KeyError:
        raise Forbidden(state, event) from None


def may(state: State, event: Event) -> bool:
    """Whether the event can happen in this state."""
    return (state, event) in _WAYS
