"""What a stream of level readings says: the level now, use, refills, and the evidence at its end."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenish_server.inventory import LevelSample, Refill, read_levels

START = datetime(2026, 3, 1, 6, tzinfo=UTC)
CAPACITY = 2_000_000  # mg: a 2 kg box
HOUR = timedelta(hours=1)


def sample(n: int, level: int | None, *, good: bool = True, retained: bool = False) -> LevelSample:
    """The n-th hourly reading of one boot."""
    return LevelSample(START + n * HOUR, "0000000a", n, level, good, retained)


def stream(*levels: int) -> list[LevelSample]:
    """Good hourly readings."""
    return [sample(n, level) for n, level in enumerate(levels)]


LEVELS = st.one_of(st.none(), st.integers(0, int(CAPACITY * 1.3)))


@st.composite
def streams(draw: st.DrawFn) -> list[LevelSample]:
    """Readings of up to three boots, each with its own sequence, in the order in which they were taken."""
    samples: list[LevelSample] = []
    at = START
    for boot in draw(
        st.lists(st.sampled_from(["00000001", "0000000f", "ffffffff"]), max_size=3, unique=True)
    ):
        first = draw(st.integers(0, 1000))
        for n in range(draw(st.integers(1, 12))):
            at += timedelta(minutes=draw(st.integers(1, 2000)))
            samples.append(
                LevelSample(at, boot, first + n, draw(LEVELS), draw(st.booleans()), draw(st.booleans()))
            )
    return samples


@settings(max_examples=150, deadline=None)
@given(streams(), st.randoms(use_true_random=False))
def test_late_duplicated_and_reordered_readings_give_exactly_the_state_of_the_stream_in_order(
    samples: list[LevelSample], shuffle: random.Random
) -> None:
    """The result depends on the set of readings, not on how they came."""
    arrived = samples + [s for s in samples if shuffle.random() < 0.5]
    shuffle.shuffle(arrived)
    assert read_levels(samples, CAPACITY) == read_levels(arrived, CAPACITY)


@settings(max_examples=100, deadline=None)
@given(streams())
def test_a_retained_copy_never_counts_not_even_to_place_its_boot(samples: list[LevelSample]) -> None:
    """Leaving retained copies out changes nothing."""
    true = [s for s in samples if not s.retained]
    assert read_levels(true, CAPACITY) == read_levels(samples, CAPACITY)


def test_a_retained_first_reading_does_not_move_its_boot_before_another() -> None:
    """Its time is the broker's, so the boots stay in the order of their true readings."""
    old = [LevelSample(START + n * HOUR, "bbbbbbbb", n, 1_000_000, good=True) for n in range(3)]
    new = [LevelSample(START + (n + 9) * HOUR, "aaaaaaaa", n + 1, 900_000, good=True) for n in range(3)]
    copy = LevelSample(START - 99 * HOUR, "aaaaaaaa", 0, 5, good=False, retained=True)
    assert read_levels([*old, *new, copy], CAPACITY).level == 900_000


def test_the_sequence_decides_within_a_boot_whatever_the_clocks_say() -> None:
    """A clock that was corrected backwards does not turn use into a refill."""
    falling = [replace(s, at=s.at - 5 * HOUR) if s.seq == 2 else s for s in stream(900_000, 800_000, 700_000)]
    history = read_levels(reversed(falling), CAPACITY)
    assert history.level == 700_000
    assert history.refills == ()


@pytest.mark.parametrize("spike", [0, 300_000, 1_950_000, 2_499_999])
def test_a_lone_outlier_is_neither_refill_nor_use(spike: int) -> None:
    """A lifted container, or a hand on the scale, for one reading."""
    calm = stream(*[1_000_000] * 13, *[1_000_000] * 12)
    lifted = [replace(s, level=spike) if s.seq == 12 else s for s in calm]
    history = read_levels(lifted, CAPACITY)
    assert history.refills == ()
    assert history.daily_use == (0,)
    assert history.level == 1_000_000


def test_a_rise_is_a_refill_only_once_the_next_reading_confirms_it() -> None:
    """One high reading at the end may still be a hand."""
    low = [400_000] * 4
    assert read_levels(stream(*low, 1_900_000), CAPACITY).refills == ()
    refill = Refill(START + 4 * HOUR, 1_500_000)
    assert (refill,) == read_levels(stream(*low, 1_900_000, 1_899_000), CAPACITY).refills


def test_a_rise_of_less_than_seven_percent_is_no_refill() -> None:
    """Drift and nudges stay below; one gram more is a refill."""
    assert read_levels(stream(500_000, 500_000, 639_000, 639_000), CAPACITY).refills == ()
    assert len(read_levels(stream(500_000, 500_000, 640_000, 640_000), CAPACITY).refills) == 1


def test_a_swapped_container_is_one_refill_and_no_use() -> None:
    """While the old one is out the sensor says settling or unknown; the difference is what came in."""
    samples = [
        *[sample(n, 300_000) for n in range(20)],
        sample(20, None, good=False),
        sample(21, 90_000, good=False),
        *[sample(n, 2_000_000) for n in range(22, 26)],
    ]
    history = read_levels(samples, CAPACITY)
    assert (Refill(START + 22 * HOUR, 1_700_000, swapped=True),) == history.refills
    assert history.daily_use == (0,)
    assert history.level == 2_000_000


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-4_900, 4_900), min_size=25, max_size=60))
def test_noise_creates_neither_refill_nor_use(noise: list[int]) -> None:
    """Steps under half a percent of the container are not told from noise."""
    history = read_levels(stream(*[1_000_000 + n for n in noise]), CAPACITY)
    assert history.refills == ()
    assert {0} == set(history.daily_use)


@pytest.mark.parametrize(
    "breaking",
    [
        sample(3, None),
        sample(3, 200_000, good=False),
        sample(3, 2_500_001),
        sample(3, -1),
    ],
    ids=["unknown", "settling_or_late", "overfull", "negative"],
)
def test_a_reading_that_is_not_good_breaks_the_trailing_run(breaking: LevelSample) -> None:
    """Evidence is an unbroken run: only what came after counts."""
    before = [sample(n, 200_000) for n in range(3)]
    after = [sample(n, 200_000) for n in (4, 5)]
    assert (
        tuple((s.at, 200_000) for s in after) == read_levels([*before, breaking, *after], CAPACITY).trailing
    )
    assert read_levels([*before, breaking], CAPACITY).trailing == ()


def test_a_retained_copy_does_not_break_the_run_because_it_says_nothing() -> None:
    """It is left out before anything is looked at."""
    copy = sample(1, 5, retained=True)
    assert len(read_levels([sample(0, 200_000), copy, sample(2, 200_000)], CAPACITY).trailing) == 2


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(0, 40_000), min_size=1, max_size=10), st.integers(1, 4))
def test_daily_use_sums_to_the_falls(drops: list[int], days: int) -> None:
    """Over whole days nothing is lost and nothing invented, but half a unit of rounding per day."""
    span = timedelta(days=days)
    levels = [1_900_000]
    for drop in drops:
        levels.append(levels[-1] - drop)
    step = span / len(drops)
    samples = [LevelSample(START + n * step, "00000001", n, v, good=True) for n, v in enumerate(levels)]
    samples[-1] = replace(samples[-1], at=START + span)
    history = read_levels(samples, CAPACITY)
    anchor, falls = levels[0], 0
    for level in levels[1:]:  # a fall below the noise waits until it adds up
        if anchor - level >= CAPACITY * 0.005:
            falls, anchor = falls + anchor - level, level
    assert days == len(history.daily_use)
    assert abs(falls - sum(use or 0 for use in history.daily_use)) <= days / 2 + 1


def moments(*pairs: tuple[float, int]) -> list[LevelSample]:
    """Readings at given hours, in the order of their sequence."""
    return [LevelSample(START + h * HOUR, "0000000a", n, v, good=True) for n, (h, v) in enumerate(pairs)]


def test_a_fall_between_two_readings_of_the_same_moment_still_is_use() -> None:
    """Clocks have resolution; what was used does not vanish in it."""
    samples = moments((0, 1_000_000), (24, 900_000), (24, 800_000))
    assert read_levels(samples, CAPACITY).daily_use == (200_000,)


def test_a_clock_that_steps_back_loses_no_use() -> None:
    """The sequence says which reading is newer, the latest moment where the days are counted from."""
    samples = moments((0, 1_000_000), (24, 900_000), (23, 800_000))
    assert read_levels(samples, CAPACITY).daily_use == (200_000,)


def test_use_is_spread_over_the_time_in_which_it_happened_newest_day_first() -> None:
    """200 g fell over the two days before the last, nothing on the last."""
    at = [START, START + timedelta(days=2), START + timedelta(days=3)]
    levels = [1_000_000, 800_000, 800_000]
    samples = [
        LevelSample(t, "00000001", n, v, good=True) for n, (t, v) in enumerate(zip(at, levels, strict=True))
    ]
    assert read_levels(samples, CAPACITY).daily_use == (0, 100_000, 100_000)
    assert read_levels(samples, CAPACITY, days=2).daily_use == (0, 100_000)


def test_the_level_is_the_median_of_the_last_readings_that_agree() -> None:
    """One count of jitter does not show; a step does at once."""
    assert read_levels(stream(499_000, 500_000, 501_000), CAPACITY).level == 500_000
    assert read_levels(stream(500_000, 500_000, 300_000), CAPACITY).level == 300_000


def test_without_a_good_reading_nothing_is_known() -> None:
    """Unknown is not a number."""
    history = read_levels([sample(0, None), sample(1, 5, good=False)], CAPACITY)
    assert (history.level, history.as_of, history.points) == (None, None, ())


def test_the_age_is_that_of_the_newest_good_reading() -> None:
    """A later bad reading does not freshen what was known."""
    history = read_levels([sample(0, 700_000), sample(1, None)], CAPACITY)
    assert (history.level, history.as_of) == (700_000, START)


@settings(max_examples=60, deadline=None)
@given(streams())
def test_levels_and_refills_stay_within_what_a_container_can_hold(samples: list[LevelSample]) -> None:
    """Points and refills come from plausible readings only, in order."""
    history = read_levels(samples, CAPACITY)
    assert all(0 <= level <= CAPACITY * 1.25 for _, level in history.points)
    assert all(refill.amount >= CAPACITY * 0.07 for refill in history.refills)
    assert all(first.at <= second.at for first, second in pairwise(history.refills))
