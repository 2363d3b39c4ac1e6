"""How well `read_levels` reads a simulated household, scenario by scenario."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from replenish_server.inventory import read_levels
from tests.support.containers import CAPACITY, DAY, HOUR, World, as_they_arrive, matched, reported, simulate

_LOOK_EVERY = timedelta(days=6, hours=5)  # the level is asked for at all times of the day


@dataclass(frozen=True)
class Scenario:
    """One kind of trouble.

    Args:
        name: for the table.
        world: arguments of `simulate`.
        battery: whether only what a battery device would send arrives.
        within: how late an event may be seen.
    """

    name: str
    world: dict[str, Any]
    battery: bool = False
    within: timedelta = 3 * HOUR


SCENARIOS = (
    Scenario("noise x1", {}),
    Scenario("noise x2", {"noise": 2}),
    Scenario("noise x4", {"noise": 4}),
    Scenario("half-hourly", {"step": HOUR / 2}),
    Scenario("no lifts, no outliers", {"days_between_lifts": None, "outliers": 0}),
    Scenario("swing x5", {"swing": 5}),
    Scenario("creep up", {"creep_share_per_day": 0.002}),
    Scenario("creep down", {"creep_share_per_day": -0.0008}),
    Scenario("vibration", {"vibration_hours": 2.5}),
    Scenario("lifted daily", {"days_between_lifts": 1.0}),
    Scenario("swaps only", {"refill_kinds": ("swap",)}),
    Scenario("partial refills only", {"refill_kinds": ("part",)}),
    Scenario("small doses", {"dose_share": 0.008, "doses_per_day": 5}),
    Scenario("slow use", {"dose_share": 0.01, "doses_per_day": 0.3}),
    Scenario("nobody at home", {"doses_per_day": 0}),
    Scenario("every 3 hours, x2", {"noise": 2, "step": 3 * HOUR}, within=6 * HOUR),
    Scenario("every 8 hours, x2", {"noise": 2, "step": 8 * HOUR}, within=16 * HOUR),
    Scenario("battery", {"step": HOUR / 2, "swing": 0.5, "noise": 0.5, "outliers": 0.0}, battery=True),
    Scenario("battery, x2", {"step": HOUR / 2, "noise": 2, "outliers": 0.0}, battery=True),
)


@dataclass(frozen=True)
class Score:
    """What came out over all households of a scenario.

    Args:
        refills: true refills; those that no later reading could confirm yet are left out.
        found_refills: of them.
        false_per_100_days: refills that nobody made.
        doses: true doses.
        found_doses: of them.
        use_error: (seen / true use - 1), over all; None without use.
        worst_use_error: of the household that was read worst; None without use.
        phantom_share_per_100_days: use seen where nobody used anything, in shares of the container.
        level_error_p95: 95 % quantile of the error of the level, as a share of the container.
        worst_level_error: likewise the largest.
        order_changed: households of which another order of arrival gave another state.
    """

    refills: int
    found_refills: int
    false_per_100_days: float
    doses: int
    found_doses: int
    use_error: float | None
    worst_use_error: float | None
    phantom_share_per_100_days: float
    level_error_p95: float
    worst_level_error: float
    order_changed: int


def score(scenario: Scenario, seeds: Iterable[int]) -> Score:
    """Read each seed's household and compare with what really happened."""
    worlds = [(seed, simulate(seed, **scenario.world)) for seed in seeds]
    read = [_read(scenario, seed, world) for seed, world in worlds]
    for _, world in worlds:
        world.refills = [
            event for event in world.refills if event[0] <= world.samples[-1].at - scenario.within
        ]
    days = sum((world.samples[-1].at - world.samples[0].at) / DAY for _, world in worlds)
    used = [sum(amount for _, amount in world.doses) for _, world in worlds]
    seen = [r.used for r in read]
    level_errors = sorted(error for r in read for error in r.level_errors)
    any_use = sum(used) > 0
    return Score(
        refills=sum(r.refills for r in read),
        found_refills=sum(r.found_refills for r in read),
        false_per_100_days=100 * sum(r.false_refills for r in read) / days,
        doses=sum(len(world.doses) for _, world in worlds),
        found_doses=sum(r.found_doses for r in read),
        use_error=sum(seen) / sum(used) - 1 if any_use else None,
        worst_use_error=max((s / u - 1 for s, u in zip(seen, used, strict=True)), key=abs)
        if any_use
        else None,
        phantom_share_per_100_days=0.0 if any_use else 100 * sum(seen) / CAPACITY / days,
        level_error_p95=level_errors[int(0.95 * (len(level_errors) - 1))],
        worst_level_error=level_errors[-1],
        order_changed=sum(r.order_changed for r in read),
    )


@dataclass(frozen=True)
class _Read:
    refills: int
    found_refills: int
    false_refills: int
    found_doses: int
    used: int
    level_errors: list[float]
    order_changed: bool


def _read(scenario: Scenario, seed: int, world: World) -> _Read:
    samples = reported(world.samples) if scenario.battery else world.samples
    history = read_levels(samples, CAPACITY)
    seen = [(r.at, r.amount) for r in history.refills]
    _, false = matched(world.refills, seen, scenario.within)
    confirmable = [(at, amount) for at, amount in world.refills if at < samples[-1].at - scenario.within]
    found, _ = matched(confirmable, seen, scenario.within)
    doses, _ = matched(world.doses, [(use.at, use.amount) for use in history.uses], scenario.within)
    arrived = as_they_arrive(samples, Random(seed))
    return _Read(
        refills=len(confirmable),
        found_refills=found,
        false_refills=false,
        found_doses=doses,
        used=sum(use.amount for use in history.uses),
        level_errors=list(_level_errors(samples, world)),
        order_changed=read_levels(arrived, CAPACITY) != history,
    )


def _level_errors(samples: list[Any], world: World) -> Iterable[float]:
    """The level as it would have been shown at some moments, against what was there."""
    moment = samples[0].at + _LOOK_EVERY
    while moment <= samples[-1].at:
        shown = read_levels([s for s in samples if s.at <= moment], CAPACITY)
        true = [level for at, level in world.levels if at <= moment][-1]
        if shown.level is not None:
            yield abs(shown.level - true) / CAPACITY
        moment += _LOOK_EVERY
