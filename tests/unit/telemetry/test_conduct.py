"""An honest board is never held back for long, however long it was offline; two boards are told apart."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replenish_server.telemetry.conduct import Conduct, Pace

PACE = Pace(5.0, 10_000)
DAY_MS = 86_400_000


def test_a_full_spool_after_a_month_offline_passes_at_once() -> None:
    """Twenty-five times over: a board keeps 400 records."""
    conduct = Conduct()
    assert all(conduct.may_speak(DAY_MS, PACE) for _ in range(25 * 400))
    assert not conduct.may_speak(DAY_MS, PACE)


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=400))
def test_nobody_gets_more_than_the_rate_and_the_burst(gaps_ms: list[int]) -> None:
    """Whenever it speaks; and after a pause that is long enough everything is forgiven."""
    conduct, pace, now_ms, passed = Conduct(), Pace(2.0, 10), 1_000_000, 0
    for gap in gaps_ms:
        now_ms += gap
        passed += conduct.may_speak(now_ms, pace)
    assert passed <= 10 + (now_ms - 1_000_000) / 500 + 1
    assert all(conduct.may_speak(now_ms + 6_000, pace) for _ in range(10))


def test_a_flood_is_held_back_and_a_steady_voice_is_not() -> None:
    """5,000 a second for ten seconds: the burst and fifty; one a second for a day: all of it."""
    conduct = Conduct()
    assert 10_049 <= sum(conduct.may_speak(n // 5, PACE) for n in range(50_000)) <= 10_051
    steady = Conduct()
    assert all(steady.may_speak(n * 1000, PACE) for n in range(86_400))


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_one_board_is_one_however_it_restarts_and_resends(seed: int, restarts: int) -> None:
    """Records of its earlier boots come late and out of order; ages are off by some seconds."""
    rng, conduct, at_ms = random.Random(seed), Conduct(), DAY_MS
    recorded = []
    for boot in range(restarts):
        for _ in range(rng.randint(1, 6)):
            at_ms += rng.randint(1_000, 900_000)
            recorded.append((f"{boot:08x}", at_ms))
        at_ms += rng.randint(0, 5_000)
    if rng.random() < 0.5:
        rng.shuffle(recorded)
    assert not any(conduct.is_two(boot, at + rng.randint(-15_000, 15_000)) for boot, at in recorded)


def test_two_boards_that_take_turns_are_two() -> None:
    """Within seven turns, whichever speaks more often; and again after that."""
    conduct, told = Conduct(), []
    for turn in range(1, 30):
        at_ms = turn * 10 * 60_000
        for _ in range(1 + turn % 3):
            told.append(conduct.is_two("0000000a", at_ms))
        told.append(conduct.is_two("0000000b", at_ms + 5 * 60_000))
    assert 0 < told.index(True) < 15
    assert sum(told) > 5


@pytest.mark.parametrize("back_ms", [3_600_000, 5 * 365 * DAY_MS])
def test_a_clock_that_is_put_back_holds_nobody_back(back_ms: int) -> None:
    """A server whose clock was ahead and is put right takes what comes, and still holds a flood back."""
    conduct = Conduct()
    for n in range(100):
        assert conduct.may_speak(DAY_MS * 10_000 + n * 1000, PACE)
    right_ms = DAY_MS * 10_000 - back_ms
    assert 10_000 <= sum(conduct.may_speak(right_ms, PACE) for _ in range(20_000)) <= 10_001
