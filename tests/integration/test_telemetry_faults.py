"""What networks, disks and broken devices do to a stream: nothing is lost or counts twice or stops it."""

import json
import os
import random
import resource
import signal
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterable
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlmodel import func, select

from replenish_server.telemetry import packets
from replenish_server.telemetry.codec import Event, Rejected, decode_event, decode_report
from replenish_server.telemetry.ingest import Ingest
from replenish_server.telemetry.session import Delivery
from replenish_server.telemetry.store import Incoming, ReadingStore
from replenish_server.telemetry.tables import Quarantined, Reading, SeenRange
from tests.benchmarks.ingest.bed import memory_mib
from tests.benchmarks.ingest.load import Publisher, level_event, publish_packet
from tests.fakes.retailer_house import NOW, House, build_house
from tests.support.mortal_house import MortalHouse, wait_until

FUZZED = 100_000
STORED_FUZZED = 3_000
BURST = 5_000
SURGE, SURGE_PER_S = 3_000, 1_000
FULL = 1_000


def level(seq: int, grams: int, boot: str = "0000000a", age_s: int = 0, at_s: int = 0) -> Incoming:
    """A reading of the level sensor."""
    body = {"v": 1, "b": boot, "s": seq, "t": "level", "n": grams, "a": age_s}
    return Incoming("rp/1/level-1/up/ev", json.dumps(body).encode(), False, NOW + timedelta(seconds=at_s))


def mutated(rng: random.Random) -> bytes:
    """A message with a few bytes changed, cut, doubled or made up, or something else altogether."""
    whole = rng.choice(
        [
            b'{"v":1,"b":"5f3a9c01","s":7,"t":"level","n":1420,"a":3,"c":2}',
            b'{"v":1,"b":"5f3a9c01","s":9,"t":"press","g":"short","a":2,"c":1}',
            b'{"v":1,"b":"5f3a9c01","s":0,"t":"hello","h":{"bat":2950,"rssi":-61,"fw":"0.1.0"}}',
            b'{"v":1,"rev":3,"cfg":{"measure_s":1800},"slots":{"main":{"threshold":400}},"lim":[]}',
            b"[" * 300,
            b"",
        ]
    )
    made = bytearray(whole)
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(made))
        match rng.randint(0, 4):
            case 0:
                made[at : at + 1] = rng.randbytes(1)
            case 1:
                del made[at : at + rng.randint(1, 9)]
            case 2:
                made[at:at] = made[at : at + rng.randint(1, 30)]
            case 3:
                made[at:at] = rng.choice(
                    [b"NaN", b"1e400", b"-1", b"null", b"\\ud800", b'"', b"{", b"99999999999"]
                )
            case _:
                made[at:at] = rng.randbytes(rng.randint(1, 40))
    return bytes(made) * (rng.randint(2, 2000) if rng.random() < 0.002 else 1)


def test_a_hundred_thousand_mutilated_messages_are_read_or_refused() -> None:
    """As events, as reports and as packets: no exception, and what is accepted is within its limits."""
    rng = random.Random(20261126)
    accepted = 0
    for _ in range(FUZZED):
        payload = mutated(rng)
        read = decode_event(payload)
        if isinstance(read, Event):
            accepted += 1
            assert 0 <= read.seq < 2**32
            assert read.number is None or 0 <= read.number <= 10**8
        else:
            assert read.code
            assert len(read.reason) < 500
        report = decode_report(payload)
        assert isinstance(report, Rejected) or report["v"] == 1
        assert len(packets.read(payload).rest) <= len(payload)
    assert 1000 < accepted < FUZZED - 1000  # neither everything nor nothing: the mutations reach the rules


def test_mutilated_messages_fill_the_quarantine_and_stop_nothing(house: House) -> None:
    """Each is stored or kept with its reason; the reading after them is stored."""
    rng, store = random.Random(5), ReadingStore()
    for start in range(0, STORED_FUZZED, 500):
        batch = [
            Incoming(f"rp/1/level-1/up/{rng.choice(['ev', 'ev', 'st'])}", mutated(rng), False, NOW)
            for _ in range(500)
        ]
        with house.database.write() as session:
            store.store(session, [*batch, level(1_000_000 + start, 900)])
    with house.database.read() as session:
        sentinels = session.exec(
            select(func.count()).select_from(Reading).where(Reading.seq >= 1_000_000)
        ).one()
        kept = session.exec(select(func.sum(Quarantined.seen))).one()
        longest = session.exec(select(func.max(func.length(Quarantined.payload)))).one()
    assert STORED_FUZZED // 500 <= sentinels
    assert kept > STORED_FUZZED // 2
    assert longest <= 1024


def seen(house: House) -> list[tuple[int, int, int]]:
    """The stored ranges."""
    with house.database.read() as session:
        return sorted(session.exec(select(SeenRange.boot, SeenRange.low, SeenRange.high)))


def readings(house: House) -> list[tuple[str, int, int | None]]:
    """Which readings are stored, and what they say."""
    with house.database.read() as session:
        return sorted(session.exec(select(Reading.boot, Reading.seq, Reading.number)))


def test_five_thousand_shuffled_doubled_and_day_late_are_what_an_orderly_stream_is(
    house: House, template: os.PathLike[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A fifth comes twice, everything out of order, some of it a day old; the clock of the server jumps."""
    rng = random.Random(12)
    stream = [level(n, n % 2000, age_s=rng.choice([0, 0, 86_400])) for n in range(BURST)]
    orderly = build_house(template, tmp_path_factory.mktemp("orderly"))
    arrived = [*stream, *rng.sample(stream, BURST // 5)]
    rng.shuffle(arrived)
    for target, messages in ((orderly, stream), (house, arrived)):
        store = ReadingStore()
        for start in range(0, len(messages), 700):
            skew = timedelta(days=rng.choice([-1, 0, 1])) if target is house else timedelta(0)
            batch = [
                Incoming(m.topic, m.payload, False, m.received_at + skew)
                for m in messages[start : start + 700]
            ]
            with target.database.write() as session:
                store.store(session, batch)
    assert readings(orderly) == readings(house)
    assert seen(house) == seen(orderly) == [(10, 0, BURST - 1)]
    orderly.database.close()


def test_a_device_that_restarts_every_second_for_an_hour_takes_a_row_for_each_boot(house: House) -> None:
    """3,600 boots with one reading each."""
    store = ReadingStore()
    for start in range(0, 3600, 60):
        batch = [level(1, 900, boot=f"{n:08x}", at_s=n) for n in range(start, start + 60)]
        with house.database.write() as session:
            store.store(session, batch)
    assert len(seen(house)) == 3600
    assert len(readings(house)) == 3600


class Broker:
    """Delivers what it was given until it is acknowledged; stands in for the session."""

    def __init__(self, messages: Iterable[Incoming]) -> None:
        self._waiting = deque([messages])
        self.acknowledged: list[Delivery] = []
        self.told = 0
        self.pings = 0
        self.done = threading.Event()

    def receive(self, wait_s: float) -> Delivery | None:
        """The next batch."""
        if self._waiting:
            return Delivery(list(self._waiting.popleft()), [b"\x00\x01"], 1)
        time.sleep(min(wait_s, 0.01))
        return None

    def acknowledge(self, delivery: Delivery) -> None:
        """Note it."""
        self.acknowledged.append(delivery)

    def publish_acks(self, acks: Iterable[tuple[str, bytes]]) -> None:
        """Note how many sequences devices were told."""
        self.told += sum(len(json.loads(payload)["s"]) for _, payload in acks)
        self.done.set()

    def keep_alive(self) -> None:
        """Asked for while a batch cannot be stored."""
        self.pings += 1

    def stop(self) -> None:
        """Nothing to end."""


def test_a_full_disk_acknowledges_nothing_and_loses_nothing(house: House) -> None:
    """SQLite says "full" as it does on a full disk; when there is room again, the same batch is stored."""
    room = {"pages": 1}

    def limit(connection: object, _record: object, _proxy: object) -> None:
        connection.execute(f"PRAGMA max_page_count={room['pages']}")  # type: ignore[attr-defined]

    event.listen(house.database.engine, "checkout", limit)
    broker = Broker([level(n, 900) for n in range(2000)])
    ingest = Ingest(house.database, broker, lambda _s, _p: {}, lambda _p: None)  # type: ignore[arg-type]
    ingest.start()
    assert wait_until(lambda: broker.pings >= 2)
    assert (broker.acknowledged, broker.told) == ([], 0)
    assert readings(house) == []
    room["pages"] = 1_000_000
    assert broker.done.wait(30)
    ingest.stop()
    assert (1, 2000) == (len(broker.acknowledged), broker.told)
    assert len(readings(house)) == 2000


@pytest.mark.broker
def test_ten_times_the_usual_is_stored_whole_and_memory_stays(mortal_house: MortalHouse) -> None:
    """3,000 messages at a thousand a second through the whole server; bench-ingest goes on for a minute."""
    device, _ = mortal_house.add("level", f"level-{uuid.uuid4().hex[:8]}", random.Random(1))
    access, server = device.access, mortal_house.parts["server"]
    publisher = Publisher(access.port, access.device_id, access.password, access.device_id)
    topic, before = f"rp/1/{access.device_id}/up/ev", memory_mib(server)  # type: ignore[arg-type]
    surge = [publish_packet(topic, level_event(n, 900), n % 60_000 + 1) for n in range(SURGE)]
    publisher.send(surge, per_second=SURGE_PER_S)
    assert wait_until(lambda: len(mortal_house.rows(Reading, device_id=access.device_id)) == SURGE, 60)
    publisher.close()
    assert memory_mib(server) - before < 50  # type: ignore[arg-type]


@pytest.mark.broker
def test_while_the_disk_takes_nothing_from_the_real_server_nobody_hears_that_it_is_stored(
    mortal_house: MortalHouse,
) -> None:
    """The system refuses every write to its files, as a full disk does; with room again, all is stored."""
    device, _ = mortal_house.add("level", f"level-{uuid.uuid4().hex[:8]}", random.Random(1))
    access, server = device.access, mortal_house.parts["server"].pid
    publisher = Publisher(access.port, access.device_id, access.password, access.device_id)
    topic = f"rp/1/{access.device_id}/up/ev"
    burst = [publish_packet(topic, level_event(n, 900), n % 60_000 + 1) for n in range(FULL)]
    room = resource.prlimit(server, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    try:
        publisher.send(burst)
        time.sleep(1.5)
        assert mortal_house.rows(Reading, device_id=access.device_id) == []
    finally:
        resource.prlimit(server, resource.RLIMIT_FSIZE, room)
    assert wait_until(lambda: len(mortal_house.rows(Reading, device_id=access.device_id)) == FULL, 60)
    publisher.close()


@pytest.mark.broker
def test_a_burst_while_the_server_stands_still_is_stored_whole(mortal_house: MortalHouse) -> None:
    """5,000 messages at full speed with the shipped configuration; bench-ingest does it with 50,000."""
    device, _ = mortal_house.add("level", f"level-{uuid.uuid4().hex[:8]}", random.Random(1))
    access = device.access
    publisher = Publisher(access.port, access.device_id, access.password, access.device_id)
    topic = f"rp/1/{access.device_id}/up/ev"
    server = mortal_house.parts["server"].pid
    os.kill(server, signal.SIGSTOP)
    try:
        publisher.send([publish_packet(topic, level_event(n, 900), n % 60_000 + 1) for n in range(BURST)], 15)
    finally:
        os.kill(server, signal.SIGCONT)
    assert wait_until(lambda: len(mortal_house.rows(Reading, device_id=access.device_id)) == BURST, 60)
    publisher.close()
