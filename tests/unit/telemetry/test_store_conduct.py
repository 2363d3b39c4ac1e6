"""Who speaks too fast is held back without losing anything; two devices under one name are told."""

import contextlib
import json
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection
from sqlmodel import Session, select

from replenish_server.fleet.tables import Device
from replenish_server.households.tables import HouseholdNotice
from replenish_server.telemetry.conduct import Pace
from replenish_server.telemetry.quarantine import KEPT_OF_A_TOPIC, is_crowded, trim_quarantine
from replenish_server.telemetry.store import Incoming, ReadingStore, Stored
from replenish_server.telemetry.tables import Quarantined, Reading
from tests.fakes.retailer_house import NOW, House


def level(seq: int, at_s: float, boot: str = "0000000a", age_s: int = 0) -> Incoming:
    """A reading of the house's sensor."""
    body = {"v": 1, "b": boot, "s": seq, "t": "level", "n": 900, "a": age_s}
    return Incoming("rp/1/level-1/up/ev", json.dumps(body).encode(), False, NOW + timedelta(seconds=at_s))


def take_in(house: House, store: ReadingStore, *batch: Incoming) -> Stored:
    """One batch, committed."""
    with house.database.write() as session:
        return store.store(session, list(batch))


def test_what_is_held_back_is_not_acknowledged_and_comes_again(house: House) -> None:
    """A device that sends until it is acknowledged gets everything in; the quarantine has one row of it."""
    store, waiting, at_s = ReadingStore(pace=Pace(2.0, 10)), set(range(40)), 0.0
    while waiting:
        stored = take_in(house, store, *(level(seq, at_s) for seq in sorted(waiting)))
        acked = set(stored.acks.get(("level-1", "0000000a"), []))
        assert len(acked) == (10 if at_s == 0 else min(2, len(waiting)))
        waiting -= acked
        at_s += 1
    with house.database.read() as session:
        (row,) = session.exec(select(Quarantined)).all()
        readings = session.exec(select(Reading.seq).where(Reading.device_id == "level-1")).all()
    assert sorted(readings) == list(range(40))
    assert ("too_fast", b"") == (row.code, row.payload)
    assert row.seen == sum(range(30 - 2, 0, -2)) + 30  # what each of the rounds left waiting


def test_a_retained_copy_is_no_sign_of_life(house: House) -> None:
    """The broker sends it at each start of the server: who is silent would be told silent once more."""
    store = ReadingStore()

    def seen_after(*batch: Incoming) -> datetime | None:
        take_in(house, store, *batch)
        with house.database.read() as session:
            return session.get_one(Device, "level-1").last_seen_at

    report = Incoming("rp/1/level-1/up/st", b'{"v":1,"rev":0}', True, NOW + timedelta(seconds=50))
    copies = [report, Incoming("rp/1/level-1/up/ev", level(7, 50).payload, True, NOW + timedelta(seconds=50))]
    assert seen_after(*copies) is None
    assert seen_after(level(1, 0)) == NOW
    assert seen_after(*copies) == NOW
    assert seen_after(*copies, level(2, 60)) == NOW + timedelta(seconds=60)


class Locked(Session):
    """Of a database in which another program writes for too long."""

    def connection(self, *_args: object, **_options: object) -> Connection:
        """Never."""
        raise InterruptedError


def fail(house: House, store: ReadingStore, *batch: Incoming) -> None:
    """One batch whose transaction fails at its end, as a full disk would have it."""
    with contextlib.suppress(InterruptedError), house.database.write() as session:
        store.store(session, list(batch))
        raise InterruptedError
    store.forget()


def test_a_failed_transaction_gives_nobody_its_burst_again(house: House) -> None:
    """Nor does one that could not even begin, when nothing of the next batch was looked at."""
    store = ReadingStore(pace=Pace(1.0, 10))
    stored = take_in(house, store, *(level(seq, 0) for seq in range(8)))
    assert len(stored.acks["level-1", "0000000a"]) == 8
    with pytest.raises(InterruptedError):
        store.store(Locked(), [level(8, 0)])
    store.forget()
    fail(house, store, *(level(seq, 0) for seq in range(8, 40)))
    stored = take_in(house, store, *(level(seq, 0) for seq in range(8, 40)))
    assert len(stored.acks["level-1", "0000000a"]) == 2
    fail(house, store, level(10, 0))
    assert take_in(house, store, *(level(seq, 0) for seq in range(10, 40))).acks == {}


def test_another_writer_in_between_gives_nobody_its_burst_again(house: House) -> None:
    """What is remembered of boots is read anew then; how fast somebody spoke stays."""
    store, other = ReadingStore(pace=Pace(1.0, 10)), ReadingStore(pace=Pace(1.0, 10))
    assert len(take_in(house, store, *(level(seq, 0) for seq in range(8))).acks["level-1", "0000000a"]) == 8
    for seq in (100, 101, 102):
        take_in(house, other, level(seq, 0))
        stored = take_in(house, store, *(level(seq, 0) for seq in range(8, 40)))
        assert len(stored.acks.get(("level-1", "0000000a"), [])) == (2 if seq == 100 else 0)


def test_whose_batch_fails_many_times_pays_for_it_once(house: House) -> None:
    """A disk that is full for a while holds nobody back."""
    store, batch = ReadingStore(pace=Pace(1.0, 10)), [level(seq, 0) for seq in range(9)]
    for _ in range(20):
        fail(house, store, *batch)
    assert len(take_in(house, store, *batch).acks["level-1", "0000000a"]) == 9
    fail(house, store, level(9, 0))
    assert len(take_in(house, store, level(9, 0)).acks["level-1", "0000000a"]) == 1


def test_one_device_that_floods_takes_nothing_from_another(house: House) -> None:
    """Each has a bucket of its own."""
    store = ReadingStore(pace=Pace(1.0, 5))
    take_in(house, store, *(level(seq, 0) for seq in range(50)))
    press = json.dumps({"v": 1, "b": "0000000c", "s": 0, "t": "press"}).encode()
    assert take_in(house, store, Incoming("rp/1/button-1/up/ev", press, False, NOW)).presses


def test_a_stolen_credential_that_is_used_beside_the_real_one_is_told_once_a_day(house: House) -> None:
    """Nothing is cut: which of them is the thief only a person can say."""
    store = ReadingStore()
    for turn in range(60):
        at_s = turn * 3600
        take_in(house, store, level(turn, at_s, "0000000a"), level(turn, at_s + 1800, "0000000b"))
    with house.database.read() as session:
        notices = [row for row in session.exec(select(HouseholdNotice)) if row.kind == "device_doubled"]
        device = session.get_one(Device, "level-1")
    assert len(notices) == 3
    assert notices[0].data["device"] == device.name
    assert device.doubled_at is not None


def test_a_device_that_restarts_again_and_again_is_one(house: House) -> None:
    """Fifty boots, each with late records of the one before it."""
    store, at_s = ReadingStore(), 0
    for boot in range(50):
        name = f"{boot:08x}"
        late = [level(9, at_s, f"{boot - 1:08x}", age_s=90)] if boot else []
        take_in(house, store, level(0, at_s, name), *late, level(1, at_s + 60, name))
        at_s += 300
    with house.database.read() as session:
        assert session.get_one(Device, "level-1").doubled_at is None


def test_the_quarantine_keeps_what_is_new_and_not_too_much_of_one_device(house: House) -> None:
    """The newest thousand of a topic for ninety days; then nothing is left to do."""
    store = ReadingStore()

    def nonsense(number: int, at_s: float, device: str = "level-1") -> Incoming:
        return Incoming(f"rp/1/{device}/up/ev", b"x%d" % number, False, NOW + timedelta(seconds=at_s))

    take_in(house, store, *(nonsense(n, n) for n in range(KEPT_OF_A_TOPIC + 20)))
    take_in(house, store, nonsense(1, -86_400 * 91, "button-1"), nonsense(2, 0, "button-1"))
    with house.database.write() as session:
        assert is_crowded(session, NOW)
        assert trim_quarantine(session, NOW) == 21
        assert not is_crowded(session, NOW)
        rows = session.exec(select(Quarantined)).all()
    assert len(rows) == KEPT_OF_A_TOPIC + 1
    assert min(row.last_at for row in rows if "level" in row.topic) == NOW + timedelta(seconds=20)
