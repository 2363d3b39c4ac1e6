"""The battery model's sums, and that each of its numbers says where it comes from."""

from dataclasses import replace

from tests.benchmarks.battery import ASSUMPTIONS, ESTIMATED, PUBLISHED, Day

DAY = Day(wakes=10, talks=2, presses=1, bursts=0, quiet_s=1, talking_s=2)


def test_a_day_adds_up() -> None:
    assert round(DAY.awake_s(), 3) == round(1 + 2 + 10 * 0.17 + 1 * 2.0 + 2 * (1.626 + 0.3), 3)
    charge = 10 * 10.2 + 1 * 69 + 2 * 204 + (2 + 2 * 0.3 + 2.0) * 95
    assert round(DAY.charge_mc(), 3) == round(charge, 3)
    assert round(DAY.mah(), 6) == round(charge / 3600 + 24 * 0.012, 6)


def test_what_does_nothing_lives_on_its_sleep_and_more_of_anything_costs() -> None:
    idle = Day(0, 0, 0, 0, 0, 0)
    assert 11 < idle.years() < 1700 / (24 * 0.012) / 365
    for field in ("wakes", "talks", "presses", "bursts", "quiet_s", "talking_s"):
        assert replace(DAY, **{field: getattr(DAY, field) + 5}).years() < DAY.years()


def test_an_address_of_its_own_saves_what_was_published() -> None:
    reserved = replace(DAY, reserved=True)
    assert round(DAY.awake_s() - reserved.awake_s(), 3) == round(2 * (1.626 - 0.734), 3)
    assert round(DAY.charge_mc() - reserved.charge_mc(), 3) == 2 * (204 - 100)
    assert reserved.years() > DAY.years()


def test_every_number_has_a_source_and_says_that_no_board_confirmed_it() -> None:
    assert {known.mark for known in ASSUMPTIONS.values()} <= {PUBLISHED, ESTIMATED}
    assert all(known.source and known.unit for known in ASSUMPTIONS.values())
