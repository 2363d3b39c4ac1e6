"""The kept state of a slot: a function of the set of readings, however they came and were split."""

import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenish_server.inventory.absence import absent_readings
from replenish_server.inventory.grid import BIN, BINS, LevelGrid, bin_at, bin_start
from replenish_server.inventory.levels import LevelSample
from replenish_server.inventory.shares import fleet_shares, visible_shares

CAPACITY = 2_000_000
END = datetime(2026, 6, 1, 13, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@st.composite
def readings(draw: st.DrawFn) -> list[LevelSample]:
    """Readings of two boots over 100 days, many of them in the same quarter-days."""
    made = draw(
        st.lists(
            st.tuples(
                st.one_of(st.integers(0, 144_000), st.integers(0, 3000)),  # minutes before the end
                st.sampled_from(["00000001", "ffffffff"]),
                st.one_of(st.none(), st.integers(-5, int(CAPACITY * 1.3)), st.integers(0, 30_000)),
                st.booleans(),
                st.integers(0, 9),
            ),
            max_size=60,
        )
    )
    return [
        LevelSample(END - ago * MINUTE, boot, seq, level, good, retained=chance == 0)
        for seq, (ago, boot, level, good, chance) in enumerate(made)
    ]


@settings(max_examples=200, deadline=None)
@given(readings(), st.randoms(use_true_random=False), st.integers(1, 6))
def test_any_order_repetition_and_split_gives_the_grid_built_at_once(
    samples: list[LevelSample], chance: random.Random, batches: int
) -> None:
    """Each batch reads again only the quarter-days that it touches, from all readings stored so far."""
    whole = LevelGrid.of_samples(samples, CAPACITY, END)
    arriving = samples + [s for s in samples if chance.random() < 0.4]
    chance.shuffle(arriving)
    grid = LevelGrid.empty(END - timedelta(days=chance.choice([0, 1, 50, 200])))
    stored: set[LevelSample] = set()
    for n in range(batches):
        batch = arriving[n::batches]
        stored |= set(batch)
        touched = {bin_at(s.at) for s in batch}
        of_bins = [s for s in stored if bin_at(s.at) in touched]
        chance.shuffle(of_bins)
        grid = LevelGrid.decode(grid.encode()).with_bins(of_bins, CAPACITY, touched)
    assert whole == grid.moved_to(END)


@settings(max_examples=100, deadline=None)
@given(readings(), st.integers(0, 400 * 1440))
def test_moving_the_window_is_the_same_as_having_read_up_to_there(
    samples: list[LevelSample], minutes: int
) -> None:
    """Old quarter-days leave, unknown ones come."""
    later = END + minutes * MINUTE
    moved = LevelGrid.of_samples(samples, CAPACITY, END).moved_to(later)
    assert LevelGrid.of_samples(samples, CAPACITY, later) == moved
    assert moved == moved.moved_to(END)


@settings(max_examples=100, deadline=None)
@given(readings())
def test_what_is_encoded_is_small_and_comes_back(samples: list[LevelSample]) -> None:
    """One row per slot, for a fleet."""
    grid = LevelGrid.of_samples(samples, CAPACITY, END)
    assert len(grid.encode()) <= 700
    assert grid == LevelGrid.decode(grid.encode())


@pytest.mark.parametrize("encoded", [b"", b"\x01" * 676, b"\x02" + bytes(676)])
def test_bytes_of_another_form_are_refused(encoded: bytes) -> None:
    """The caller then builds the grid anew."""
    with pytest.raises(ValueError, match="no level grid"):
        LevelGrid.decode(encoded)


def test_a_quarter_day_keeps_its_last_good_plausible_level() -> None:
    """Settling, unknown, overfull and retained readings do not replace what was known."""
    at = bin_start(bin_at(END))
    samples = [
        LevelSample(at, "a", 1, 1_000_000, good=True),
        LevelSample(at + 2 * MINUTE, "a", 3, 800_000, good=True),
        LevelSample(at + MINUTE, "a", 2, 900_000, good=True),
        LevelSample(at + 3 * MINUTE, "a", 4, 500_000, good=False),
        LevelSample(at + 4 * MINUTE, "a", 5, None, good=True),
        LevelSample(at + 5 * MINUTE, "a", 6, 2_500_001, good=True),
        LevelSample(at + 6 * MINUTE, "a", 7, 100_000, good=True, retained=True),
    ]
    (shares,) = fleet_shares([LevelGrid.of_samples(samples, CAPACITY, END)], END)
    assert shares.dtype == np.float32
    assert np.isfinite(shares).sum() == 1
    assert shares[-1] == np.float32(0.4)


@pytest.mark.parametrize("odd", [0, 1_200_000, 2_000_000])
def test_a_last_reading_that_leaps_away_does_not_stand_for_the_quarter_day(odd: int) -> None:
    """A hand on the scale at its end; the hour before says what was there."""
    at = bin_start(bin_at(END))
    levels = [800_000, 801_000, odd]
    samples = [LevelSample(at + 30 * n * MINUTE, "a", n, v, good=True) for n, v in enumerate(levels)]
    share = fleet_shares([LevelGrid.of_samples(samples, CAPACITY, END)], END)[0, -1]
    assert share == pytest.approx(0.4, abs=0.001)


def test_a_reading_exactly_at_a_border_belongs_to_the_quarter_day_that_begins() -> None:
    """Borders are 00, 06, 12 and 18 o'clock UTC."""
    assert bin_start(bin_at(END)) == datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert bin_at(bin_start(7)) == 7
    assert bin_at(bin_start(7) - timedelta(microseconds=1)) == 6


def grid_of(*levels: int | None) -> LevelGrid:
    """One level in each of the newest quarter-days, percent of the container."""
    start = bin_at(END) - len(levels) + 1
    samples = [
        LevelSample(bin_start(start + n), "a", n, level * CAPACITY // 100, good=True)
        for n, level in enumerate(levels)
        if level is not None
    ]
    return LevelGrid.of_samples(samples, CAPACITY, END)


@pytest.mark.parametrize(
    ("levels", "unknown"),
    [
        ((40, 0, 0, 0), 3),  # lifted, and not back yet
        ((40, 0, 0, 0, 40), 3),
        ((40, 0, 0, 0, 0, 100), 4),
        ((40, 0, 0, 0, 0, 0), 0),  # empty for a whole day: it is so
        ((40, 0, None, None, None, 0), 3),
        ((40, None, 0), 2),
        ((10, 0, 0), 0),  # what was nearly empty may well be empty
        ((0, 0), 0),  # nothing is known to have been there
        ((40, 2, 40), 0),  # a little is not nothing
        ((40, 0, 10, 0, 0), 1),
    ],
)
def test_a_lifted_container_is_unknown_until_a_whole_day_says_empty(
    levels: tuple[int | None, ...], unknown: int
) -> None:
    """Absence is not zero."""
    shares = fleet_shares([grid_of(*levels)], END)[0, -len(levels) :]
    assert np.isnan(shares).sum() == unknown


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([-1, -1, 0, 150, 151, 1500, 1501, 9000]), min_size=1, max_size=40))
def test_a_fleet_and_a_single_slot_agree_on_what_is_lifted(bins: list[int]) -> None:
    """One reading per quarter-day: the rule over bins is the rule over moments."""
    shares = visible_shares(np.array([bins, bins[::-1]], np.int16))
    for row, order in zip(shares, (bins, bins[::-1]), strict=True):
        known = [(i, level) for i, level in enumerate(order) if level >= 0]
        absent = absent_readings([(END + i * BIN, level) for i, level in known])
        expected = [np.nan] * len(order)
        for (i, level), gone in zip(known, absent, strict=True):
            expected[i] = np.nan if gone else level / 10_000
        assert np.allclose(row, expected, equal_nan=True)


def test_a_fleet_is_read_at_one_moment() -> None:
    """Grids that end earlier are moved."""
    early = LevelGrid.of_samples([LevelSample(END - BIN, "a", 1, 500_000, good=True)], CAPACITY, END - BIN)
    late = LevelGrid.of_samples([LevelSample(END, "a", 1, 500_000, good=True)], CAPACITY, END)
    shares = fleet_shares([early, late], END)
    assert shares.shape == (2, BINS)
    assert np.argwhere(np.isfinite(shares)).tolist() == [[0, BINS - 2], [1, BINS - 1]]
