"""A threshold reaches the device and comes back as reported, whatever the broker forgot."""

import json
import random
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from device_sim.clock import SimClock
from device_sim.fleet import Access
from device_sim.vm import VmDevice
from replenish_server.cli.main import app
from replenish_server.fleet.tables import Device, Twin
from replenish_server.fleet.twin import Agreement, slot_agreement, want_threshold
from replenish_server.ids import DeviceId
from tests.support.mortal_house import MortalHouse, wait_until
from tests.support.stranger import Stranger, stranger

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]


@pytest.fixture
def access(mortal_house: MortalHouse) -> Access:
    """A level sensor of this test alone."""
    device, _ = mortal_house.add("level", f"level-{uuid.uuid4().hex[:8]}", random.Random(1))
    return device.access


def wish(house: MortalHouse, device_id: str, threshold_g: int) -> int:
    """A person sets a threshold; returns the wished revision."""
    with house.database.write() as session:
        want_threshold(session, DeviceId(device_id), "main", threshold_g, house.clock.now())
    return int(house.rows(Twin, device_id=device_id)[0].desired_rev)


def agreement(house: MortalHouse, device_id: str) -> Agreement:
    """How far the device has followed."""
    return slot_agreement(house.rows(Twin, device_id=device_id)[0], "main").agreement


def wanted(client: Stranger) -> tuple[int, int] | None:
    """(revision, threshold) of the newest desired document that the device heard."""
    heard = client.payloads("/down/desired")
    document = json.loads(heard[-1]) if heard else None
    return None if document is None else (document["rev"], document["slots"]["main"]["threshold"])


def test_desired_becomes_reported(mortal_house: MortalHouse, access: Access) -> None:
    """Pending until the device says so, limited where the device clamped, in force where it did not."""
    topic = f"rp/1/{access.device_id}/up/st"
    with stranger(access) as client:
        client.listen(f"rp/1/{access.device_id}/down/#")
        for grams, reported, expected in ((400, 400, Agreement.IN_FORCE), (1400, 1200, Agreement.LIMITED)):
            rev = wish(mortal_house, access.device_id, grams)
            assert wait_until(lambda at=(rev, grams): wanted(client) == at)
            assert agreement(mortal_house, access.device_id) is Agreement.PENDING
            report = {"v": 1, "rev": rev, "slots": {"main": {"threshold": reported}}}
            client.say(topic, json.dumps(report), retain=True)
            assert wait_until(lambda want=expected: agreement(mortal_house, access.device_id) is want)


def test_a_sleeping_device_finds_its_wish(mortal_house: MortalHouse, access: Access) -> None:
    """The document is retained: the device hears the newest one whenever it wakes, and only that."""
    for grams in (410, 420, 430):
        rev = wish(mortal_house, access.device_id, grams)
    assert wait_until(lambda: mortal_house.rows(Twin, device_id=access.device_id)[0].published_rev == rev)
    with stranger(access) as client:
        client.listen(f"rp/1/{access.device_id}/down/desired")
        assert wait_until(lambda: wanted(client) == (rev, 430))
        assert len(client.payloads()) == 1


def test_a_broker_that_forgot_everything_is_told_again(mortal_house: MortalHouse, access: Access) -> None:
    """Killed and its persistence wiped: the confirmed document is published again, without a new wish."""
    rev = wish(mortal_house, access.device_id, 450)
    assert wait_until(lambda: mortal_house.rows(Twin, device_id=access.device_id)[0].published_rev == rev)
    mortal_house.kill("broker")
    mortal_house.await_death("broker")
    mortal_house.wipe_broker()
    mortal_house.restart("broker")
    mortal_house.await_server()
    with stranger(access) as client:
        client.listen(f"rp/1/{access.device_id}/down/desired", f"rp/1/{access.device_id}/down/ack")
        assert wait_until(lambda: wanted(client) == (rev, 450))
        # And the server listens again, although the broker forgot its session as well.
        event = {"v": 1, "b": "0000000a", "s": 1, "t": "level", "n": 900}
        client.say(f"rp/1/{access.device_id}/up/ev", json.dumps(event))
        assert wait_until(lambda: client.payloads("/down/ack"))


def test_a_wish_made_while_the_server_is_dead_is_published_when_it_lives(
    mortal_house: MortalHouse, access: Access
) -> None:
    """The wish is a row; nobody has to remember to send it."""
    mortal_house.kill("server")
    mortal_house.await_death("server")
    rev = wish(mortal_house, access.device_id, 460)
    mortal_house.restart("server")
    with stranger(access) as client:
        client.listen(f"rp/1/{access.device_id}/down/desired")
        assert wait_until(lambda: wanted(client) == (rev, 460))


@pytest.mark.vm
def test_a_person_asks_a_meter_and_its_firmware_answers(mortal_house: MortalHouse, tmp_path: Path) -> None:
    """In the page and by the command: it blinks, starts anew, and the page says what came of it."""
    device, _ = mortal_house.add("flow", f"flow-{uuid.uuid4().hex[:8]}", random.Random(2))
    access, base = device.access, mortal_house.settings.base_url
    facts: list[dict[str, Any]] = []
    where = access.device_id, access.password, access.host, access.port
    meter = VmDevice("flow", *where, tmp_path, SimClock.started_now(1.0), facts.append)
    meter.start()
    try:
        assert wait_until(lambda: mortal_house.rows(Device, id=access.device_id)[0].last_seen_at)
        headers = {"sec-fetch-site": "same-origin", "accept-language": "en"}
        with httpx.Client(base_url=base, headers=headers, trust_env=False) as browser:
            path = f"/devices/{access.device_id}/ask"
            assert browser.post(path, data={"do": "identify"}).status_code == 303
            assert wait_until(lambda: "done, it says" in browser.get("/devices").text)
            assert browser.post(path, data={"do": "dance"}).status_code == 409
            env = {"REPLENISH_DATA_DIR": str(mortal_house.settings.data_dir)}
            ran = CliRunner().invoke(app, ["device", "ask", access.device_id, "restart", "--json"], env=env)
            assert (ran.exit_code, json.loads(ran.stdout)["state"]) == (0, "done")
            assert "Restart: done, it says" in browser.get("/devices").text
        assert [fact["cause"] for fact in facts if fact["e"] == "wake"] == ["power", "timer"]
    finally:
        meter.stop()
