"""Deadlines of an order: never early, each once, and every way ends while nobody acts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from replenish_server.ordering.deadlines import (
    ATTENTION_ENDS,
    COOLING_OFF,
    Deadline,
    Waiting,
    cool_off,
    next_deadline,
)
from replenish_server.ordering.states import ENDED, STARTS, Event, State, after, may

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TIMED = (State.PROPOSED, State.NEEDS_APPROVAL, State.COOLING_OFF, State.NEEDS_ATTENTION, State.DELIVERED)


@pytest.mark.parametrize(
    ("run_out_days", "lead_days", "hours", "shortened"),
    [
        (None, 2, 24, False),
        (9, None, 24, False),
        (9, 2, 24, False),
        (3, 2, 24, False),
        (2.5, 2, 12, True),
        (1, 2, 0, True),
    ],
)
def test_the_cooling_off_is_shorter_only_where_the_stock_asks_for_it(
    run_out_days: float | None, lead_days: float | None, hours: float, shortened: bool
) -> None:
    """What is left over after the lead time is what may be waited."""
    cooling = cool_off(NOW, COOLING_OFF, run_out_days, lead_days)
    assert (NOW + hours * HOUR, shortened) == (cooling.leaves_at, cooling.shortened)


@given(st.floats(0, 400), st.floats(0, 60), st.integers(0, 30 * 24), st.integers(0, 14))
def test_a_cooling_off_is_never_longer_than_asked_and_never_ends_in_the_past(
    run_out_days: float, lead_days: float, hours: int, window_days: int
) -> None:
    """Whatever the forecast says; and it then waits for others within the household's window only."""
    cooling = cool_off(NOW, hours * HOUR, run_out_days, lead_days, timedelta(days=window_days))
    assert cooling.hold_until <= cooling.leaves_at + timedelta(days=window_days)
    assert NOW <= cooling.leaves_at <= NOW + hours * HOUR
    assert cooling.shortened == (cooling.leaves_at < NOW + hours * HOUR)
    assert (
        cooling.leaves_at <= cooling.hold_until <= max(cooling.leaves_at, NOW + timedelta(days=run_out_days))
    )


def test_attention_reminds_twice_and_ends_after_three_days() -> None:
    """And never ends by itself while the retailer may have the order."""
    seen = []
    for unknown in (False, True):
        waiting = [Waiting(State.NEEDS_ATTENTION, NOW, n, outcome_unknown=unknown) for n in range(4)]
        seen.append([next_deadline(one) for one in waiting])
    known, unknown_outcome = seen
    assert known[:3] == [
        (NOW + 24 * HOUR, Deadline.REMIND),
        (NOW + 48 * HOUR, Deadline.REMIND),
        (NOW + ATTENTION_ENDS, Deadline.END),
    ]
    assert [None, None] == [known[3], unknown_outcome[3]]
    assert Deadline.END not in [one[1] for one in unknown_outcome if one is not None]


class OrderLife(RuleBasedStateMachine):
    """An order to which everything may happen at any moment, with the deadlines of the real rules."""

    @initialize(state=st.sampled_from(STARTS))
    def begin(self, state: State) -> None:
        """It starts where orders start."""
        self.now, self.at_retailer, self.fired = NOW, False, 0
        self._enter(state)
        self.sent = [state] if state is State.PLACING else []
        self.placed: list[State] = []
        self.trail = [state]

    @rule(event=st.sampled_from(Event), hours=st.integers(0, 200))
    def happen(self, event: Event, hours: int) -> None:
        """Time passes; then something happens, if it can."""
        self.now += hours * HOUR
        if event is not Event.TIME_OUT and may(self.state, event, self.at_retailer):
            self._go(event)

    @precondition(lambda self: self.state in TIMED)
    @rule()
    def wait(self) -> None:
        """Nobody acts until the next deadline."""
        ahead = self._ahead()
        if ahead is None:
            assert self.state is State.NEEDS_ATTENTION
            assert self.at_retailer  # only a person may end what is unknown
            return
        due, what = ahead
        self.now = max(self.now, due)
        assert due >= self.since
        if what in (Deadline.END, Deadline.LEAVE):
            self._go(Event.TIME_OUT)
        else:
            self.fired += 1

    @invariant()
    def laws(self) -> None:
        """Placed once at most; sent never after it was placed; nothing after the end."""
        assert len(self.placed) <= 1 + self.trail.count(State.NEEDS_ATTENTION)
        if State.PLACED in self.trail:
            assert State.PLACING not in self.trail[self.trail.index(State.PLACED) :]
        assert not any(state in ENDED for state in self.trail[:-1])
        assert self.fired <= 3

    def _go(self, event: Event) -> None:
        then = after(self.state, event, self.at_retailer)
        self.at_retailer = self.at_retailer or then is State.PLACED
        if then is State.PLACED:
            self.placed.append(then)
        self.trail.append(then)
        self._enter(then)

    def _enter(self, state: State) -> None:
        self.state, self.since, self.fired = state, self.now, 0

    def _ahead(self) -> tuple[datetime, Deadline] | None:
        return next_deadline(Waiting(self.state, self.since, self.fired, outcome_unknown=self.at_retailer))


OrderLife.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestOrderLife = OrderLife.TestCase


@pytest.mark.parametrize("start", STARTS)
def test_every_order_that_nobody_touches_ends_or_waits_for_the_shop(start: State) -> None:
    """A proposal expires, a cooling-off leaves, a question is given up."""
    state, fired, since = start, 0, NOW
    for _ in range(20):
        ahead = next_deadline(Waiting(state, since, fired))
        if ahead is None:
            break
        since, what = ahead
        state, fired = (after(state, Event.TIME_OUT), 0) if what in ("end", "leave") else (state, fired + 1)
    assert state in ENDED | {State.PLACING}
