"""Rollouts in the database: waves, halts, pauses, ends; and what an offer's address opens when."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from replenish_server.fleet.credentials import revoke_device
from replenish_server.fleet.images import (
    FirmwareRefused,
    add_image,
    drop_bytes,
    find_image,
    remove_image,
)
from replenish_server.fleet.offers import image_behind
from replenish_server.fleet.rollout_keeper import RolloutKeeper
from replenish_server.fleet.rollouts import Terms, abort_rollout, pause_rollout, resume_rollout, start_rollout
from replenish_server.fleet.signing import SigningKeys, sign_image
from replenish_server.fleet.tables import Device, Twin
from replenish_server.fleet.twin import desired_document
from replenish_server.telemetry.hellos import versions_heard
from tests.fakes.retailer_house import NOW, House
from tests.support.firmware_fleet import IMAGE, FirmwareFleet


@pytest.fixture
def fleet(house: House, tmp_path: Path) -> FirmwareFleet:
    """Ten devices."""
    return FirmwareFleet(house, tmp_path / "images", 10)


def test_waves_go_out_one_after_the_other_until_all_have_it(fleet: FirmwareFleet) -> None:
    """One, four more, all; each only after the soak of the one before, and no offer stays behind."""
    rollout_id = fleet.start(steps=("1", "50%"), soak_minutes=30, first=["d-7"])
    assert fleet.offered() == fleet.wave(rollout_id, 0) == ["d-7"]
    fleet.prove("d-7")
    assert fleet.offered() == []
    fleet.after(minutes=29)
    assert fleet.offered() == []
    fleet.after(minutes=1)
    assert fleet.offered() == fleet.wave(rollout_id, 1)
    assert len(fleet.offered()) == 4
    fleet.prove(*fleet.wave(rollout_id, 1))
    fleet.after(minutes=31)
    fleet.prove(*fleet.wave(rollout_id, 2))
    assert fleet.rollout(rollout_id).state == "running"
    fleet.after(minutes=31)
    assert fleet.rollout(rollout_id).state == "finished"
    assert {row.state for row in fleet.rows(rollout_id).values()} == {"proven"}
    assert fleet.offered() == []


def test_the_manifest_is_in_the_desired_document_and_leaves_it(fleet: FirmwareFleet) -> None:
    """With a revision of its own each time, and settings untouched."""
    with fleet.database.read() as session:
        before = session.get_one(Twin, "d-0").desired_rev
    rollout_id = fleet.start(steps=("1",), first=["d-0"])
    with fleet.database.read() as session:
        twin = session.get_one(Twin, "d-0")
        document = desired_document(twin, NOW)
    token = fleet.rows(rollout_id)["d-0"].token
    assert (12, "0.12", 8443, f"/firmware/v1/{token}") == tuple(
        document["fw"][name] for name in ("seq", "ver", "port", "path")
    )
    assert (twin.desired_rev, document["slots"]) == (before + 1, {})
    fleet.prove("d-0")
    with fleet.database.read() as session:
        assert "fw" not in desired_document(session.get_one(Twin, "d-0"), NOW)


def test_one_failure_in_a_hundredth_halts_it_and_takes_the_rest_back(fleet: FirmwareFleet) -> None:
    """A bad image reaches the first wave only; going on needs a person who accepts that."""
    rollout_id = fleet.start(steps=("30%",), soak_minutes=0)
    bad, *others = fleet.wave(rollout_id, 0)
    fleet.say(others[0], 11, "installed")
    fleet.say(bad, 11, "installed")
    fleet.say(bad, 11, "rolled_back", why="boots")
    rollout = fleet.rollout(rollout_id)
    assert ("halted", "1 of 3 devices failed; it halts at 2 %") == (rollout.state, rollout.why)
    rows = fleet.rows(rollout_id)
    assert ("rolled_back", "boots") == (rows[bad].state, rows[bad].why)
    assert (rows[others[0]].state, rows[others[1]].state) == (
        "installed",
        "planned",
    )  # the one cannot be recalled
    assert fleet.offered() == [others[0]]
    fleet.say(others[0], 12, "proven")  # what was installed is still followed
    assert fleet.rows(rollout_id)[others[0]].state == "proven"
    with fleet.database.write() as session:
        with pytest.raises(FirmwareRefused, match="accept-failures"):
            resume_rollout(session, fleet.firmware, rollout_id, False)
        resume_rollout(session, fleet.firmware, rollout_id, True)
    fleet.keeper.run()
    assert fleet.offered() == [others[1]]
    fleet.prove(others[1])
    assert len(fleet.offered()) == 7


def test_a_device_that_returns_with_its_old_version_failed(fleet: FirmwareFleet) -> None:
    """Even if it says nothing of it: a hello noted since `installed` gives it away, an older one does not."""
    rollout_id = fleet.start(steps=("1",), first=["d-0"])
    fleet.say("d-0", 11, "installed")
    fleet.hello("d-0", "0.11", seq=1, age_s=60)
    assert fleet.rows(rollout_id)["d-0"].state == "installed"
    fleet.hello("d-0", "0.12", seq=2)
    assert fleet.rows(rollout_id)["d-0"].state == "installed"
    fleet.hello("d-0", "0.11", seq=3)
    assert ("rolled_back", "version 0.11") == (
        fleet.rows(rollout_id)["d-0"].state,
        fleet.rows(rollout_id)["d-0"].why,
    )
    assert fleet.rollout(rollout_id).state == "halted"


def test_a_device_that_goes_dark_during_the_soak_halts_it(fleet: FirmwareFleet) -> None:
    """What proved itself and then is silent is as bad as a failure; if it comes back, a person may resume."""
    rollout_id = fleet.start(steps=("1",), first=["d-0"])
    fleet.prove("d-0")
    fleet.silence("d-0", fleet.clock.now())
    assert (fleet.rows(rollout_id)["d-0"].state, fleet.rollout(rollout_id).state) == ("lost", "halted")
    fleet.silence("d-0", None)
    assert fleet.rows(rollout_id)["d-0"].state == "proven"


def test_a_wave_waits_until_each_device_was_heard_again(fleet: FirmwareFleet) -> None:
    """Some boards prove themselves and die in their first sleep: the soak alone would not see it."""
    rollout_id = fleet.start(steps=("20%",), soak_minutes=30)
    first, second = fleet.offered()
    fleet.prove(first, second)
    fleet.after(minutes=40, heard=[first])
    fleet.after(minutes=600, heard=[first])
    assert (fleet.offered(), fleet.rollout(rollout_id).wave) == ([], 0)
    fleet.after(minutes=1, heard=[second])
    assert (len(fleet.offered()), fleet.rollout(rollout_id).wave) == (8, 1)


def test_patience_ends(fleet: FirmwareFleet) -> None:
    """Who says nothing in time is overdue, and counts; its offer is taken back; it may still come."""
    rollout_id = fleet.start(steps=("1",), patience_hours=5, first=["d-0"])
    fleet.after(hours=4)
    assert fleet.rollout(rollout_id).state == "running"
    fleet.after(hours=1)
    assert (fleet.rows(rollout_id)["d-0"].state, fleet.rollout(rollout_id).state) == ("overdue", "halted")
    assert fleet.offered() == []
    fleet.say("d-0", 12, "proven")
    assert fleet.rows(rollout_id)["d-0"].state == "proven"


def test_pause_takes_back_and_resume_offers_again(fleet: FirmwareFleet) -> None:
    """The same devices in the same wave; abort is for good."""
    rollout_id = fleet.start(steps=("20%",))
    first = fleet.offered()
    with fleet.database.write() as session:
        pause_rollout(session, rollout_id, NOW)
    fleet.after(days=9)
    assert (fleet.offered(), fleet.rollout(rollout_id).state) == ([], "paused")
    with fleet.database.write() as session:
        resume_rollout(session, fleet.firmware, rollout_id, False)
    fleet.keeper.run()
    assert fleet.offered() == first
    with fleet.database.write() as session:
        abort_rollout(session, rollout_id, "enough", fleet.clock.now())
        with pytest.raises(FirmwareRefused, match="is aborted"):
            resume_rollout(session, fleet.firmware, rollout_id, False)
    fleet.after(days=1)
    assert fleet.offered() == []
    assert {row.state for row in fleet.rows(rollout_id).values()} == {"withdrawn"}


def test_who_is_left_out_is_counted_by_reason(fleet: FirmwareFleet) -> None:
    """Silent, never heard, cannot, has it, revoked: none of them is offered anything."""
    fleet.say("d-1", 12)
    fleet.silence("d-2", NOW)
    with fleet.database.write() as session:
        never, cannot = session.get_one(Device, "d-3"), session.get_one(Twin, "d-4")
        never.last_seen_at, cannot.reported = None, {"v": 1}
        session.add(never)
        session.add(cannot)
        revoke_device(session, "d-5", "", NOW)
        with pytest.raises(FirmwareRefused, match="d-5 cannot be first"):
            start_rollout(session, fleet.firmware, fleet.image_id, Terms(first=["d-5"]), NOW)
        started = start_rollout(session, fleet.firmware, "level/12", Terms(), NOW)
        with pytest.raises(FirmwareRefused, match="has not ended"):
            start_rollout(session, fleet.firmware, fleet.image_id, Terms(), NOW)
    assert sum(started.sizes) == 5
    # The house has a level sensor of its own, which was never heard either.
    assert started.left_out == {
        "on it or newer": 1, "silent": 1, "never heard": 2, "without updates over the air": 1
    }  # fmt: skip


def test_a_device_that_leaves_or_falls_silent_meanwhile_is_not_offered_it(fleet: FirmwareFleet) -> None:
    """And halts nothing."""
    rollout_id = fleet.start(steps=("1", "30%"), soak_minutes=10)
    left, silent = fleet.wave(rollout_id, 1)
    fleet.prove(*fleet.wave(rollout_id, 0))
    fleet.silence(silent, NOW)
    with fleet.database.write() as session:
        revoke_device(session, left, "", NOW)
    fleet.after(minutes=11)
    rows = fleet.rows(rollout_id)
    assert (rows[left].state, rows[silent].state, rows[silent].why) == ("left", "withdrawn", "silent")
    assert fleet.rollout(rollout_id).wave == 1
    fleet.after(minutes=11)
    assert len(fleet.offered()) == 7


def test_an_address_opens_one_image_while_its_offer_lasts(fleet: FirmwareFleet) -> None:
    """Not before, not after, not for a device that was revoked, and never a guess."""
    rollout_id = fleet.start(steps=("20%",))
    first, second = fleet.offered()
    rows = fleet.rows(rollout_id)
    later = fleet.wave(rollout_id, 1)[0]

    def opens(name: str) -> bool:
        with fleet.database.read() as session:
            return image_behind(session, rows[name].token) is not None

    assert [opens(name) for name in (first, second, later)] == [True, True, False]
    with fleet.database.write() as session:
        revoke_device(session, second, "stolen", NOW)
    assert not opens(second)
    with fleet.database.write() as session:
        abort_rollout(session, rollout_id, "", NOW)
    assert not opens(first)
    with fleet.database.read() as session:
        assert image_behind(session, "guess") is None


def test_a_server_that_was_killed_goes_on_where_it_was(fleet: FirmwareFleet) -> None:
    """Everything follows from rows; a second keeper changes nothing."""
    rollout_id = fleet.start(steps=("1",))
    (first,) = fleet.offered()
    other = RolloutKeeper(fleet.database, fleet.clock, fleet.firmware, 8443, versions_heard)
    assert other.run() == 0
    fleet.prove(first)
    fleet.hear(first, in_=timedelta(hours=1))
    assert other.run() > 0
    assert fleet.keeper.run() == 0
    assert fleet.rollout(rollout_id).wave == 1


def test_images_only_rise_and_are_kept_while_they_are_needed(fleet: FirmwareFleet, keys: SigningKeys) -> None:
    """A sequence that is not above all before is refused; removing waits for the rollout's end."""
    store = fleet.firmware
    with fleet.database.write() as session:
        for seq, why in ((12, "not above 12"), (11, "not above 12")):
            old = sign_image(keys.private, IMAGE, "level", seq, "1", 4096)
            with pytest.raises(FirmwareRefused, match=why):
                add_image(session, store, old, IMAGE, NOW)
        toaster = sign_image(keys.private, IMAGE, "toaster", 1, "1", 4096)
        with pytest.raises(FirmwareRefused, match="unknown kind"):
            add_image(session, store, toaster, IMAGE, NOW)
        content = b"another image"
        add_image(session, store, sign_image(keys.private, content, "level", 13, "1", 512), content,
                  NOW)  # fmt: skip
        path = store.path(hashlib.sha256(content).hexdigest())
        assert path.read_bytes() == content
        started = start_rollout(session, fleet.firmware, "level/13", Terms(), NOW)
        with pytest.raises(FirmwareRefused, match="rollout abort"):
            remove_image(session, "level/13", NOW)
        abort_rollout(session, started.rollout.id, "", NOW)
        removed = remove_image(session, "level/13", NOW)
        session.flush()
        drop_bytes(session, store, removed)
        assert not path.exists()
        with pytest.raises(FirmwareRefused, match="was removed"):
            start_rollout(session, fleet.firmware, "level/13", Terms(), NOW)
        with pytest.raises(FirmwareRefused, match="firmware list"):
            find_image(session, "level/99")


def test_an_image_that_cannot_be_given_out_starts_nothing(fleet: FirmwareFleet, keys: SigningKeys) -> None:
    """Its file gone or damaged, its key no longer trusted: said before any device is offered it."""
    with fleet.database.write() as session:
        image = find_image(session, "level/12")
        path = fleet.firmware.path(image.sha256)
        for damage in (
            path.unlink,
            lambda: path.write_bytes(IMAGE[:-1]),
            lambda: path.write_bytes(IMAGE[::-1]),
        ):
            damage()
            with pytest.raises(FirmwareRefused, match=r"firmware add FILE"):
                start_rollout(session, fleet.firmware, "level/12", Terms(), NOW)
        again = sign_image(keys.private, IMAGE, "level", 12, "0.12", 4096)
        assert add_image(session, fleet.firmware, again, IMAGE, NOW).id == image.id
        with pytest.raises(FirmwareRefused, match="not above 12"):  # only what was lost is put back
            add_image(session, fleet.firmware, again, IMAGE, NOW)
        (fleet.folder / "trusted" / f"{image.key}.pem").unlink()
        with pytest.raises(FirmwareRefused, match="firmware key trust"):
            start_rollout(session, fleet.firmware, "level/12", Terms(), NOW)


def test_an_image_that_vanishes_pauses_its_rollout_and_no_device_failed(fleet: FirmwareFleet) -> None:
    """It says why; it goes on when the file is back and a person says so, not before."""
    rollout_id = fleet.start(steps=("20%",), soak_minutes=0)
    done, loading = fleet.offered()
    fleet.say(done, 11, "installed")
    path = fleet.firmware.path(fleet.image().sha256)
    path.rename(path.with_suffix(".away"))
    fleet.say(loading, 11, "downloading", at=4096)
    rollout = fleet.rollout(rollout_id)
    assert (rollout.state, "firmware add FILE" in rollout.why) == ("paused", True)
    states = {name: row.state for name, row in fleet.rows(rollout_id).items()}
    assert (states.pop(done), set(states.values())) == ("installed", {"planned"})
    assert fleet.offered() == [done]
    with fleet.database.write() as session, pytest.raises(FirmwareRefused, match="cannot be read"):
        resume_rollout(session, fleet.firmware, rollout_id, False)
    path.with_suffix(".away").rename(path)
    fleet.prove(done)
    assert fleet.rollout(rollout_id).state == "paused"
    with fleet.database.write() as session:
        assert resume_rollout(session, fleet.firmware, rollout_id, False).why == ""
    fleet.keeper.run()
    assert fleet.offered() == [loading]


def test_a_key_that_boards_refused_is_not_tried_on_more_of_them(fleet: FirmwareFleet) -> None:
    """Unless somebody says that they hold it by now."""
    rollout_id = fleet.start(steps=("1",))
    fleet.say(*fleet.offered(), 11, "refused", why="signature")
    with fleet.database.write() as session:
        abort_rollout(session, rollout_id, "wrong key", NOW)
        fleet.row_of_image(session, 13)
        with pytest.raises(FirmwareRefused, match="1 of the level boards refused the signature"):
            start_rollout(session, fleet.firmware, "level/13", Terms(), NOW)
        assert start_rollout(session, fleet.firmware, "level/13", Terms(try_key=True), NOW).sizes[0] == 1
