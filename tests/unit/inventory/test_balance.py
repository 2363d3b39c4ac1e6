"""Level and counted use weighed against each other: sixty homes, and how much of a number is known."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from replenish_server.inventory import LevelSample, read_levels
from replenish_server.inventory.balance import Finding, known_share, weigh
from replenish_server.inventory.totals import TotalSample, read_totals

START = datetime(2026, 3, 1, tzinfo=UTC)
CAPACITY = 2_000_000
HOUR = timedelta(hours=1)
DAYS = 16


def home(seed: int, *, creep: float = 0.0, leak: float = 0.0, stuck: bool = False) -> Finding:
    """What is found in a home with a noisy scale and a dose counter, of which one may be ill.

    Args:
        seed: doses, noise and refills come from here.
        creep: share of the container by which the scale moves each day.
        leak: share of the container that is lost each day without being counted.
        stuck: whether the scale shows the same level for the last week.
    """
    chance = random.Random(seed)
    level, total, levels, totals = 0.95, 0, [], []
    shown = level
    for n in range(DAYS * 24):
        at = START + n * HOUR
        level -= leak / 24
        if 7 <= at.hour < 22 and chance.random() < 0.1:
            dose = 0.03 * chance.uniform(0.7, 1.3)
            level, total = level - dose, total + round(dose * CAPACITY)
        if level < 0.15:
            level += 0.8
        if not stuck or n < (DAYS - 7) * 24:
            shown = level + creep * n / 24
        seen = max(0, round((shown + chance.gauss(0, 0.003)) * CAPACITY))
        levels.append(LevelSample(at, "0000000a", 2 * n + 1, seen, good=True))
        totals.append(TotalSample(at, "0000000a", 2 * n, total, good=True))
    return weigh(read_levels(levels, CAPACITY), read_totals(totals, (), CAPACITY), CAPACITY).finding


@pytest.mark.parametrize("seed", range(20))
def test_what_is_well_is_balanced_and_what_is_ill_is_found(seed: int) -> None:
    """Healthy, leaking and stuck in each home: sixty findings."""
    assert home(seed) is Finding.BALANCED
    assert home(seed, leak=0.08) is Finding.LEAKING
    assert home(seed, stuck=True) is Finding.NOT_FOLLOWING


def test_a_sensor_that_creeps_a_little_every_day_drifts() -> None:
    """Two percent a day are less than a leak, and always of one sign; found in nine homes of ten."""
    found = [home(seed, creep=-0.02) for seed in range(10)]
    assert sum(finding in (Finding.DRIFTING, Finding.LEAKING) for finding in found) >= 9


def test_two_days_say_nothing() -> None:
    """Unknown is a finding, too."""
    levels = [LevelSample(START + n * HOUR, "a", n, 1_000_000, good=True) for n in range(48)]
    totals = [TotalSample(START + n * HOUR, "a", n, 0, good=True) for n in range(48)]
    found = weigh(read_levels(levels, CAPACITY), read_totals(totals, (), CAPACITY), CAPACITY)
    assert (found.finding, found.difference_per_day) == (Finding.UNKNOWN, None)


def reading(hours_ago: float, *, good: bool = True) -> LevelSample:
    """One reading of a week that ends after seven days."""
    n = round(hours_ago * 10)
    return LevelSample(START + timedelta(days=7, hours=-hours_ago), "a", n, 900_000, good=good)


@pytest.mark.parametrize(
    ("samples", "share"),
    [
        ([reading(1 + 24 * day) for day in range(7)], 1.0),
        ([reading(1 + 24 * day) for day in range(7) if day % 2 == 0], 4 / 7),
        ([reading(1 + 12 * half, good=half % 2 == 0) for half in range(14)], 0.5),
        ([reading(1, good=False)], 0.0),
        ([], 0.0),
    ],
)
def test_how_much_of_the_last_week_is_known(samples: list[LevelSample], share: float) -> None:
    """Days covered, times freshness, times the share of good readings."""
    assert known_share(samples + samples, START + timedelta(days=7)).share == pytest.approx(share)


def test_what_is_known_fades_with_silence() -> None:
    """Nothing of it is left after a week."""
    samples = [reading(1 + 24 * day) for day in range(7)]
    later = [known_share(samples, START + timedelta(days=7 + days)).share for days in range(9)]
    assert later == sorted(later, reverse=True)
    assert later[-1] == 0
