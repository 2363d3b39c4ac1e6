"""Looking back from a reading finds what going back one by one finds, and does not look at each again."""

from collections.abc import Callable
from datetime import timedelta
from itertools import accumulate
from typing import SupportsIndex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replenish_server.inventory.lookback import Lowest, Moments
from replenish_server.inventory.steps import Point, find_steps
from tests.support.containers import CAPACITY, START

DAY_S = 86_400
FLOOD = 2000


class Counted(list[Point]):
    """Points that count how often one is looked at."""

    looks = 0

    def __getitem__(self, place: SupportsIndex) -> Point:  # type: ignore[override]
        self.looks += 1
        return super().__getitem__(place)


@given(st.lists(st.tuples(st.integers(-300, 900), st.integers(0, 20)), min_size=1, max_size=60), st.data())
def test_it_finds_what_going_back_finds(steps: list[tuple[int, int]], data: st.DataObject) -> None:
    """At every place, for any moment and any place to begin at; the clock steps back now and then."""
    moments, lowest = Moments(), Lowest()
    times = [START + timedelta(seconds=at) for at in accumulate(step for step, _ in steps)]
    levels = [level for _, level in steps]
    for place, (at, level) in enumerate(zip(times, levels, strict=True)):
        moments.add(place, at)
        lowest.add(place, level)
        asked = data.draw(st.sampled_from(times))
        assert max((k for k in range(place + 1) if times[k] <= asked), default=-1) == moments.newest_until(
            asked
        )
        begin = data.draw(st.integers(0, place))
        low, last = min((levels[k], -k) for k in range(begin, place + 1))
        assert (-last, low) == lowest.since(begin)


@pytest.mark.parametrize(
    "percent",
    [
        lambda _: 80,
        lambda i: 50 if i < 10 else 54,
        lambda i: (40, 80)[i % 2],
        lambda i: 100 - i % 60,
        lambda i: 100 - i * 90 // FLOOD,
        lambda i: (50, 52, 51, 54, 50)[i % 5],
    ],
    ids=["flat", "a little higher", "to and fro", "saw", "falling", "noise"],
)
def test_a_flood_costs_each_reading_some_looks_and_not_one_at_all_before_it(
    percent: Callable[[int], int],
) -> None:
    """One day apart at first, so that both look back: to the last hours and to the last day."""
    points = Counted(
        Point(
            START + timedelta(seconds=DAY_S * (i > 4), milliseconds=i),
            percent(i) * CAPACITY // 100,
        )
        for i in range(FLOOD)
    )
    find_steps(points, CAPACITY)
    assert 0 < points.looks < 30 * FLOOD
