"""A device that is not heard as it promised: told once, and again only after it was back."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, select

from replenish_server.fleet.presence import due_by, notice_silence
from replenish_server.fleet.tables import Device, Twin
from replenish_server.fleet.twin import record_report
from replenish_server.households.tables import HouseholdNotice
from replenish_server.ids import DeviceId
from tests.fakes.retailer_house import NOW, House

DEVICE = DeviceId("level-1")
HOUR = timedelta(hours=1)


def told(session: Session) -> int:
    """How often the household was told of silence."""
    return len(session.exec(select(HouseholdNotice).where(HouseholdNotice.kind == "device_silent")).all())


def test_a_promise_is_kept_twice_before_it_counts_as_broken() -> None:
    """What is no promise counts as a day; a will counts after an hour, and only if nothing came since."""
    assert due_by(NOW, 600, None) == NOW + timedelta(seconds=1200) + HOUR
    for nonsense in (None, "600", -1, 0, 2.5):
        assert due_by(NOW, nonsense, None) == NOW + timedelta(days=2) + HOUR
    assert due_by(NOW, 10**12, None) == NOW + timedelta(days=62) + HOUR
    assert due_by(NOW, 600, NOW + timedelta(minutes=1)) == NOW + timedelta(minutes=1) + HOUR
    assert due_by(NOW, 600, NOW - timedelta(minutes=1)) == NOW + timedelta(seconds=1200) + HOUR


@given(
    promised=st.one_of(st.integers(), st.text(), st.none()), gone_s=st.none() | st.integers(-(10**6), 10**6)
)
def test_nobody_is_missed_within_an_hour(promised: object, gone_s: int | None) -> None:
    """So a look at a fleet leaves out whoever was heard within it."""
    gone_at = None if gone_s is None else NOW + timedelta(seconds=gone_s)
    assert due_by(NOW, promised, gone_at) >= NOW + HOUR


def test_silence_is_told_once_and_again_only_after_it_ended(house: House) -> None:
    """A device still in its box is not missed, and neither is one that was revoked."""
    with house.database.write() as session:
        for device in session.exec(select(Device)):
            device.last_seen_at = NOW if device.id == DEVICE else None
        session.get_one(Twin, DEVICE).reported = {"v": 1, "rev": 0, "next": 3600}
        assert notice_silence(session, NOW + 2 * HOUR) == 0
        late = NOW + 4 * HOUR
        assert [1, 0, 0] == [notice_silence(session, late + minutes * HOUR / 60) for minutes in range(3)]
        assert told(session) == 1
        session.get_one(Device, DEVICE).last_seen_at = late
        assert (1, None) == (notice_silence(session, late), session.get_one(Device, DEVICE).silent_at)
        assert notice_silence(session, late + 4 * HOUR) == 1
        assert told(session) == 2
        session.get_one(Device, DEVICE).silent_at = None
        session.get_one(Device, DEVICE).revoked_at = late
        assert notice_silence(session, late + 9 * HOUR) == 0


def test_the_brokers_word_that_a_device_is_gone_shortens_the_wait(house: House) -> None:
    """And it leaves what the device reported as it is."""
    with house.database.write() as session:
        session.get_one(Device, DEVICE).last_seen_at = NOW
        before = session.get_one(Twin, DEVICE).reported_rev
        assert record_report(session, DEVICE, {"v": 1, "gone": 1}, NOW + HOUR / 60)
        assert notice_silence(session, NOW + HOUR) == 0
        assert notice_silence(session, NOW + 2 * HOUR) == 1
        assert session.get_one(Twin, DEVICE).reported_rev == before
