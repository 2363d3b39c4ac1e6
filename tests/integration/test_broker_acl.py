"""A device is only itself: what it may write, read and call itself at the real broker, in both protocols."""

import json
import random
import uuid

import paho.mqtt.client as paho
import pytest

from device_sim.fleet import Access
from replenish_server.fleet.broker import SERVER_USER, TWIN_USER
from replenish_server.fleet.tables import Device
from replenish_server.telemetry.tables import Reading
from tests.support.mortal_house import MortalHouse, wait_until
from tests.support.stranger import stranger

pytestmark = pytest.mark.broker

PROTOCOLS = pytest.mark.parametrize("protocol", [paho.MQTTv311, paho.MQTTv5], ids=["3.1.1", "5"])


def new_access(house: MortalHouse, kind: str = "button") -> Access:
    """A device of this test alone."""
    device, _ = house.add(kind, f"{kind}-{uuid.uuid4().hex[:8]}", random.Random(1))
    return device.access


def press(seq: int = 1) -> str:
    """A valid press."""
    return json.dumps({"v": 1, "b": "0000000a", "s": seq, "t": "press", "g": "short"})


def test_both_protocols_deliver_when_the_topic_is_ones_own(mortal_house: MortalHouse) -> None:
    """Otherwise the refusals below would prove nothing."""
    for protocol in (paho.MQTTv311, paho.MQTTv5):
        me = new_access(mortal_house)
        with stranger(me, protocol) as client:
            client.listen(f"rp/1/{me.device_id}/down/#")
            client.say(f"rp/1/{me.device_id}/up/ev", press())
            assert wait_until(lambda here=client: b"placed" in b"".join(here.payloads("/down/ack")))
        assert len(mortal_house.rows(Reading, device_id=me.device_id)) == 1


@PROTOCOLS
def test_a_device_cannot_publish_as_another(mortal_house: MortalHouse, protocol: int) -> None:
    """Nothing is stored, nothing ordered, nothing answered; MQTT 5 also says that it was refused."""
    me, other = new_access(mortal_house), new_access(mortal_house)
    wanted = [f"rp/1/{other.device_id}/up/ev", f"rp/1/{other.device_id}/up/st", "rp/1//up/ev"]
    wanted += [f"rp/1/{me.device_id}/down/desired", f"rp/1/{other.device_id}/down/ack"]
    wanted += [f"rp/1/{me.device_id}/up/more", f"rp/1/{me.device_id}/up/ev/more"]  # each could be retained
    with stranger(other) as victim, stranger(me, protocol) as client:
        victim.listen(f"rp/1/{other.device_id}/down/ack")
        reasons = [client.say(topic, press(), retain=topic == wanted[1]) for topic in wanted]
        client.say(f"rp/1/{me.device_id}/up/ev", press(2))
        assert wait_until(lambda: mortal_house.rows(Reading, device_id=me.device_id))
        assert victim.payloads() == []
    if protocol == paho.MQTTv5:
        assert set(reasons) == {"Not authorized"}
    assert mortal_house.rows(Reading, device_id=other.device_id) == []
    assert [2] == [row.seq for row in mortal_house.rows(Reading, device_id=me.device_id)]
    assert mortal_house.rows(Device, id=other.device_id)[0].last_seen_at is None


@PROTOCOLS
def test_a_device_reads_only_what_is_for_it(mortal_house: MortalHouse, protocol: int) -> None:
    """Not another's desired document, not what anybody says, not even its own reports, not the broker's."""
    me, other = new_access(mortal_house, "level"), new_access(mortal_house, "level")
    with stranger(me, protocol) as client, stranger(other) as neighbour:
        client.listen(
            "#", "$SYS/#", "rp/1/+/down/#", "rp/1/+/up/#", f"rp/1/{other.device_id}/down/desired",
            f"rp/1/{me.device_id}/up/#",
        )  # fmt: skip
        neighbour.listen(f"rp/1/{other.device_id}/down/#")
        neighbour.say(f"rp/1/{other.device_id}/up/ev", press())
        client.say(f"rp/1/{me.device_id}/up/st", '{"v":1,"rev":1}', retain=True)
        assert wait_until(lambda: neighbour.payloads("/down/desired") and neighbour.payloads("/down/ack"))
        assert wait_until(lambda: client.payloads("/down/desired"))  # its own
        assert {f"rp/1/{me.device_id}/down/desired"} == {message.topic for message in client.heard}


@PROTOCOLS
@pytest.mark.parametrize("claimed", [SERVER_USER, TWIN_USER, "another device", ""])
def test_a_client_id_takes_over_nobodys_session(
    mortal_house: MortalHouse, protocol: int, claimed: str
) -> None:
    """Whatever a device calls itself, the server and the other device stay connected and hear everything."""
    me, other = new_access(mortal_house), new_access(mortal_house)
    name = other.device_id if claimed == "another device" else claimed
    with stranger(other) as neighbour:
        neighbour.listen(f"rp/1/{other.device_id}/down/#")
        with stranger(me, protocol, client_id=name) as client:
            client.say(f"rp/1/{me.device_id}/up/ev", press(7))
            neighbour.say(f"rp/1/{other.device_id}/up/ev", press(8))
            assert wait_until(lambda: neighbour.payloads("/down/ack"))
        assert neighbour.connects == ["Success"]
    assert [7] == [row.seq for row in mortal_house.rows(Reading, device_id=me.device_id)]
    words = (mortal_house.folder / "server.log").read_text(encoding="utf-8")
    assert "broker_lost" not in words
    assert "twin_offline" not in words


@PROTOCOLS
def test_no_account_works_on_the_other_listener_or_with_another_password(
    mortal_house: MortalHouse, protocol: int
) -> None:
    """The server's accounts exist only on the inner listener, the devices' only on the outer one."""
    settings = mortal_house.settings
    passwords, me = settings.broker_passwords(), new_access(mortal_house)
    for port, user, password in (
        (settings.device_port, SERVER_USER, passwords["ingest"]),
        (settings.device_port, TWIN_USER, passwords["twin"]),
        (settings.broker_port, me.device_id, me.password),
        (settings.device_port, me.device_id, "wrong"),
    ):
        with stranger(Access("127.0.0.1", port, user, password), protocol) as client:
            assert {"Not authorized"} == set(client.connects)
