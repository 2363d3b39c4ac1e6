"""The ingest session with the broker: hands messages over, acknowledges them only when told to.

The transport is paho with manual acknowledgement (docs/adr/0011). It never touches the database.
"""

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from replenish_server.telemetry.store import Incoming

log = logging.getLogger(__name__)

_SESSION_EXPIRY_S = 14 * 86_400  # messages wait for a server that is away on holiday
_RECEIVE_MAXIMUM = 1000  # in flight to us; the broker's default of 20 would pace us by our commits
_QUEUE_LIMIT = 5000  # a full queue blocks the socket's thread, and so the broker: memory stays bounded
_ACK_EXPIRY_S = 120  # an acknowledgement that nobody fetched is worthless: the device will ask again


@dataclass(frozen=True)
class BrokerAddress:
    """Where the broker's inner listener is, and who we are there."""

    host: str
    port: int
    user: str
    password: str


@dataclass(frozen=True)
class Delivery:
    """A message with what is needed to acknowledge it on the connection that it came by."""

    message: Incoming
    mid: int
    qos: int
    generation: int


class IngestSession:
    """A persistent MQTT 5 session on `rp/1/+/up/#`.

    Args:
        address: the broker's listener.
        now: the server's clock.
    """

    def __init__(self, address: BrokerAddress, now: Callable[[], datetime]) -> None:
        self._address = address
        self._now = now
        self._generation = 0
        self.deliveries: queue.Queue[Delivery] = queue.Queue(_QUEUE_LIMIT)
        self.connected = threading.Event()
        self._stopping = threading.Event()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=address.user,
            protocol=paho.MQTTv5,
            manual_ack=True,
        )
        self._client.username_pw_set(address.user, address.password)
        self._client.reconnect_delay_set(min_delay=1, max_delay=5)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message

    def start(self) -> None:
        """Connect in the background, again and again until it works."""
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = _SESSION_EXPIRY_S
        properties.ReceiveMaximum = _RECEIVE_MAXIMUM
        self._client.connect_async(
            self._address.host, self._address.port, keepalive=30, clean_start=False, properties=properties
        )
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect; what was not acknowledged comes again at the next start."""
        self._stopping.set()
        self._client.disconnect()
        self._client.loop_stop()

    def acknowledge(self, deliveries: list[Delivery]) -> None:
        """PUBACK these. Never on another connection: its packet ids mean other messages there."""
        for delivery in deliveries:
            if delivery.generation == self._generation:
                self._client.ack(delivery.mid, delivery.qos)

    def publish_ack(self, device_id: str, payload: bytes) -> None:
        """Tell a device on `down/ack`; lost without harm when we are offline, the device asks again."""
        if not self.connected.is_set():
            return
        properties = Properties(PacketTypes.PUBLISH)
        properties.MessageExpiryInterval = _ACK_EXPIRY_S
        self._client.publish(f"rp/1/{device_id}/down/ack", payload, qos=1, properties=properties)

    def _on_connect(
        self, client: paho.Client, _data: Any, flags: paho.ConnectFlags, reason: ReasonCode, _properties: Any
    ) -> None:
        self._generation += 1
        if reason.is_failure:
            log.error("action=broker_refused reason=%s user=%s", reason, self._address.user)
            return
        options = SubscribeOptions(qos=1, retainAsPublished=True)
        client.subscribe("rp/1/+/up/#", options=options)
        self.connected.set()
        log.info("action=broker_connected session_present=%s", flags.session_present)

    def _on_disconnect(
        self, _client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _props: Any
    ) -> None:
        self._generation += 1
        self.connected.clear()
        if not self._stopping.is_set():
            log.warning("action=broker_lost reason=%s", reason)

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        incoming = Incoming(message.topic, bytes(message.payload), message.retain, self._now())
        delivery = Delivery(incoming, message.mid, message.qos, self._generation)
        while not self._stopping.is_set():
            try:
                self.deliveries.put(delivery, timeout=0.5)
                return
            except queue.Full:
                continue
