"""An MQTT 5 conversation over a byte stream. It owns packet ids and order, and keeps no record.

CONNECT, SUBSCRIBE and the first PUBLISHes leave in one write, so that acknowledgements and the retained
settings come back in the same round trip (docs/firmware.md).
"""

from firmware.core import packet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.app.ports import Clock, Link


KEEP_ALIVE_S = 30
"""No wake lasts that long; a broker that loses us forgets us after one and a half times this."""

SESSION_S = 86_400
WILL_DELAY_S = 20
"""A device that is back by then was never gone."""

WILL = b'{"v":1,"gone":1}'

_SEND_MS = 1000
"""Until the peer takes a few hundred bytes more: it has just talked to us."""


class RefusedError(Exception):
    """The broker refused something with a reason code.

    Args:
        what: the packet that carried the reason.
        reason: 0x80 or above (MQTT 5, 2.4).
    """

    def __init__(self, what: str, reason: int) -> None:
        super().__init__(f"{what} 0x{reason:02x}")
        self.what = what
        self.reason = reason


class Publication:
    """One message to publish at QoS 1.

    Args:
        topic: where.
        payload: what.
        retain: whether the broker keeps it.
    """

    def __init__(self, topic: str, payload: bytes, retain: bool = False) -> None:
        self.topic = topic
        self.payload = payload
        self.retain = retain


class Session:
    """One connection, from CONNECT to DISCONNECT.

    Args:
        link: the byte stream.
        clock: bounds every wait.
        stays_s: keep-alive of a connection that lasts, 0 for one of seconds.
        window: messages that this broker took unacknowledged when it was last asked; 0 while unknown.
    """

    def __init__(self, link: "Link", clock: "Clock", stays_s: int = 0, window: int = 0) -> None:
        self._link = link
        self._clock = clock
        self._stays_s = stays_s
        self._reader = packet.Reader()
        self._last_id = 0
        self._under_way: set[int] = set()
        self._held: list[tuple[int, bytes]] = []
        self.window = window or 65_535
        """Messages that may be unacknowledged at once; more are held back."""
        self.keep_alive_s = stays_s or KEEP_ALIVE_S
        """Within which the broker wants to hear of us; it may have its own idea of that."""
        self.connected = False
        """Whether the broker has let us in."""
        self.handled = 0
        """Packets taken in so far."""
        self.open_ids: set[int] = set()
        """Packets that the broker has not yet acknowledged."""

    def start(
        self, device_id: str, password: str, topic: str, first: list[Publication], timeout_ms: int
    ) -> None:
        """Connect, subscribe to all below `topic`/down and publish, in one write. Raises OSError.

        A visit of seconds subscribes at QoS 0: what it loses comes again. A connection that lasts has QoS 1,
        a will (docs/wire.md) and a session that outlasts it; it subscribes anew, session present or not.
        """
        started = self._clock.ticks_ms()
        self._link.open(timeout_ms)
        lasting = None
        if self._stays_s:
            lasting = packet.Lasting(SESSION_S, WILL_DELAY_S, topic + "up/st", WILL)
        head = packet.connect(device_id, device_id, password, self.keep_alive_s, lasting)
        head += packet.subscribe(self._take_id(), topic + "down/+", 1 if lasting else 0)
        left_ms = timeout_ms - self._clock.since_ms(started)
        self._link.send(head + self._publications(first), left_ms)

    def ping(self) -> None:
        """Ask for a sign of life. Raises OSError."""
        self._link.send(packet.pingreq(), _SEND_MS)

    def publish(self, publications: list[Publication]) -> None:
        """Publish in one write. Raises OSError."""
        self._link.send(self._publications(publications), _SEND_MS)

    def next(self, timeout_ms: int) -> packet.Message | None:
        """Wait for a message; None when an acknowledgement came, or nothing in time.

        Raises:
            OSError: the connection is gone.
            ProtocolError: the peer does not speak MQTT 5.
            RefusedError: the broker refused the connection, a topic or a message.
        """
        whole = self._reader.next()
        if whole is None:
            self._reader.feed(self._link.receive(timeout_ms))
            whole = self._reader.next()
        return self._handle(whole[0], whole[1], whole[2]) if whole else None

    def close(self) -> None:
        """Close; never raises.

        Without DISCONNECT, which costs 62 bytes over TLS: there is no will and no session to keep.
        """
        self._link.close()

    def _handle(self, kind: int, flags: int, body: bytes) -> packet.Message | None:
        self.handled += 1
        if kind == packet.PUBLISH:
            message = packet.read_publish(flags, body)
            if message.qos:
                self._link.send(packet.puback(message.packet_id), _SEND_MS)
            return message
        if kind == packet.CONNACK:
            welcome = packet.read_connack(body)
            _check("connack", welcome.reason)
            self.window = welcome.receive_maximum
            self.keep_alive_s = welcome.keep_alive_s or self.keep_alive_s
            self.connected = True
        elif kind == packet.PUBACK:
            self._close_id("puback", packet.read_puback(body))
        elif kind == packet.SUBACK:
            self._close_id("suback", packet.read_suback(body))
        elif kind == packet.DISCONNECT:
            raise RefusedError("disconnect", packet.read_disconnect(body))
        elif kind != packet.PINGRESP:
            raise packet.ProtocolError(f"unexpected packet type {kind}")
        return None

    def _close_id(self, what: str, answer: tuple[int, int]) -> None:
        _check(what, answer[1])
        self.open_ids.discard(answer[0])
        self._under_way.discard(answer[0])
        due = self._due()
        if due:
            self._link.send(due, _SEND_MS)

    def _publications(self, publications: list[Publication]) -> bytes:
        """What of these, and of those before them, may leave now."""
        for item in publications:
            packet_id = self._take_id()
            self._held.append((packet_id, packet.publish(item.topic, item.payload, packet_id, item.retain)))
        return self._due()

    def _due(self) -> bytes:
        out = b""
        while self._held and len(self._under_way) < self.window:
            packet_id, content = self._held.pop(0)
            self._under_way.add(packet_id)
            out += content
        return out

    def _take_id(self) -> int:
        self._last_id = self._last_id % 65_535 + 1
        while self._last_id in self.open_ids:
            self._last_id = self._last_id % 65_535 + 1
        self.open_ids.add(self._last_id)
        return self._last_id


def _check(what: str, reason: int) -> None:
    if reason >= packet.REASON_ERROR:
        raise RefusedError(what, reason)
