"""The order state machine, exhaustively."""

from itertools import product

import pytest

from replenish_server.ordering.states import (
    ENDED,
    OPEN,
    STARTS,
    UNDERWAY,
    Event,
    Forbidden,
    State,
    after,
    may,
)

AT_THE_SHOP = {State.PLACED, State.SHIPPED, State.READY_FOR_PICKUP, State.DELIVERED}
OURS = {State.PROPOSED, State.NEEDS_APPROVAL, State.COOLING_OFF, State.PLACING}
WAYS = {
    (State.PROPOSED, "take_up"): State.NEEDS_APPROVAL,
    (State.NEEDS_APPROVAL, "approve"): State.PLACING,
    (State.NEEDS_ATTENTION, "approve"): State.PLACING,
    (State.COOLING_OFF, "approve"): State.PLACING,
    (State.COOLING_OFF, "time_out"): State.PLACING,
    (State.PLACING, "place"): State.PLACED,
    (State.NEEDS_APPROVAL, "find"): State.PLACED,
    (State.NEEDS_ATTENTION, "find"): State.PLACED,
    (State.PLACED, "ship"): State.SHIPPED,
    (State.PLACED, "ready"): State.READY_FOR_PICKUP,
    (State.SHIPPED, "ready"): State.READY_FOR_PICKUP,
    (State.PROPOSED, "time_out"): State.EXPIRED,
    (State.NEEDS_APPROVAL, "time_out"): State.EXPIRED,
    (State.NEEDS_ATTENTION, "time_out"): State.CANCELED,
    (State.DELIVERED, "time_out"): State.CLOSED,
    (State.NEEDS_ATTENTION, "lose"): State.FAILED,
    **{(state, "substitute"): State.NEEDS_APPROVAL for state in (State.PLACING, State.NEEDS_APPROVAL)},
    **{(state, "hand_over"): State.NEEDS_APPROVAL for state in OURS - {State.PROPOSED}},
    **{(state, "cancel"): State.CANCELED for state in OURS | {State.NEEDS_ATTENTION}},
    **{(state, "stumble"): State.NEEDS_ATTENTION for state in OURS - {State.PROPOSED}},
    **{(state, "deliver"): State.DELIVERED for state in AT_THE_SHOP - {State.DELIVERED}},
    **{(state, "retailer_cancel"): State.CANCELED for state in AT_THE_SHOP - {State.DELIVERED}},
    **{(state, "mismatch"): State.NEEDS_ATTENTION for state in AT_THE_SHOP - {State.DELIVERED}},
    **{(state, "lose"): State.FAILED for state in AT_THE_SHOP},
    **{(state, "withdraw"): State.CANCELED for state in AT_THE_SHOP | {State.NEEDS_ATTENTION}},
    **{
        (state, "fit"): State.CLOSED
        for state in (State.NEEDS_APPROVAL, State.NEEDS_ATTENTION, State.PLACED, State.DELIVERED)
    },
}


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_every_pair_of_state_and_event(state: State, event: Event) -> None:
    """What is in the table happens, everything else is refused with both names."""
    if (state, event.value) in WAYS:
        assert may(state, event)
        assert WAYS[state, event.value] is after(state, event)
    else:
        assert not may(state, event)
        with pytest.raises(Forbidden, match=f"{state.value}.*{event.value}") as refused:
            after(state, event)
        assert (state, event) == (refused.value.state, refused.value.event)


def reachable(state: State, at_retailer: bool = False) -> set[State]:
    """Every state that can still follow."""
    found: set[State] = set()
    todo = [state]
    while todo:
        here = todo.pop()
        for event in Event:
            if may(here, event, at_retailer) and after(here, event, at_retailer) not in found:
                found.add(after(here, event, at_retailer))
                todo.append(after(here, event, at_retailer))
    return found


@pytest.mark.parametrize("state", sorted(ENDED))
def test_there_is_no_way_out_of_an_ended_state(state: State) -> None:
    """The slot is free for another order, so this one must never come back."""
    assert set() == reachable(state)


@pytest.mark.parametrize("state", sorted(AT_THE_SHOP | {State.NEEDS_ATTENTION}))
def test_what_the_shop_has_is_never_sent_again(state: State) -> None:
    """Law 4: no way leads from the shop's hands back to our sending, over a mismatch neither."""
    assert not reachable(state, at_retailer=True) & OURS


@pytest.mark.parametrize("state", sorted(AT_THE_SHOP))
def test_an_order_goes_back_only_over_a_persons_question(state: State) -> None:
    """Among the states of the way, none is seen twice unless the books disagreed in between."""
    ways = {after(state, event) for event in Event if may(state, event)} - {State.NEEDS_ATTENTION}
    order = list(State)
    assert all(order.index(then) > order.index(state) for then in ways)


def test_every_state_can_end_and_is_reached() -> None:
    """No order hangs for ever for want of a way."""
    assert set(State) == set(STARTS).union(*(reachable(start) for start in STARTS))
    assert all(reachable(state) & ENDED for state in OPEN)


def test_open_and_ended_divide_all_states() -> None:
    """And only the shop, a mismatch or a person's word moves what is under way."""
    assert set(State) == set(OPEN) | ENDED
    assert not set(OPEN) & ENDED
    ours = {Event.APPROVE, Event.CANCEL, Event.PLACE, Event.STUMBLE, Event.TIME_OUT, Event.TAKE_UP}
    assert not any(may(state, event) for state in UNDERWAY for event in ours)
