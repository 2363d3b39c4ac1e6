"""The sandbox shop as an independent checker sees it: no MUST is violated, nothing hides as "not tested"."""

import pytest

from tests.support.grading import grade

# At least so many checks were exercised and passed when the shop was last graded by hand.
FLOORS = {"2026-04-08": 114}
# What the checker cannot tell: its own probe changes the currency to EUR, which is what the shop charges in.
BLIND = {"checkout.deterministic_logic: clean-pass", "signals.attribution_no_effect: clean-pass"}


@pytest.mark.parametrize("release", sorted(FLOORS))
def test_no_requirement_of_a_release_is_violated(release):
    found = grade(release)
    assert found.release == release
    assert found.deviated == {}
    assert set(found.inconclusive) <= BLIND
    assert len(found.passed) >= FLOORS[release], sorted(found.untested)
