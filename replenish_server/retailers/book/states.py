"""PURE: where an order in the book is, and what its retailer may still do with it."""

from enum import StrEnum


class BookState(StrEnum):
    """Where the retailer has got to."""

    PLACED = "placed"
    ACKNOWLEDGED = "acknowledged"
    READY_FOR_PICKUP = "ready_for_pickup"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELED = "canceled"


class Act(StrEnum):
    """What moves it. `WITHDRAW` is the household's, all others the retailer's."""

    ACKNOWLEDGE = "acknowledge"
    SHIP = "ship"
    READY = "ready_for_pickup"
    DELIVER = "deliver"
    CANCEL = "cancel"
    WITHDRAW = "withdraw"


_WAYS: dict[tuple[BookState, Act], BookState] = {
    (BookState.PLACED, Act.ACKNOWLEDGE): BookState.ACKNOWLEDGED,
    (BookState.ACKNOWLEDGED, Act.SHIP): BookState.SHIPPED,
    (BookState.ACKNOWLEDGED, Act.READY): BookState.READY_FOR_PICKUP,
    (BookState.READY_FOR_PICKUP, Act.DELIVER): BookState.DELIVERED,
    (BookState.SHIPPED, Act.DELIVER): BookState.DELIVERED,
    (BookState.SHIPPED, Act.READY): BookState.READY_FOR_PICKUP,
    **{
        (state, act): BookState.CANCELED
        for state in BookState
        if state not in (BookState.DELIVERED, BookState.CANCELED)
        for act in (Act.CANCEL, Act.WITHDRAW)
    },
    # A retailer that ships at once has seen the order.
    (BookState.PLACED, Act.SHIP): BookState.SHIPPED,
    (BookState.PLACED, Act.READY): BookState.READY_FOR_PICKUP,
}


ENDED = frozenset({BookState.DELIVERED, BookState.CANCELED})
"""States in which the retailer has nothing more to do."""


class OutOfTurn(Exception):
    """The act does not fit where the order is; nothing was changed."""

    def __init__(self, state: BookState, act: Act) -> None:
        allowed = (
            ", ".join(one.value for one in Act if one is not Act.WITHDRAW and may(state, one)) or "nothing"
        )
        super().__init__(f"an order that is {state.value} cannot {act.value} (possible now: {allowed})")
        self.state, self.act = state, act


def after(state: BookState, act: Act) -> BookState:
    """The state that follows; an order never moves back.

    Raises:
        OutOfTurn: there is no such way.
    """
    if not may(state, act):
        raise OutOfTurn(state, act)
    return _WAYS[state, act]


def may(state: BookState, act: Act) -> bool:
    """Whether the act is possible."""
    return (state, act) in _WAYS
