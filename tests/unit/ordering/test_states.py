"""The order state machine, exhaustively."""

from itertools import product

import pytest

from replenish_server.ordering.states import ENDED, OPEN, UNDERWAY, Event, Forbidden, State, after, may

WAYS = {
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
AT_THE_SHOP = {State.PLACED, State.SHIPPED, State.DELIVERED, State.CLOSED}


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_every_pair_of_state_and_event(state: State, event: Event) -> None:
    """What is in the table happens, everything else is refused with both names."""
    if (state, event) in WAYS:
        assert may(state, event)
        assert WAYS[state, event] is after(state, event)
    else:
        assert not may(state, event)
        with pytest.raises(Forbidden, match=f"{state.value}.*{event.value}") as refused:
            after(state, event)
        assert (state, event) == (refused.value.state, refused.value.event)


def reachable(state: State) -> set[State]:
    """Every state that can still follow."""
    found: set[State] = set()
    todo = [state]
    while todo:
        here = todo.pop()
        for event in Event:
            if may(here, event) and after(here, event) not in found:
                found.add(after(here, event))
                todo.append(after(here, event))
    return found


@pytest.mark.parametrize("state", sorted(ENDED))
def test_there_is_no_way_out_of_an_ended_state(state: State) -> None:
    """The slot is free for another order, so this one must never come back."""
    assert set() == reachable(state)


@pytest.mark.parametrize("state", sorted(AT_THE_SHOP))
def test_what_the_shop_has_is_never_placed_again(state: State) -> None:
    """Law 4: no way leads from the shop's hands back to our sending."""
    assert not reachable(state) & {State.PLACING, State.NEEDS_APPROVAL, State.NEEDS_ATTENTION}
    assert state not in reachable(state)


def test_every_state_can_end_and_is_reached() -> None:
    """No order hangs for ever for want of a way."""
    starts = {State.PLACING, State.NEEDS_APPROVAL}
    assert set(State) == starts | reachable(State.PLACING) | reachable(State.NEEDS_APPROVAL)
    assert all(reachable(state) & ENDED for state in OPEN)


def test_open_and_ended_divide_all_states() -> None:
    """And only the shop moves what is under way."""
    assert set(State) == set(OPEN) | ENDED
    assert not set(OPEN) & ENDED
    shop = {Event.SHIP, Event.DELIVER, Event.RETAILER_CANCEL}
    assert all(event in shop for state in UNDERWAY for event in Event if may(state, event))
