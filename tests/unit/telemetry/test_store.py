"""A batch into tables: stored once, whatever comes twice or out of order, and nothing stops the stream."""

import json
import random
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from replenish_server.fleet.tables import Device, Slot, Twin
from replenish_server.fleet.troubles import WORDS, troubles_now, wrong_with
from replenish_server.fleet.twin import want_threshold
from replenish_server.households.tables import HouseholdNotice
from replenish_server.ids import DeviceId
from replenish_server.replenishment.device_lifecycle import wipe_departed
from replenish_server.telemetry.store import Incoming, PressKey, ReadingStore, Stored, store_batch
from replenish_server.telemetry.tables import Quarantined, Reading, SeenLog, SeenRange
from tests.fakes.retailer_house import NOW, House, build_house

pytestmark = pytest.mark.both_databases
BOOT = "0000000a"


def up(
    document: Any, device: str = "level-1", at_s: float = 0, kind: str = "ev", retained: bool = False
) -> Incoming:
    """A message of a device; bytes go as they are."""
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Incoming(f"rp/1/{device}/up/{kind}", payload, retained, NOW + timedelta(seconds=at_s))


def level(seq: int, grams: int | None = 900, boot: str = BOOT, **more: Any) -> dict[str, Any]:
    """A level reading."""
    return {"v": 1, "b": boot, "s": seq, "t": "level", "n": grams} | more


def press(seq: int, **more: Any) -> dict[str, Any]:
    """A press."""
    return {"v": 1, "b": BOOT, "s": seq, "t": "press", "g": "short"} | more


def store(house: House, *batch: Incoming) -> Stored:
    """One batch, committed."""
    with house.database.write() as session:
        return store_batch(session, list(batch))


def tables(house: House) -> dict[str, Any]:
    """What a batch keeps, but how often a refusal was seen and the moments that only schedule work."""
    with house.database.read() as session:
        return {
            "readings": sorted(str(r.model_dump()) for r in session.exec(select(Reading))),
            "quarantine": sorted(
                str(q.model_dump(exclude={"seen"})) for q in session.exec(select(Quarantined))
            ),
            "due": sorted(s.id for s in session.exec(select(Slot)) if s.due_at is not None),
            "seen": sorted(d.id for d in session.exec(select(Device)) if d.last_seen_at is not None),
            "twins": sorted(str(t.model_dump()) for t in session.exec(select(Twin))),
        }


def codes(house: House) -> dict[str, int]:
    """Quarantine codes and how often each was seen."""
    with house.database.read() as session:
        return {row.code: row.seen for row in session.exec(select(Quarantined))}


@st.composite
def streams(draw: st.DrawFn) -> list[Incoming]:
    """Messages of every kind, each with a content and a moment of its own."""
    made: list[Incoming] = []
    for n in range(draw(st.integers(1, 14))):
        kind = draw(
            st.sampled_from(["level", "press", "hello", "bad", "slot", "stranger", "topic", "retained"])
        )
        age = draw(st.sampled_from([0, 5, 599, 601, 90_000]))
        document: Any = level(n, draw(st.integers(0, 2500)), a=age)
        device = draw(st.sampled_from(["level-1", "button-1"]))
        if kind == "press":
            document = press(n, a=age)
        elif kind == "hello":
            document = {"v": 1, "b": BOOT, "s": n, "t": "hello", "h": {"bat": 3000 + n}}
        elif kind == "bad":
            document = level(n, -1)
        elif kind == "slot":
            document = level(n, 5, k="cyan")
        topic = f"up/{'log' if kind == 'topic' else 'ev'}"
        device = "stranger" if kind == "stranger" else device
        at = NOW + timedelta(seconds=n)
        made.append(Incoming(f"rp/1/{device}/{topic}", json.dumps(document).encode(), kind == "retained", at))
    return made


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(streams(), st.randoms(use_true_random=False))
def test_any_order_any_repetition_and_any_cut_into_batches_gives_the_same_tables(
    template: Path, tmp_path_factory: pytest.TempPathFactory, stream: list[Incoming], shuffle: random.Random
) -> None:
    """Law 2: stored once."""
    arrived = stream + [message for message in stream if shuffle.random() < 0.5]
    shuffle.shuffle(arrived)
    cut = shuffle.randrange(
        len(arrived) + 1
    )  # the last that is drawn: a try that ends here has opened nothing
    straight = build_house(template, tmp_path_factory.mktemp("straight"))
    mixed = build_house(template, tmp_path_factory.mktemp("mixed"))
    with closing(straight.database), closing(mixed.database):
        store(straight, *stream)
        store(mixed, *arrived[:cut])
        store(mixed, *arrived[cut:])
        assert tables(straight) == tables(mixed)


def test_a_repeated_reading_is_acknowledged_again_and_stored_once(house: House) -> None:
    """The device lets go when it hears of it, which may take several tries."""
    first = store(house, up(level(1)), up(level(2)))
    again = store(house, up(level(2), at_s=60))
    assert {("level-1", BOOT): [1, 2]} == first.acks
    assert {("level-1", BOOT): [2]} == again.acks
    assert len(tables(house)["readings"]) == 2


def test_the_first_arrival_decides_when_it_happened(house: House) -> None:
    """A repetition's age may be off by its way."""
    store(house, up(level(1, a=30)))
    store(house, up(level(1, a=100), at_s=60))
    with house.database.read() as session:
        (reading,) = session.exec(select(Reading)).all()
    assert NOW - timedelta(seconds=30) == reading.occurred_at
    assert NOW == reading.received_at


@pytest.mark.parametrize("boots", [("0000000a", "0000000b")])
def test_the_same_sequence_of_another_boot_is_another_reading(house: House, boots: tuple[str, str]) -> None:
    """The key is device, boot and sequence."""
    store(house, *[up(level(1, boot=boot)) for boot in boots])
    assert len(tables(house)["readings"]) == 2


def test_a_press_is_answered_by_itself(house: House) -> None:
    """Not among the plain acknowledgements, and each time it comes."""
    stored = store(house, up(press(3), "button-1"), up(level(4)))
    assert [PressKey("button-1", BOOT, 3)] == stored.presses
    assert {("level-1", BOOT): [4]} == stored.acks
    assert stored.slots_due


@pytest.mark.parametrize(
    ("message", "code", "acks", "kept"),
    [
        (lambda: up(b"nonsense"), "malformed", {}, 0),
        (lambda: up(level(1, -1)), "out_of_range", {("level-1", BOOT): [1]}, 0),
        (lambda: up(level(1, v=2)), "schema", {("level-1", BOOT): [1]}, 0),
        (lambda: up(level(1, t="dance")), "type", {("level-1", BOOT): [1]}, 0),
        (lambda: up(level(1, x="x" * 600)), "oversized", {("level-1", BOOT): [1]}, 0),
        (lambda: up(level(1, k="cyan")), "unknown_slot", {("level-1", BOOT): [1]}, 0),
        (lambda: up(level(1), "stranger"), "unknown_device", {}, 0),
        (lambda: up(level(1), kind="log"), "topic", {}, 0),
        (lambda: up(level(1), retained=True), "retained", {("level-1", BOOT): [1]}, 1),
        (lambda: up(press(1, a=601)), "stale_press", {}, 1),
        (lambda: up(press(1), retained=True), "retained", {}, 1),
        (lambda: up({"v": 2}, kind="st"), "schema", {}, 0),
    ],
)
def test_what_cannot_be_used_is_quarantined_with_its_reason_and_the_stream_goes_on(
    house: House, message: Callable[[], Incoming], code: str, acks: dict[Any, list[int]], kept: int
) -> None:
    """Acknowledged where its key can be read, so that the device does not send it for ever."""
    stored = store(house, message(), up(level(99)))
    expected = {key: list(seqs) for key, seqs in acks.items()}
    expected.setdefault(("level-1", BOOT), []).append(99)
    assert {code: 1} == codes(house)
    assert expected == stored.acks
    assert kept + 1 == len(tables(house)["readings"])


@pytest.mark.parametrize(
    ("document", "retained", "late"),
    [
        (press(1, a=600), False, False),
        (press(1, a=601), False, True),
        (press(1), True, True),
        (level(1, a=90_000), False, False),
        (level(1), True, True),
    ],
)
def test_only_old_presses_and_retained_copies_are_late(
    house: House, document: dict[str, Any], retained: bool, late: bool
) -> None:
    """An old level is history; an old press is a wish that may have passed."""
    store(house, up(document, retained=retained))
    with house.database.read() as session:
        assert late is session.exec(select(Reading.late)).one()


def test_the_same_refusal_again_only_counts_up(house: House) -> None:
    """A device in a loop cannot fill the disk."""
    for n in range(5):
        store(house, up(b"x" * 5000, at_s=n))
    with house.database.read() as session:
        (row,) = session.exec(select(Quarantined)).all()
    assert (5, 5000, 1024) == (row.seen, row.size, len(row.payload))
    assert (NOW, NOW + timedelta(seconds=4)) == (row.first_at, row.last_at)


def test_readings_make_their_slot_due_and_hello_does_not(house: House) -> None:
    """The earliest wish stays."""
    assert not store(house, up({"v": 1, "b": BOOT, "s": 1, "t": "hello"})).slots_due
    store(house, up(level(2), at_s=10))
    store(house, up(level(3), at_s=20))
    with house.database.read() as session:
        assert NOW + timedelta(seconds=10) == session.get_one(Slot, house.slots["level-1"]).due_at
        assert session.get_one(Slot, house.slots["button-1"]).due_at is None
        assert NOW + timedelta(seconds=20) == session.get_one(Device, "level-1").last_seen_at


def test_reports_reach_the_twin(house: House) -> None:
    """Retained ones too: that is how they are published."""
    with house.database.write() as session:
        want_threshold(session, DeviceId("level-1"), "main", 400, NOW)
    store(house, up({"v": 1, "rev": 1, "lim": []}, kind="st", retained=True))
    with house.database.read() as session:
        assert session.get_one(Twin, "level-1").reported_rev == 1
    assert {} == codes(house)


def test_readings_of_a_device_that_was_wiped_do_not_land_among_anothers(house: House) -> None:
    """Its stream's number was given to another device meanwhile; ingest remembers nothing of the old one."""
    store = ReadingStore()

    def take_in(message: Incoming) -> None:
        with house.database.write() as session:
            store.store(session, [message])

    take_in(up(level(1, 111)))
    with house.database.write() as session:
        run = session.connection().exec_driver_sql
        (number,) = run("SELECT id FROM stream WHERE device_id = 'level-1'").one()
        for table in ("sample", "stream", "seen_range"):
            run(f"DELETE FROM {table}")
        run("INSERT INTO stream(id, device_id, slot_key) VALUES(?, 'other', 'main')", (number,))
    take_in(up(level(2, 222), at_s=1))
    take_in(up(level(1, 333), at_s=2))
    with house.database.read() as session:
        found = session.exec(select(Reading.device_id, Reading.seq, Reading.number)).all()
    assert [("level-1", 1, 333), ("level-1", 2, 222)] == sorted(found)


TROUBLES = {f"device_{word}" for word in WORDS}


def test_a_crowd_is_stored_once_whoever_stores_it_and_goes_without_a_trace(house: House) -> None:
    """Its ranges wait in the log; another process, which remembers nothing, knows them all the same."""
    crowd = [up(level(1, boot=f"{number:08x}")) for number in range(250)]
    store(house, *crowd)
    with house.database.read() as session:
        assert session.exec(select(SeenLog)).all()
    store(house, *crowd, up(level(2, boot="00000000")))
    with house.database.write() as session:
        assert len(session.exec(select(Reading)).all()) == 251
        device = session.get_one(Device, "level-1")
        device.parted_at, device.cut_at = NOW, NOW
    with house.database.write() as session:
        assert wipe_departed(session, NOW, timedelta(0)) == 1
    with house.database.read() as session:
        for table in (Reading, SeenLog, SeenRange):
            assert not session.exec(select(table)).all()


def hello(seq: int, alarm: str | None, **more: Any) -> dict[str, Any]:
    """A sign of life."""
    return {"v": 1, "b": BOOT, "s": seq, "t": "hello", "h": {"bat": 3300, "alarm": alarm} | more}


def test_an_alarm_is_told_once_when_it_begins_and_kept_until_it_ends(house: House) -> None:
    """Hourly hellos repeat it; what is not an alarm is none; a retained copy says nothing about now."""

    def alarm_and_notices(*batch: Incoming) -> tuple[str, list[str]]:
        store(house, *batch)
        with house.database.read() as session:
            told = [row.kind for row in session.exec(select(HouseholdNotice)) if "device_" in row.kind]
            return session.get_one(Device, "level-1").alarm, [kind for kind in told if kind != "device_added"]

    assert alarm_and_notices(up(hello(0, None))) == ("", [])
    assert alarm_and_notices(up(hello(1, "leak"))) == ("leak", ["device_leak"])
    assert alarm_and_notices(up(hello(2, "leak"), at_s=3600), up(hello(1, "leak"))) == (
        "leak",
        ["device_leak"],
    )
    assert alarm_and_notices(up(hello(3, "burst"), at_s=3700)) == ("burst", ["device_leak", "device_burst"])
    assert alarm_and_notices(up(hello(4, None), at_s=3800))[0] == ""
    assert alarm_and_notices(up(hello(5, "fire"), at_s=3900))[0] == ""
    assert alarm_and_notices(up(hello(6, "leak"), at_s=4000, retained=True))[0] == ""
    assert alarm_and_notices(up(hello(7, "leak"), at_s=90_000))[1].count("device_leak") == 2
    passed = up(hello(8, "burst"), at_s=91_000), up(hello(9, None), at_s=91_100)
    assert alarm_and_notices(*passed)[1].count("device_burst") == 2  # over before anybody could look


def report(at_s: int, retained: bool = False, **health: Any) -> Incoming:
    """A report with this health."""
    body = json.dumps({"v": 1, "rev": 0, "h": {"bat": 3300} | health}).encode()
    return Incoming("rp/1/level-1/up/st", body, retained, NOW + timedelta(seconds=at_s))


def test_what_a_device_says_is_wrong_is_told_once_and_stands_until_it_is_well(house: House) -> None:
    """By hello or report; a retained copy and a record from before say nothing about now."""

    def now(*batch: Incoming) -> list[str]:
        store(house, *batch)
        with house.database.read() as session:
            return [f"{row.word} {row.number}" for row in troubles_now(session).get("level-1", [])]

    def told() -> list[str]:
        with house.database.read() as session:
            kinds = [row.kind for row in session.exec(select(HouseholdNotice))]
        return sorted(kind.removeprefix("device_") for kind in kinds if kind in TROUBLES)

    assert now(up(hello(0, None, drop=0))) == []
    assert now(up(hello(1, None, mode="safe"), at_s=100)) == ["safe 0"]
    assert now(report(200, mode="safe", fault="flash", refused=135)) == [
        "safe 0",
        "flash 0",
        "turned_away 135",
    ]
    assert now(report(300, mode="sparing")) == ["sparing 0"]
    assert now(up(hello(2, None, mode="safe") | {"a": 300}, at_s=400)) == ["sparing 0"]  # of before
    assert now(report(500, retained=True)) == ["sparing 0"]
    assert now(report(600), report(590, mode="safe")) == []
    assert told() == ["flash", "safe", "sparing", "turned_away"]
    assert now(report(700, mode="sparing")) == ["sparing 0"]  # again within a day: shown, not told
    assert now(report(90_000, mode="safe"), report(90_100, mode="of its own", fault=7, refused=True)) == []
    assert told().count("safe") == 2  # over before anybody could look
    assert now(report(90_200, mode="safe")) == ["safe 0"]
    with house.database.write() as session:
        device = session.get_one(Device, "level-1")
        device.doubled_at = NOW
        wrong_now = [word for word, *_ in wrong_with(session, [device])["level-1"]]
        device.revoked_at = NOW
        assert (wrong_now, wrong_with(session, [device])) == (["doubled", "safe"], {"level-1": []})


def test_lost_records_are_told_when_more_are_lost_and_not_for_ever(house: House) -> None:
    """The device's count never falls before it is started anew."""

    def lost(drop: int, at_s: int) -> list[int]:
        store(house, report(at_s, drop=drop))
        with house.database.read() as session:
            return [row.number for row in troubles_now(session).get("level-1", [])]

    day = 86_400
    assert [lost(0, 0), lost(3, 100), lost(3, 200), lost(5, 300)] == [[], [3], [3], [5]]
    assert [lost(5, day), lost(5, 2 * day), lost(6, 2 * day + 60)] == [[], [], [6]]
    assert [lost(2, 2 * day + 120), lost(0, 2 * day + 180)] == [[2], []]
    with house.database.read() as session:
        told = [row.data["number"] for row in session.exec(select(HouseholdNotice)) if "dropping" in row.kind]
    assert told == [3, 6]


@pytest.mark.parametrize(("said", "kept"), [(16, 16_000), (0, None), ("16", None), (True, None)])
def test_the_worth_of_a_sensors_step_is_kept_on_its_slot(house: House, said: Any, kept: int | None) -> None:
    """In the base unit; nonsense is not kept."""
    store(house, up(level(1, 900, h={"res": said})))
    with house.database.read() as session:
        assert [slot.sensor_step for slot in session.exec(select(Slot)) if slot.device_id == "level-1"] == [
            kept
        ]


def test_two_processes_that_take_turns_store_everything_once(house: House) -> None:
    """What one of them remembers of a boot is out of date as soon as the other has stored."""
    chance = random.Random(5)
    writers, sent = [ReadingStore(), ReadingStore()], set()
    for _ in range(40):
        batch = [up(level(seq)) for seq in (chance.randrange(60) for _ in range(5))]
        sent |= {json.loads(message.payload)["s"] for message in batch}
        with house.database.write() as session:
            chance.choice(writers).store(session, batch)
    with house.database.read() as session:
        assert sorted(sent) == sorted(session.exec(select(Reading.seq)))
