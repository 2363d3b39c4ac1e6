"""A raw MQTT client for tests: says anything under any name, and keeps all that it hears."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from device_sim.fleet import Access
from tests.support.mortal_house import wait_until


class Stranger:
    """A connected client.

    Args:
        access: where to, and as whom.
        protocol: paho.MQTTv311 or paho.MQTTv5.
        client_id: what it calls itself; the user name when None.
    """

    def __init__(self, access: Access, protocol: int = paho.MQTTv5, client_id: str | None = None) -> None:
        self.heard: list[paho.MQTTMessage] = []
        self.acknowledged: dict[int, Any] = {}
        self.connects: list[str] = []
        self._granted = threading.Event()
        name = access.device_id if client_id is None else client_id
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=protocol)
        self.client.username_pw_set(access.device_id, access.password)
        self.client.on_connect = lambda _c, _d, _f, reason, _p: self.connects.append(str(reason))
        self.client.on_message = lambda _c, _d, message: self.heard.append(message)
        self.client.on_publish = lambda _c, _d, mid, reason, _p: self.acknowledged.update({mid: reason})
        self.client.on_subscribe = lambda *_: self._granted.set()
        self.client.connect(access.host, access.port)
        self.client.loop_start()
        assert wait_until(lambda: self.connects), "the broker does not answer"

    def publish(self, topic: str, payload: bytes | str, retain: bool = False) -> int:
        """Send with QoS 1; returns the packet id."""
        return int(self.client.publish(topic, payload, qos=1, retain=retain).mid)

    def say(self, topic: str, payload: bytes | str, retain: bool = False) -> str:
        """Send with QoS 1 and wait for the PUBACK; returns its reason."""
        mid = self.publish(topic, payload, retain)
        assert wait_until(lambda: mid in self.acknowledged), "no PUBACK"
        return str(self.acknowledged[mid])

    def listen(self, *topics: str) -> None:
        """Subscribe, and wait until the broker has heard it."""
        for topic in topics:
            self._granted.clear()
            self.client.subscribe(topic, qos=1)
            assert self._granted.wait(30)

    def payloads(self, end: str = "") -> list[bytes]:
        """What was heard on topics with this end."""
        return [bytes(message.payload) for message in self.heard if message.topic.endswith(end)]

    def leave(self) -> None:
        """Disconnect."""
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def stranger(access: Access, protocol: int = paho.MQTTv5, client_id: str | None = None) -> Iterator[Stranger]:
    """A client that leaves at the end."""
    made = Stranger(access, protocol, client_id)
    try:
        yield made
    finally:
        made.leave()
