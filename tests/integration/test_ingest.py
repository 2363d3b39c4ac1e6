"""Acknowledge after commit, twice, from outside: while nobody can commit, nobody is told it is safe."""

import dataclasses
import json
import random
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from device_sim.fleet import Access
from replenish_server.fleet.broker import SERVER_USER
from replenish_server.fleet.twin import want_threshold
from replenish_server.ids import DeviceId
from replenish_server.telemetry.tables import Reading
from tests.support.mortal_house import MortalHouse, wait_until
from tests.support.stranger import stranger

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]

LOCKED_S = 2.0
LOCKED_LONG_S = 17.0  # SQLite waits 15 s


def new_access(house: MortalHouse) -> Access:
    """A level sensor of this test alone."""
    device, _ = house.add("level", f"level-{uuid.uuid4().hex[:8]}", random.Random(1))
    return device.access


def level(seq: int) -> str:
    """A reading of a full container."""
    return json.dumps({"v": 1, "b": "0000000a", "s": seq, "t": "level", "n": 1400})


@contextmanager
def nobody_commits(house: MortalHouse) -> Iterator[None]:
    """Hold the write lock of the database, as a stuck process would."""
    connection = sqlite3.connect(house.database.path, isolation_level=None, timeout=15)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


def in_the_queue_of_the_server(house: MortalHouse) -> list[dict[str, int]]:
    """What the broker still holds for the server, read by taking the session of a server that is dead.

    Nothing is acknowledged here, so everything is delivered again to the next server.
    """
    heard: list[dict[str, int]] = []
    client = paho.Client(
        CallbackAPIVersion.VERSION2, client_id=SERVER_USER, protocol=paho.MQTTv5, manual_ack=True
    )
    client.username_pw_set(SERVER_USER, house.settings.broker_passwords()["ingest"])
    client.on_message = lambda _c, _d, message: heard.append(json.loads(message.payload))
    properties = paho.Properties(paho.PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 3600
    client.connect("127.0.0.1", house.settings.broker_port, clean_start=False, properties=properties)
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline:
        client.loop(0.05)
    client.socket().close()
    client.loop(0.05)
    return heard


def test_the_device_hears_nothing_before_the_commit(mortal_house: MortalHouse) -> None:
    """While another holds the write lock, no acknowledgement comes; once it lets go, all of them do."""
    me = new_access(mortal_house)
    with stranger(me) as client:
        client.listen(f"rp/1/{me.device_id}/down/ack")
        with nobody_commits(mortal_house):
            for seq in range(1, 6):
                client.say(f"rp/1/{me.device_id}/up/ev", level(seq))
            time.sleep(LOCKED_S)
            assert client.payloads() == []
            assert mortal_house.rows(Reading, device_id=me.device_id) == []
        assert wait_until(
            lambda: {1, 2, 3, 4, 5} == {s for ack in client.payloads() for s in json.loads(ack)["s"]}
        )
    assert len(mortal_house.rows(Reading, device_id=me.device_id)) == 5


def test_the_broker_hears_nothing_before_the_commit(mortal_house: MortalHouse) -> None:
    """A server that dies before its commit leaves every message with the broker; the next one stores it."""
    me = new_access(mortal_house)
    with stranger(me) as client, nobody_commits(mortal_house):
        for seq in range(1, 6):
            client.say(f"rp/1/{me.device_id}/up/ev", level(seq))
        time.sleep(LOCKED_S)
        mortal_house.kill("server")
        mortal_house.await_death("server")
    assert [1, 2, 3, 4, 5] == [message["s"] for message in in_the_queue_of_the_server(mortal_house)]
    mortal_house.restart("server")
    assert wait_until(lambda: len(mortal_house.rows(Reading, device_id=me.device_id)) == 5)


def test_the_broker_hears_of_it_after_the_commit(mortal_house: MortalHouse) -> None:
    """What is stored and acknowledged is not delivered again to the next server."""
    me = new_access(mortal_house)
    with stranger(me) as client:
        client.listen(f"rp/1/{me.device_id}/down/ack")
        for seq in range(1, 6):
            client.say(f"rp/1/{me.device_id}/up/ev", level(seq))
        assert wait_until(
            lambda: {1, 2, 3, 4, 5} == {s for ack in client.payloads() for s in json.loads(ack)["s"]}
        )
        time.sleep(0.5)  # the broker reads the acknowledgements, which were sent first
    mortal_house.kill("server")
    mortal_house.await_death("server")
    assert [] == in_the_queue_of_the_server(mortal_house)
    mortal_house.restart("server")
    mortal_house.await_server()


def test_everything_goes_on_after_a_lock_that_outlasts_every_patience(mortal_house: MortalHouse) -> None:
    """A lock longer than SQLite's busy timeout fails transactions; it must end no thread and lose nothing."""
    device, slot = mortal_house.add("button", f"button-{uuid.uuid4().hex[:8]}", random.Random(1))
    me, wisher = device.access, new_access(mortal_house)
    with mortal_house.database.write() as session:
        want_threshold(session, DeviceId(wisher.device_id), "main", 555, mortal_house.clock.now())
    with stranger(me) as client, stranger(wisher) as other:
        client.listen(f"rp/1/{me.device_id}/down/ack")
        with nobody_commits(mortal_house):
            body = {"v": 1, "b": "0000000a", "s": 1, "a": 0, "t": "press", "g": "short"}
            client.say(f"rp/1/{me.device_id}/up/ev", json.dumps(body))
            time.sleep(LOCKED_LONG_S)
        assert wait_until(lambda: b"placed" in b"".join(client.payloads()), 60)
        with mortal_house.database.write() as session:
            want_threshold(session, DeviceId(wisher.device_id), "main", 556, mortal_house.clock.now())
        other.listen(f"rp/1/{wisher.device_id}/down/desired")
        assert wait_until(lambda: b'"threshold":556' in b"".join(other.payloads()))
    assert len(mortal_house.orders(slot)) == 1


def test_what_arrives_twice_is_stored_once_and_acknowledged_twice(mortal_house: MortalHouse) -> None:
    """The first acknowledgement may have been lost: the device must be able to ask again."""
    me = new_access(mortal_house)
    with stranger(me) as client:
        client.listen(f"rp/1/{me.device_id}/down/ack")
        for times in (1, 2):
            client.say(f"rp/1/{me.device_id}/up/ev", level(1))
            assert wait_until(lambda wanted=times: len(client.payloads()) == wanted)
    assert len(mortal_house.rows(Reading, device_id=me.device_id)) == 1


def test_health_says_whether_the_broker_is_there(mortal_house: MortalHouse) -> None:
    """/healthz answers at any time, and tells the truth about the broker."""
    url = f"{mortal_house.settings.base_url}/healthz"

    def health() -> dict[str, object]:
        return dict(httpx.get(url, trust_env=False, timeout=10).json())

    assert wait_until(lambda: health() == {"status": "ok", "broker": True})
    mortal_house.kill("broker")
    assert wait_until(lambda: health() == {"status": "ok", "broker": False})
    mortal_house.restart("broker")
    assert wait_until(lambda: health() == {"status": "ok", "broker": True})


def test_the_device_of_the_contract_is_stored_and_acknowledged(
    mortal_house: MortalHouse, tmp_path: Path
) -> None:
    """The program that docs/wire.md ends with, as it stands there, ends once nothing of it is left unsaid."""
    shown = Path("docs/wire.md").read_text(encoding="utf-8").split("<!-- device: by-hand -->\n```python\n")[1]
    me = new_access(mortal_house)
    given = tmp_path / "device.json"
    given.write_text(json.dumps(dataclasses.asdict(me)), encoding="utf-8")
    command = [sys.executable, "-W", "error", "-c", shown.split("```")[0], str(given)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    stored = mortal_house.rows(Reading, device_id=me.device_id)
    assert [("hello", None), ("level", 1200)] == sorted((row.type, row.number) for row in stored)
