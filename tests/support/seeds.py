"""Seeds of the random schedules: the same in every run, or the one that REPLENISH_SEED asks to see again."""

import os

from hypothesis import HealthCheck, settings

LAWFUL = settings(
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
"""How a law is searched for what breaks it: the same cases in every run, each in a house of its own."""

BASE_SEED = 20261124
_IN_THE_SUITE = 20  # the whole suite must stay short on two cores; `make laws` runs 50


def schedules() -> int:
    """How many schedules a law that kills processes runs: REPLENISH_SCHEDULES, or what there is time for."""
    return int(os.environ.get("REPLENISH_SCHEDULES", _IN_THE_SUITE))


def seeds(first: int, count: int) -> list[int]:
    """The seeds of one law; only the wanted one when REPLENISH_SEED names it.

    Args:
        first: keeps the laws apart.
        count: how many schedules the law runs.
    """
    replay = os.environ.get("REPLENISH_SEED")
    return [int(replay)] if replay else [BASE_SEED + first + number for number in range(count)]


def in_groups(wanted: list[int]) -> list[list[int]]:
    """Five schedules live in the house at the same time: the waiting is shared, and so are the deaths."""
    return [wanted[at : at + 5] for at in range(0, len(wanted), 5)]


def name(group: list[int]) -> str:
    """The seeds in a test's name."""
    return f"{group[0]}-{group[-1]}"
