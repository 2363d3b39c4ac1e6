"""One device that floods cannot starve two hundred others, and its size and names get it nowhere."""

import asyncio
import contextlib
import json
import threading
import time
from pathlib import Path

import pytest

from replenish_server import operations
from replenish_server.fleet.authority import Authority
from replenish_server.fleet.credentials import CredentialKind, give_credential
from replenish_server.fleet.registry import NewDevice, Product, add_device
from replenish_server.fleet.tables import Device
from replenish_server.households.tables import HouseholdNotice, SlotMandate
from replenish_server.telemetry import packets
from replenish_server.telemetry.tables import Quarantined, Reading
from tests.benchmarks.ingest.bed import memory_mib
from tests.support.mortal_house import MortalHouse, wait_until
from tests.support.tls_device import connect_packet, publish_packet

pytestmark = [pytest.mark.broker, pytest.mark.timeout(240)]

NEIGHBOURS = 200
READINGS = 5
FLOOD_PER_S = 5000
FLOOD = "ffffffff"
PATIENCE_S = 60.0
UNTAKEN = 3000


def furnish(house: MortalHouse, names: list[str]) -> dict[str, str]:
    """Register level sensors all at once; returns their passwords."""
    now, passwords = house.clock.now(), {}
    product = Product(house.retailer_id, "det-1500", "Detergent", 1_400_000)
    with house.database.write() as session:
        for name in names:
            new = NewDevice("level", name, "Slot", "detergent", product, 1_500_000, 300_000, name)
            _, slot_id = add_device(session, house.household_id, new, now)
            session.add(SlotMandate(slot_id=slot_id, mode="shadow", currency="EUR", changed_at=now))
            made = give_credential(session, name, CredentialKind.PASSWORD, Authority(Path("none")), now)
            passwords[name] = made.password
    operations.gatekeeper(house.database, house.settings).run()
    return passwords


def reading(seq: int, boot: str) -> bytes:
    """A level far above any threshold."""
    return json.dumps({"v": 1, "b": boot, "s": seq, "t": "level", "n": 1200}).encode()


async def talk(port: int, name: str, password: str, boot: str) -> None:
    """One neighbour: connects, sends its readings, and waits for each PUBACK."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(connect_packet(name, name, password))
    assert (await reader.readexactly(4))[3] == 0
    for seq in range(READINGS):
        writer.write(publish_packet(f"rp/1/{name}/up/ev", reading(seq, boot), seq + 1))
        await reader.readexactly(4)
        await asyncio.sleep(0.2)
    writer.close()


async def flood(port: int, name: str, password: str, over: threading.Event) -> int:
    """The hostile one: new readings, at most `FLOOD_PER_S`; returns how many."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(connect_packet(name, name, password))
    await reader.readexactly(4)
    begun, sent = time.monotonic(), 0

    async def swallow() -> None:
        while await reader.read(65536):
            pass

    swallowing = asyncio.create_task(swallow())
    while not over.is_set():
        while sent < (time.monotonic() - begun) * FLOOD_PER_S:
            writer.write(publish_packet(f"rp/1/{name}/up/ev", reading(sent, FLOOD), sent % 65535 + 1))
            sent += 1
        await writer.drain()
        await asyncio.sleep(0.01)
    writer.close()
    swallowing.cancel()
    return sent


def stored(house: MortalHouse, boot: str) -> int:
    """How many readings of that boot are kept."""
    return len(house.rows(Reading, boot=boot))


def held(house: MortalHouse) -> int:
    """How many messages of the hostile one were too fast."""
    return sum(row.seen for row in house.rows(Quarantined, code="too_fast"))


def round_trip(house: MortalHouse, passwords: dict[str, str], boot: str) -> float:
    """All neighbours talk at once; returns the seconds until everything is stored."""
    port = house.settings.device_port

    async def everybody() -> None:
        await asyncio.gather(*(talk(port, name, word, boot) for name, word in passwords.items()))

    begun = time.monotonic()
    asyncio.run(everybody())
    assert wait_until(lambda: stored(house, boot) == NEIGHBOURS * READINGS, PATIENCE_S)
    return time.monotonic() - begun


def test_a_flood_costs_two_hundred_others_nothing(
    mortal_house: MortalHouse,
) -> None:
    """Nothing of theirs is lost, and it is stored within the patience of a run without the flood."""
    passwords = furnish(mortal_house, [f"near-{number}" for number in range(NEIGHBOURS)])
    hostile = furnish(mortal_house, ["hostile"])
    quiet_s = round_trip(mortal_house, passwords, "0000000a")
    over, sent = threading.Event(), []
    port = mortal_house.settings.device_port
    flooding = threading.Thread(
        target=lambda: sent.append(asyncio.run(flood(port, "hostile", hostile["hostile"], over)))
    )
    begun = time.monotonic()
    flooding.start()
    try:
        time.sleep(3)
        loud_s = round_trip(mortal_house, passwords, "0000000b")
    finally:
        over.set()
        flooding.join()
    assert sent[0] > 1000
    assert wait_until(lambda: stored(mortal_house, FLOOD) + held(mortal_house) == sent[0], PATIENCE_S)
    kept, settings = stored(mortal_house, FLOOD), mortal_house.settings
    print(
        f"200 devices: {quiet_s:.2f} s alone, {loud_s:.2f} s beside {sent[0]} hostile messages,"
        f" of which {kept} were stored and {sent[0] - kept} held back"
    )
    flooded_s = (time.monotonic() - begun) * 2  # of the server's clock, generously
    assert kept <= settings.device_burst + settings.device_rate * flooded_s
    assert loud_s < quiet_s * 10 + 10


async def hoard(port: int, name: str, password: str, reads: bool, over: threading.Event) -> bytes:
    """Sends `UNTAKEN` readings that want an acknowledgement each, and confirms none; returns what it read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 12)
    writer.write(packets.connect(name, name, password, 65_535, 0))
    heard = await reader.readexactly(2)
    heard += await reader.readexactly(heard[1])
    writer.write(packets.subscribe(f"rp/1/{name}/down/ack"))
    for number in range(UNTAKEN):
        boot = f"{number:08x}"
        writer.write(packets.publish(f"rp/1/{name}/up/ev", reading(1, boot), number % 60_000 + 1, 3600))
        if number % 100 == 0:
            await writer.drain()
    await writer.drain()
    heard = b""
    while not over.is_set():
        if reads:
            with contextlib.suppress(TimeoutError):
                heard += await asyncio.wait_for(reader.read(1 << 16), 0.2)
        else:
            await asyncio.sleep(0.2)
    writer.close()
    return heard


def test_who_takes_no_acknowledgements_fills_no_memory(mortal_house: MortalHouse) -> None:
    """One reads with a window of 65,535 and confirms nothing, one does not even read; a third is served.

    Mosquitto 2.0.11 lets a window of MQTT 5 override `max_inflight_messages`; what remains is memory.
    """
    passwords = furnish(mortal_house, ["hoarder", "deaf", "honest"])
    port, over, heard = mortal_house.settings.device_port, threading.Event(), {}
    before = {name: memory_mib(mortal_house.parts[name]) for name in ("broker", "server")}  # type: ignore[arg-type]

    def keep(name: str) -> None:
        heard[name] = asyncio.run(hoard(port, name, passwords[name], name == "hoarder", over))

    threads = [threading.Thread(target=keep, args=(name,)) for name in ("hoarder", "deaf")]
    for thread in threads:
        thread.start()
    try:
        for name in ("hoarder", "deaf"):
            assert wait_until(
                lambda name=name: len(mortal_house.rows(Reading, device_id=name)) == UNTAKEN,  # type: ignore[misc]
                PATIENCE_S,
            )
        asyncio.run(talk(port, "honest", passwords["honest"], "c0000000"))
        assert wait_until(lambda: stored(mortal_house, "c0000000") == READINGS, PATIENCE_S)
        time.sleep(1)  # whatever else would come
        more = {name: memory_mib(mortal_house.parts[name]) - mib for name, mib in before.items()}  # type: ignore[arg-type]
    finally:
        over.set()
        for thread in threads:
            thread.join()
    sent = len(packets.read(heard["hoarder"]).publishes)
    print(f"{UNTAKEN} readings each: {sent} acknowledgements sent and not taken, MiB more: {more}")
    assert 1000 <= sent <= UNTAKEN
    assert more["broker"] < 16
    assert more["server"] < 48


def test_a_huge_packet_ends_the_connection_and_nothing_else(mortal_house: MortalHouse) -> None:
    """More than 16 KiB is not even read; the next connection works."""
    (name, word), *_ = furnish(mortal_house, ["huge"]).items()

    async def shout(size: int) -> bool:
        port = mortal_house.settings.device_port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(connect_packet(name, name, word))
        assert (await reader.readexactly(4))[3] == 0
        writer.write(publish_packet(f"rp/1/{name}/up/ev", b"x" * size, 1))
        try:
            return len(await reader.read(4)) == 4
        except ConnectionError:
            return False
        finally:
            writer.close()

    assert [False, True] == [asyncio.run(shout(size)) for size in (1_000_000, 600)]


def test_a_credential_used_twice_ends_the_other_connection_and_is_told(mortal_house: MortalHouse) -> None:
    """A copy and the real one take turns: each throws the other out, and their boots give them away."""
    (name, word), *_ = furnish(mortal_house, ["copied"]).items()

    async def take_turns(turns: int) -> list[bool]:
        ended, before = [], None
        for turn in range(turns):
            reader, writer = await asyncio.open_connection("127.0.0.1", mortal_house.settings.device_port)
            writer.write(connect_packet(name, name, word))
            assert (await reader.readexactly(4))[3] == 0
            if before is not None:
                ended.append(await before[0].read(1) == b"")
                before[1].close()
            boot = "0000000b" if turn % 2 else "0000000a"
            body = {"v": 1, "b": boot, "s": turn, "t": "level", "n": 900, "a": 600 * (turns - turn)}
            writer.write(publish_packet(f"rp/1/{name}/up/ev", json.dumps(body).encode(), 1))
            await reader.readexactly(4)
            before = reader, writer
        assert before is not None
        before[1].close()
        return ended

    assert asyncio.run(take_turns(8)) == [True] * 7
    assert wait_until(lambda: mortal_house.rows(Device, id=name)[0].doubled_at is not None)
    (notice,) = mortal_house.rows(HouseholdNotice, kind="device_doubled")
    assert notice.data["device"] == name
    # Both are kept: nobody knows who is right. When the alarm rings, some are still on their way.
    assert wait_until(lambda: len(mortal_house.rows(Reading, device_id=name)) == 8)
