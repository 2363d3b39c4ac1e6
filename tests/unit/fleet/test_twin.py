"""Desired and reported settings: revisions, merging, and what the page may say of them."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session

from replenish_server.fleet.tables import Twin
from replenish_server.fleet.twin import (
    Agreement,
    SlotAgreement,
    confirm_published,
    desired_document,
    record_report,
    slot_agreement,
    unpublished,
    want,
    want_threshold,
)
from replenish_server.ids import DeviceId
from tests.fakes.retailer_house import NOW, House

LEVEL = DeviceId("level-1")
LATER = NOW + timedelta(minutes=5)


def report(rev: int, threshold: Any = 400) -> dict[str, Any]:
    """What a device says is in force."""
    return {"v": 1, "rev": rev, "slots": {"main": {"threshold": threshold}}, "lim": []}


def twin(session: Session) -> Twin:
    """The level sensor's twin."""
    return session.get_one(Twin, LEVEL)


def test_a_wish_raises_the_revision_once(house: House) -> None:
    """The same wish again changes nothing, another one does."""
    with house.database.write() as session:
        for grams, rev in ((400, 1), (400, 1), (500, 2)):
            want_threshold(session, LEVEL, "main", grams, NOW)
            assert rev == twin(session).desired_rev


def test_wishes_merge(house: House) -> None:
    """A new threshold forgets no other setting."""
    with house.database.write() as session:
        want(session, LEVEL, {"cfg": {"report_s": 600}}, NOW)
        want_threshold(session, LEVEL, "main", 400, NOW)
        want(session, LEVEL, {"cfg": {"report_g": 10}}, LATER)
    with house.database.read() as session:
        found = desired_document(twin(session), LATER)
    assert {
        "v": 1,
        "rev": 3,
        "now": int(LATER.timestamp()),
        "cfg": {"report_s": 600, "report_g": 10},
        "slots": {"main": {"threshold": 400}},
    } == found


def test_the_page_follows_a_wish_from_pending_to_in_force_or_limited(house: House) -> None:
    """It never says more than the device has said."""
    with house.database.write() as session:
        assert SlotAgreement(Agreement.NOTHING_WANTED, None, None, None) == slot_agreement(
            twin(session), "main"
        )
        want_threshold(session, LEVEL, "main", 400, NOW)
        assert SlotAgreement(Agreement.PENDING, 400, None, NOW) == slot_agreement(twin(session), "main")
        assert record_report(session, LEVEL, report(1), LATER)
        assert SlotAgreement(Agreement.IN_FORCE, 400, 400, LATER) == slot_agreement(twin(session), "main")
        want_threshold(session, LEVEL, "main", 9000, LATER)
        assert SlotAgreement(Agreement.PENDING, 9000, 400, LATER) == slot_agreement(twin(session), "main")
        assert record_report(session, LEVEL, report(2, 2000), LATER)
        assert SlotAgreement(Agreement.LIMITED, 9000, 2000, LATER) == slot_agreement(twin(session), "main")


@pytest.mark.parametrize(
    "reported", [{}, {"slots": 7}, {"slots": {"main": 7}}, {"slots": {"main": {"threshold": "x"}}}]
)
def test_a_report_without_a_threshold_is_not_taken_for_agreement(
    house: House, reported: dict[str, Any]
) -> None:
    """Whatever a device writes, the page does not fall over it."""
    with house.database.write() as session:
        want_threshold(session, LEVEL, "main", 400, NOW)
        record_report(session, LEVEL, {"v": 1, "rev": 1} | reported, LATER)
        assert Agreement.LIMITED is slot_agreement(twin(session), "main").agreement


@pytest.mark.parametrize("rev", [0, 1, 3, None, "2", 2.0])
def test_a_stale_future_or_nameless_report_never_replaces_a_newer_one(house: House, rev: Any) -> None:
    """Only a revision that we have given out, and not an older one."""
    with house.database.write() as session:
        for grams in (300, 400):
            want_threshold(session, LEVEL, "main", grams, NOW)
        assert record_report(session, LEVEL, report(2), NOW)
        assert not record_report(session, LEVEL, report(0, 9) | {"rev": rev}, LATER)
        assert (2, report(2), NOW) == (
            twin(session).reported_rev,
            twin(session).reported,
            twin(session).reported_at,
        )


def test_a_report_of_the_same_revision_is_newer_health(house: House) -> None:
    """And a device that we do not know has no twin."""
    with house.database.write() as session:
        assert record_report(session, LEVEL, {"v": 1, "rev": 0, "h": {"bat": 3000}}, NOW)
        assert record_report(session, LEVEL, {"v": 1, "rev": 0, "h": {"bat": 2900}}, LATER)
        assert (twin(session).reported or {})["h"] == {"bat": 2900}
        assert not record_report(session, DeviceId("nobody"), report(0), NOW)


def test_what_the_broker_does_not_hold_yet_is_published_and_everything_after_a_reconnect(
    house: House,
) -> None:
    """A device that was never told anything has no document."""
    with house.database.write() as session:
        want_threshold(session, LEVEL, "main", 400, NOW)
        assert [LEVEL] == [found.device_id for found in unpublished(session, everything=False)]
        confirm_published(session, LEVEL, 1)
        confirm_published(session, LEVEL, 0)
        assert [] == unpublished(session, everything=False)
        assert [LEVEL] == [found.device_id for found in unpublished(session, everything=True)]
