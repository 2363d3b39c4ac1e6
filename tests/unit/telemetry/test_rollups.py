"""Rolling up: nothing certain is forgotten of a stretch, whatever order and portions it comes in."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from replenish_server.telemetry.rollups import DAY_MS, HOUR_MS, Measured, measured, roll_up

READINGS = st.lists(
    st.builds(
        lambda at_ms, boot, seq, kind, number: Measured(at_ms, boot, seq, 0, kind, number, number, number, 1),
        st.integers(0, 3 * DAY_MS),
        st.integers(0, 2),
        st.integers(0, 2**32 - 1),
        st.integers(0, 1),
        st.integers(0, 1000),
    ),
    max_size=40,
    unique=True,
)


@settings(max_examples=150, deadline=None)
@given(READINGS, st.randoms(use_true_random=False))
def test_the_last_the_range_and_the_number_are_kept(readings: list[Measured], rng: random.Random) -> None:
    """In each hour, for each kind and boot."""
    rolled = roll_up(rng.sample(readings, len(readings)), HOUR_MS)
    assert sum(one.readings for one in rolled) == len(readings)
    for one in rolled:
        mine = [r for r in readings if (r.at_ms // HOUR_MS, r.flags, r.boot) ==
                (one.at_ms // HOUR_MS, one.flags, one.boot)]  # fmt: skip
        assert (min(r.number for r in mine), max(r.number for r in mine)) == (one.low, one.high)
        assert max(mine)[:6] == one[:6]


@settings(max_examples=150, deadline=None)
@given(READINGS, st.integers(0, 40))
def test_portions_and_repetition_change_nothing(readings: list[Measured], cut: int) -> None:
    """Half now and half later, hours and then days, or everything at once."""
    at_once = roll_up(readings, DAY_MS)
    hours = roll_up(readings, HOUR_MS)
    assert at_once == roll_up(hours, DAY_MS)
    assert at_once == roll_up(at_once, DAY_MS)
    assert hours == roll_up([*roll_up(readings[:cut], HOUR_MS), *readings[cut:]], HOUR_MS)


def test_what_says_nothing_for_certain_does_not_enter() -> None:
    """No number, another quality than ok, or late."""
    assert measured(1, 2, 3, 0, 0, None) is None
    assert measured(1, 2, 3, 0, 1 << 2, 5) is None
    assert measured(1, 2, 3, 0, 1 << 6, 5) is None
    assert measured(1, 2, 3, 0, 2 << 4, 5) == Measured(1, 2, 3, 0, 2 << 4, 5, 5, 5, 1)
