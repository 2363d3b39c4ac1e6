"""The ingest session with the broker: hands messages over, acknowledges them only when told to.

A blocking socket and a hand-written codec (docs/adr/0016). It never touches the database. One thread
receives; any may publish. What nobody received stays in the socket, so that a slow database holds the broker
back and does not fill our memory.
"""

import contextlib
import logging
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from replenish_server.telemetry import packets
from replenish_server.telemetry.store import Incoming

log = logging.getLogger(__name__)

_SESSION_EXPIRY_S = 14 * 86_400  # messages wait for a server that is away on holiday
_RECEIVE_MAXIMUM = 4096  # in flight to us; what a slow disk stores in one commit is at most this
_READ_BYTES = 1 << 18  # of the socket at once: about 1,000 messages
_PING_S = 15.0  # half of the keep-alive time
_SILENCE_S = 45.0  # a broker that answers no ping for this long is gone
_SEND_S = 20  # a broker that takes nothing for this long is stuck
_RECONNECT_S = (0.2, 5.0)
_MOST_ID = 65_534  # packet ids of acknowledgements; 65,535 is the subscription's
_ACK_EXPIRY_S = 120  # an acknowledgement that nobody fetched is worthless: the device will ask again
_ACKS_KEPT = 20_000  # waiting or unconfirmed; beyond it the oldest is dropped, and its device asks again


@dataclass(frozen=True)
class BrokerAddress:
    """Where the broker's inner listener is, and who we are there."""

    host: str
    port: int
    user: str
    password: str


@dataclass(frozen=True)
class Delivery:
    """Messages with what is needed to acknowledge them on the connection that they came by."""

    messages: list[Incoming]
    packet_ids: list[bytes]
    connection: int

    def joined(self, more: "Delivery") -> "Delivery":
        """Both, in this order; what came by an older connection comes again and stays unacknowledged."""
        ids = self.packet_ids if self.connection == more.connection else []
        return Delivery([*self.messages, *more.messages], [*ids, *more.packet_ids], more.connection)


class IngestSession:
    """A persistent MQTT 5 session on `rp/1/+/up/#`.

    Args:
        address: the broker's listener.
        now: the server's clock.
    """

    def __init__(self, address: BrokerAddress, now: Callable[[], datetime]) -> None:
        self._address = address
        self._now = now
        self.connected = threading.Event()
        self._stopping = threading.Event()
        self._lock = threading.Lock()  # of everything below
        self._socket: socket.socket | None = None
        self._poll = select.poll()
        self._connection = 0
        self._rest = b""
        self._heard_at = self._said_at = 0.0
        self._wait_s = _RECONNECT_S[0]
        self._outgoing: dict[int, tuple[str, bytes]] = {}
        self._waiting: list[tuple[str, bytes]] = []
        self._room = 0
        self._next_id = 1

    def receive(self, wait_s: float) -> Delivery | None:
        """What the broker has delivered, or None when nothing came within `wait_s`; connects if it must."""
        if self._socket is None and not self._connect():
            return None
        until = time.monotonic() + wait_s
        while True:  # what is not a message, as the broker's word for an acknowledgement, ends no wait
            self.keep_alive()
            connection, poll = self._socket, self._poll
            left_s = max(0.0, until - time.monotonic())
            if connection is None or not poll.poll(left_s * 1000):
                return None
            try:
                data = connection.recv(_READ_BYTES)
            except OSError as error:
                self._lost(str(error))
                return None
            if not data:
                self._lost("the broker closed the connection")
                return None
            delivery = self._take(data)
            if delivery is not None or left_s <= 0:
                return delivery

    def acknowledge(self, delivery: Delivery) -> None:
        """PUBACK these. Never on another connection: its packet ids mean other messages there."""
        with self._lock:
            if delivery.connection == self._connection:
                self._send(packets.pubacks(delivery.packet_ids))

    def publish_acks(self, acks: Iterable[tuple[str, bytes]]) -> None:
        """Tell devices on their `down/ack`, in one write.

        Kept until the broker confirms, and sent again on the next connection; beyond `_ACKS_KEPT` the
        oldest is dropped.

        Args:
            acks: device ids with payloads.
        """
        with self._lock:
            self._waiting += [(f"rp/1/{device_id}/down/ack", payload) for device_id, payload in acks]
            self._send_waiting()

    def publish_ack(self, device_id: str, payload: bytes) -> None:
        """Tell one device; see `publish_acks`."""
        self.publish_acks([(device_id, payload)])

    def keep_alive(self) -> None:
        """Ping when it is time, so that a long commit does not end the session; call it while it lasts."""
        moment = time.monotonic()
        with self._lock:
            if self._socket is not None and moment - self._said_at > _PING_S:
                self._send(packets.PINGREQ)
        if self._socket is not None and moment - self._heard_at > _SILENCE_S:
            self._lost("the broker has been silent")

    def hang_up(self) -> None:
        """Leave the broker; what was not acknowledged comes again to whoever connects next."""
        with self._lock:
            self._send(packets.DISCONNECT)
        self._lost("hung up")

    def stop(self) -> None:
        """Disconnect, once nobody receives any more; what was not acknowledged comes again next time."""
        self._stopping.set()
        with self._lock:
            self._send(packets.DISCONNECT)
        self._lost("")

    def _connect(self) -> bool:
        """Open a connection and log in; wait before the next try where that fails."""
        if self._stopping.is_set():
            return False
        address = self._address
        try:
            made = socket.create_connection((address.host, address.port), 5)
            made.settimeout(None)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _SEND_S, 0))
            hello = packets.connect(
                address.user, address.user, address.password, _RECEIVE_MAXIMUM, _SESSION_EXPIRY_S
            )
            made.sendall(hello)
        except OSError as error:
            self._back_off(f"{type(error).__name__}: {error}")
            return False
        with self._lock:
            self._socket, self._rest, self._room = made, b"", 0
            self._poll = select.poll()
            self._poll.register(made, select.POLLIN)
            self._connection += 1
            self._heard_at = self._said_at = time.monotonic()
        return True

    def _take(self, data: bytes) -> Delivery | None:
        """Read what came, and act on everything but messages."""
        read = packets.read(self._rest + data if self._rest else data)
        with self._lock:
            self._rest = read.rest
            self._heard_at = time.monotonic()
            if read.accepted is not None:
                self._welcome(read.accepted)
            if read.subscribed:
                self._wait_s = _RECONNECT_S[0]
                self.connected.set()
                log.info("action=broker_subscribed")
            for packet_id in read.pubacks:
                if self._outgoing.pop(packet_id, None) is not None:
                    self._room += 1
            if read.pubacks and self._waiting:
                self._send_waiting()
            connection = self._connection
        refused = read.accepted is not None and read.accepted.reason >= 0x80
        if refused or read.subscribed is False or read.closed:
            self._lost(read.closed or "the broker refused us; see its password file and access rules")
            self._back_off("refused")
        if not read.publishes:
            return None
        now = self._now()
        return Delivery(
            [Incoming(topic, payload, retained, now) for topic, payload, retained, _ in read.publishes],
            [packet_id for _, _, _, packet_id in read.publishes if packet_id],
            connection,
        )

    def _welcome(self, accepted: packets.Accepted) -> None:
        """Subscribe, and send again what an earlier connection left unconfirmed."""
        if accepted.reason >= 0x80:
            log.error("action=broker_refused reason=%#04x user=%s", accepted.reason, self._address.user)
            return
        log.info("action=broker_connected session_present=%s", accepted.session_present)
        self._send(packets.subscribe("rp/1/+/up/#"))
        self._room = accepted.receive_maximum
        self._waiting = [*self._outgoing.values(), *self._waiting]
        self._outgoing.clear()
        self._send_waiting()

    def _send_waiting(self) -> None:
        """Send as many acknowledgements as the broker takes; the lock is held."""
        number = min(self._room, len(self._waiting))
        sent, outgoing, packet_id, publish = [], self._outgoing, self._next_id, packets.publish
        for waiting in self._waiting[:number]:
            while packet_id in outgoing:
                packet_id = packet_id % _MOST_ID + 1
            outgoing[packet_id] = waiting
            sent.append(publish(*waiting, packet_id, _ACK_EXPIRY_S))
            packet_id = packet_id % _MOST_ID + 1
        self._next_id = packet_id
        self._room -= number
        self._waiting = self._waiting[number:][-_ACKS_KEPT:]
        if sent:
            self._send(b"".join(sent))

    def _send(self, data: bytes) -> None:
        """Write; a connection that does not take it is noticed by the next read. The lock is held."""
        if self._socket is None or not data:
            return
        try:
            self._socket.sendall(data)
            self._said_at = time.monotonic()
        except OSError as error:
            log.warning("action=broker_write_failed why=%s", error)
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _lost(self, why: str) -> None:
        with self._lock:
            if self._socket is None:
                return
            self._socket.close()
            self._socket = None
            self._connection += 1
        self.connected.clear()
        if not self._stopping.is_set():
            log.warning("action=broker_lost why=%s", why)

    def _back_off(self, why: str) -> None:
        log.info("action=broker_away why=%s wait_s=%.1f", why, self._wait_s)
        self._stopping.wait(self._wait_s)
        self._wait_s = min(self._wait_s * 2, _RECONNECT_S[1])
