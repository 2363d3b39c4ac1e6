"""The sandbox shop as an independent checker sees it: no MUST is violated, nothing hides as "not tested"."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.grading import WITHOUT_AP2, Grade, grade, grade_ap2

pytestmark = pytest.mark.timeout(600)  # three shops and three checkers, on whatever else the machine does

# At least so many checks were exercised and passed when the shop was last graded by hand.
FLOORS = {"2026-01-23": 54, "2026-04-08": 151, "2026-08-25": 41, "2026-04-08 with AP2": 129}
# What the checker cannot tell here, with the reason (docs/sandbox-retailer.md).
BLIND = {
    # Its probe changes the currency to EUR, which is what the shop charges in.
    *("checkout.deterministic_logic", "checkout.deterministic_logic_01era", "signals.attribution_no_effect"),
    # The wheel lacks a file that these two read.
    *("webhook.signed_detached_jws", "webhook.retry_failed_delivery_01"),
    # Its platform speaks 2026-04-08, so it is answered in that release.
    *("negotiation.intersection_disjoint_01era", "negotiation.orphan_extension_excluded_01era"),
}


@pytest.fixture(scope="module")
def grades() -> dict[str, Grade]:
    """All releases at once: a grading is mostly waiting."""
    with ThreadPoolExecutor(len(FLOORS)) as pool:
        return dict(zip(FLOORS, pool.map(_graded, FLOORS), strict=True))


def _graded(name: str) -> Grade:
    return grade_ap2() if name.endswith("AP2") else grade(name, *WITHOUT_AP2)


@pytest.mark.parametrize("release", FLOORS)
def test_no_requirement_of_a_release_is_violated(grades, release):
    found = grades[release]
    assert found.release == release.split()[0]
    assert found.deviated == {}
    assert {line.partition(":")[0] for line in found.inconclusive} <= BLIND
    assert len(found.passed) >= FLOORS[release], sorted(found.untested)
