"""Cumulative totals: use is never negative, never counted twice, and what remains is a level."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenish_server.inventory.events import Consumption, Refill
from replenish_server.inventory.grid import LevelGrid
from replenish_server.inventory.shares import fleet_shares
from replenish_server.inventory.totals import Reset, TotalSample, read_totals

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
CAPACITY = 100_000  # ml: a filter
RESET = Reset(START, CAPACITY)


def total(n: int, value: int | None, boot: str = "a", *, good: bool = True) -> TotalSample:
    """The reading of the n-th hour."""
    return TotalSample(START + n * HOUR, boot, n, value, good)


def used(samples: list[TotalSample]) -> int:
    """All that was used."""
    return sum(use.amount for use in read_totals(samples, [RESET], CAPACITY).uses)


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[TotalSample], int]:
    """A device's readings over up to four boots, and what was truly used until the last of them."""
    samples, truth, at = [], 0, START
    for boot in draw(st.permutations(["1", "2", "3", "f"]))[: draw(st.integers(1, 4))]:
        count = 0
        for seq in range(draw(st.integers(1, 8))):
            at += timedelta(minutes=draw(st.integers(1, 3000)))
            amount = draw(st.integers(0, 2000))
            count, truth = count + amount, truth + amount
            samples.append(TotalSample(at, boot, seq, count, good=True))
    return samples, truth


@settings(max_examples=200, deadline=None)
@given(lives(), st.randoms(use_true_random=False))
def test_reboots_lose_and_invent_nothing_in_any_order_of_arrival(
    life: tuple[list[TotalSample], int], chance: random.Random
) -> None:
    """The sum of the uses is what was used; what remains is the rest."""
    samples, truth = life
    arrived = samples + [s for s in samples if chance.random() < 0.5]
    chance.shuffle(arrived)
    history = read_totals(arrived, [RESET], CAPACITY)
    assert history == read_totals(samples, [RESET], CAPACITY)
    assert sum(use.amount for use in history.uses) == truth
    assert history.remaining[-1].level == max(0, CAPACITY - truth)


@settings(max_examples=100, deadline=None)
@given(lives(), st.randoms(use_true_random=False))
def test_a_lost_reading_within_a_boot_loses_no_use(
    life: tuple[list[TotalSample], int], chance: random.Random
) -> None:
    """The next total says it all; only a boot's last reading has none after it."""
    samples, truth = life
    last = {s.boot: s.seq for s in samples}
    kept = [s for s in samples if s.seq == last[s.boot] or chance.random() < 0.5]
    assert used(kept) == truth


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.one_of(st.none(), st.integers(0, 10**8)), st.booleans())),
    st.lists(st.tuples(st.integers(-5, 40), st.integers(0, CAPACITY)), max_size=4),
)
def test_whatever_comes_use_is_positive_and_what_remains_is_a_level(
    readings: list[tuple[str, int | None, bool]], resets: list[tuple[int, int]]
) -> None:
    """Also nonsense: one sample per reading, none of them negative."""
    samples = [total(n, value, boot, good=good) for n, (boot, value, good) in enumerate(readings)]
    history = read_totals(samples, [Reset(START + n * HOUR, left) for n, left in resets], CAPACITY)
    assert all(use.amount > 0 for use in history.uses)
    assert all(use.since is None or use.since <= use.at for use in history.uses)
    assert len(history.remaining) == len(samples)
    assert all(s.level is None or 0 <= s.level <= CAPACITY for s in history.remaining)


def test_a_counter_that_falls_within_a_boot_began_anew() -> None:
    """What it shows then is use since it began."""
    assert used([total(0, 0), total(1, 5000), total(2, 300), total(3, 400)]) == 5400


@pytest.mark.parametrize("glitch", [0, 4000, 60_000_000])
def test_a_total_that_the_next_one_takes_back_is_a_glitch(glitch: int) -> None:
    """A bit fell over on the way; no filter was used up by it."""
    assert used([total(0, 0), total(1, 5000), total(2, glitch), total(3, 5100)]) == 5100


def test_a_glitch_at_the_end_is_corrected_by_the_next_reading() -> None:
    """Until then it stands, never as negative use."""
    assert used([total(0, 0), total(1, 5000), total(2, 100)]) == 5100
    assert used([total(0, 0), total(1, 5000), total(2, 100), total(3, 5200)]) == 5200


def test_a_use_says_between_which_readings_it_happened() -> None:
    """Over a reboot from the last reading before it; before the first reading nobody knows."""
    history = read_totals([total(0, 70), total(1, 100), total(5, 40, "b")], [], CAPACITY)
    assert history.uses == (
        Consumption(None, START, 70),
        Consumption(START, START + HOUR, 30),
        Consumption(START + HOUR, START + 5 * HOUR, 40),
    )


def test_before_a_reset_nobody_knows_what_was_there() -> None:
    """Unknown is not a number."""
    history = read_totals(
        [total(0, 0), total(2, 100), total(4, 200)], [Reset(START + 3 * HOUR, 90)], CAPACITY
    )
    assert [s.level for s in history.remaining] == [None, None, 40]
    assert [s.good for s in history.remaining] == [False, False, True]


def test_a_refill_starts_anew_and_is_told() -> None:
    """Half of the use around it is before it, when it lies in the middle; the last reset of a time counts."""
    middle = START + timedelta(minutes=90)
    refill, correction = Reset(middle, CAPACITY), Reset(START + 3 * HOUR, 50_000, refilled=False)
    samples = [total(0, 0), total(1, 1000), total(2, 2000), total(3, 2000), total(4, 2500)]
    history = read_totals(samples, [correction, refill, RESET, refill], CAPACITY)
    assert [s.level for s in history.remaining] == [100_000, 99_000, 99_500, 50_000, 49_500]
    assert history.refills == (Refill(START, CAPACITY), Refill(middle, CAPACITY))


def test_a_reading_that_is_not_good_or_retained_counts_nothing() -> None:
    """The next good one brings what was used."""
    retained = TotalSample(START - 9 * HOUR, "a", 9, 777, good=True, retained=True)
    samples = [total(0, 0), total(1, 90_000, good=False), total(2, None), total(3, 200), retained]
    history = read_totals(samples, [RESET], CAPACITY)
    assert [s.level for s in history.remaining] == [CAPACITY, None, None, CAPACITY - 200]


def test_what_remains_fills_a_grid_like_a_level() -> None:
    """A slot that counts and a slot that weighs are forecast alike."""
    samples = [total(n, 1000 * n) for n in range(48)]
    history = read_totals(samples, [RESET], CAPACITY)
    grid = LevelGrid.of_samples(history.remaining, CAPACITY, START + 47 * HOUR)
    expected = [1 - n / 100 for n in range(5, 48, 6)]
    assert fleet_shares([grid], START + 47 * HOUR)[0, -8:].tolist() == pytest.approx(expected)
