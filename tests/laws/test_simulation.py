"""Twenty thousand lives of orders, and a dozen mistakes in the design that are all found.

Each seed is a household with two slots, a budget, a person, workers that die or sleep at any tick, and a shop
that loses, delays and forgets. A mutant that no seed finds fails the test: the laws would not be worth much.
"""

import time
from dataclasses import fields

import pytest

from tests.support.order_laws import check_laws
from tests.support.order_rows import Design, Violation
from tests.support.order_world import OrderWorld
from tests.support.seeds import BASE_SEED

pytestmark = [pytest.mark.law, pytest.mark.timeout(300)]

SEEDS = 20_000
GROUPS = 8
THINGS = 14
MOST_SEEDS_FOR_A_MUTANT = 6_000
MUTANTS = [field.name for field in fields(Design)]


def live(seed: int, design: Design) -> OrderWorld:
    """One life, and the laws at its end."""
    world = OrderWorld(seed, design)
    world.press()
    world.evaluate_calmly()
    world.live(THINGS)
    world.settle()
    check_laws(world)
    return world


@pytest.mark.parametrize("group", range(GROUPS))
def test_the_design_breaks_no_law(group: int) -> None:
    """The very rules of the server; replay a seed with REPLENISH_SEED."""
    started, orders, made, ticks = time.monotonic(), 0, 0, 0
    for n in range(group, SEEDS, GROUPS):
        seed = BASE_SEED + n
        try:
            world = live(seed, Design())
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        orders, made, ticks = orders + len(world.orders), made + len(world.shop.made), ticks + world.ticks
    took_s = time.monotonic() - started
    print(f"{SEEDS // GROUPS} lives, {orders} orders, {made} bought, {ticks} ticks, {took_s:.1f} s")
    assert orders > SEEDS // GROUPS
    assert made > SEEDS // GROUPS // 2


@pytest.mark.parametrize("mistake", MUTANTS)
def test_every_planted_mistake_is_found(mistake: str) -> None:
    """By one seed at least."""
    design = Design(**{mistake: False})
    for n in range(MOST_SEEDS_FOR_A_MUTANT):
        try:
            live(BASE_SEED + n, design)
        except Violation as found:
            print(f"{mistake}: found by seed {BASE_SEED + n} after {n + 1} lives: {found}")
            return
    pytest.fail(f"the mutant without {mistake} survives {MOST_SEEDS_FOR_A_MUTANT} lives")


def test_there_are_nine_mistakes_at_least() -> None:
    """As many as the design was tried with on paper."""
    assert len(MUTANTS) >= 9
