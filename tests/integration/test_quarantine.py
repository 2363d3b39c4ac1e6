"""What cannot be used, over the real broker: kept with a reason people understand; nothing else suffers."""

import json
import os
import random
import subprocess
import sys
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from device_sim.fleet import Access
from replenish_server import operations
from replenish_server.fleet.broker import BrokerFiles
from replenish_server.fleet.registry import mosquitto_hash
from replenish_server.telemetry.codec import Event, Rejected, decode_event
from replenish_server.telemetry.tables import Quarantined, Reading
from tests.support.mortal_house import MortalHouse, wait_until
from tests.support.stranger import stranger

pytestmark = pytest.mark.broker

BOOT = "0000000a"


def event(seq: int = 1, **change: Any) -> bytes:
    """A level reading with changes; a member set to ... is left out."""
    body = {"v": 1, "b": BOOT, "s": seq, "a": 0, "t": "level", "n": 900, **change}
    return json.dumps({name: value for name, value in body.items() if value is not ...}).encode()


UNREADABLE = ("malformed", "not a readable event")

CASES: dict[str, tuple[bytes, str, str, bool]] = {
    # name: payload, code, words of the reason, whether its key is readable and so acknowledged
    "no json": (b"{", *UNREADABLE, False),
    "an array": (b"[1,2]", *UNREADABLE, False),
    "empty": (b"", *UNREADABLE, False),
    "binary garbage": (bytes(range(256)), *UNREADABLE, False),
    "invalid utf-8": (b'{"v":1,"b":"0000000a","s":1,"t":"\xff\xfe"}', *UNREADABLE, True),
    "surrogates": (b'{"v":1,"b":"0000000a","s":1,"t":"\\ud800"}', "type", "unknown event type '?'", True),
    "not a number": (b'{"v":1,"b":"0000000a","s":1,"t":"level","n":NaN}', *UNREADABLE, False),
    "infinity": (b'{"v":1,"b":"0000000a","s":1,"t":"level","n":1e400}', *UNREADABLE, True),
    "a float": (event(n=1.5), *UNREADABLE, True),
    "a text for a number": (event(n="900"), *UNREADABLE, True),
    "no boot id": (event(b=...), *UNREADABLE, False),
    "deep json": (b'{"v":1,"x":' + b"[" * 240 + b"]" * 240 + b"}", *UNREADABLE, False),
    "deeper json": (b"[" * 8000, "oversized", "8000 bytes; an event has at most 512", False),
    "oversized": (event(x="." * 600), "oversized", "an event has at most 512", True),
    "another schema": (event(v=2), "schema", "event schema 2; this server reads 1", True),
    "no boot": (event(b="xyz"), "out_of_range", "boot id", False),
    "negative sequence": (event(seq=-1), "out_of_range", "sequence", False),
    "unknown type": (event(t="smell"), "type", "unknown event type 'smell'", True),
    "age of years": (event(a=10**9), "out_of_range", "age", True),
    "negative reading": (event(n=-5), "out_of_range", "reading", True),
    "huge reading": (event(n=10**17), "out_of_range", "reading", True),
    "level without reading": (event(n=...), "out_of_range", "needs its reading", True),
    "unknown quality": (event(q="nice"), "out_of_range", "unknown quality", True),
    "unknown slot": (event(k="cellar"), "unknown_slot", "has no slot 'cellar'", True),
}  # fmt: skip


def new_device(house: MortalHouse, kind: str = "level") -> tuple[Access, str]:
    """A device of this test alone, and its slot."""
    device, slot = house.add(kind, f"{kind}-{uuid.uuid4().hex[:8]}", random.Random(1))
    return device.access, slot


def refused(house: MortalHouse, topic: str) -> list[Quarantined]:
    """What was quarantined on a topic."""
    return house.rows(Quarantined, topic=topic)


@pytest.mark.parametrize("case", list(CASES), ids=lambda case: case.replace(" ", "-"))
def test_it_is_kept_with_its_reason_and_the_stream_goes_on(mortal_house: MortalHouse, case: str) -> None:
    """The next reading is stored; a bad one with a readable key is acknowledged; nothing is ordered."""
    payload, code, words, readable = CASES[case]
    me, slot = new_device(mortal_house)
    topic = f"rp/1/{me.device_id}/up/ev"
    with stranger(me) as client:
        client.listen(f"rp/1/{me.device_id}/down/ack")
        for _ in range(2):
            client.say(topic, payload)
        client.say(topic, event(2))
        assert wait_until(lambda: mortal_house.rows(Reading, device_id=me.device_id))
        assert wait_until(lambda: any(2 in json.loads(ack)["s"] for ack in client.payloads()))
        acknowledged = {seq for ack in client.payloads() for seq in json.loads(ack)["s"]}
    (row,) = refused(mortal_house, topic)
    assert (code, 2, len(payload), False) == (row.code, row.seen, row.size, row.retained)
    assert words in row.reason
    assert payload[:1024] == row.payload
    assert acknowledged == ({1, 2} if readable else {2})
    assert [2] == [reading.seq for reading in mortal_house.rows(Reading, device_id=me.device_id)]
    assert mortal_house.orders(slot) == []


def test_a_press_that_is_late_or_a_copy_asks_and_says_why(mortal_house: MortalHouse) -> None:
    """It is stored and acknowledged, and a person is asked: the retailer hears nothing."""
    for retain, age_s, code, words in (
        (True, 0, "retained", "retained copy"),
        (False, 3600, "stale_press", "60 minutes old"),
    ):
        me, slot = new_device(mortal_house, "button")
        topic = f"rp/1/{me.device_id}/up/ev"
        with stranger(me) as client:
            client.listen(f"rp/1/{me.device_id}/down/ack")
            press = {"v": 1, "b": BOOT, "s": 1, "a": age_s, "t": "press", "g": "short"}
            client.say(topic, json.dumps(press), retain=retain)
            assert wait_until(lambda here=client: b"waiting" in b"".join(here.payloads()))
            client.say(topic, b"", retain=True)  # takes the copy away from the broker
        reasons = [(row.code, words in row.reason) for row in refused(mortal_house, topic) if row.size]
        assert reasons == [(code, True)]
        assert ["needs_approval"] == [order.state for order in mortal_house.orders(slot)]
        assert mortal_house.orders(slot)[0].retailer_order_id is None


def test_a_device_that_only_the_broker_knows_changes_nothing(mortal_house: MortalHouse) -> None:
    """Its credential was left in the password file; the server keeps what it says in quarantine alone."""
    name = f"ghost-{uuid.uuid4().hex[:8]}"
    files = BrokerFiles(mortal_house.settings.broker_folder.resolve())
    files.write_devices({name: mosquitto_hash("password")}, {}, {name})
    mortal_house.reload_broker_until_it_knows(
        Access("127.0.0.1", mortal_house.settings.device_port, name, "password")
    )
    before = len(mortal_house.shop_orders())
    topic = f"rp/1/{name}/up/ev"
    with stranger(Access("127.0.0.1", mortal_house.settings.device_port, name, "password")) as client:
        client.listen(f"rp/1/{name}/down/#")
        client.say(topic, event(t="press", n=...))
        assert wait_until(lambda: refused(mortal_house, topic))
        assert client.payloads() == []
    (row,) = refused(mortal_house, topic)
    assert ("unknown_device", f"no device '{name}' is registered here") == (row.code, row.reason)
    assert mortal_house.rows(Reading, device_id=name) == []
    assert len(mortal_house.shop_orders()) == before


def test_the_operator_sees_it(mortal_house: MortalHouse) -> None:
    """`replenish stats` and its JSON name every code with its count, and the newest with their reasons."""
    me, _ = new_device(mortal_house)
    with stranger(me) as client:
        client.say(f"rp/1/{me.device_id}/up/ev", event(v=9))
        client.say(f"rp/1/{me.device_id}/up/st", b'{"v":9}', retain=True)
        assert wait_until(lambda: refused(mortal_house, f"rp/1/{me.device_id}/up/st"))
    stats = operations.collect_stats(mortal_house.database, mortal_house.clock.now())
    assert stats["quarantine"]["schema"] >= 2
    assert {"event schema 9; this server reads 1", "report schema 9; this server reads 1"} <= {
        row["reason"] for row in stats["quarantine_newest"]
    }
    env = {**os.environ, "REPLENISH_DATA_DIR": str(mortal_house.folder), "COLUMNS": "200"}
    command = [sys.executable, "-m", "replenish_server", "stats"]
    printed = subprocess.run([*command, "--json"], env=env, capture_output=True, text=True, check=True).stdout
    assert json.loads(printed)["quarantine"] == stats["quarantine"]
    table = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    assert "quarantine schema" in table
    assert "event schema 9; this server reads 1 (1x)" in table


@settings(max_examples=10_000, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    payload=st.one_of(
        st.binary(max_size=700),
        st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.builds(
            lambda base, at, junk: base[:at] + junk + base[at:],
            st.sampled_from([event(), event(t="press", n=...), event(q="unknown", n=...)]),
            st.integers(0, 60),
            st.binary(max_size=4),
        ),
    )
)
def test_ten_thousand_byte_strings_are_read_or_refused(payload: bytes) -> None:
    """The decoder never raises, and what it accepts is within every limit."""
    result = decode_event(payload)
    if isinstance(result, Rejected):
        assert result.reason
        assert len(result.reason) < 500
        assert result.key is None or 0 <= result.key[1] < 2**32
    else:
        assert isinstance(result, Event)
        assert result.number is None or 0 <= result.number <= 10**8
