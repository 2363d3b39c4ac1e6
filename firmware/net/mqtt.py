"""An MQTT 5 conversation over a byte stream. It owns packet ids and order, and keeps no record.

CONNECT, SUBSCRIBE and the first PUBLISHes leave in one write, so that acknowledgements and the retained
settings come back in the same round trip (docs/firmware.md).
"""

from firmware.core import packet

if __debug__:
    from firmware.const import const

_TYPES = const(False)
if _TYPES:
    from firmware.app.ports import Link
    from firmware.core.packet import Message

    Publication = tuple[str, bytes, bool]

_KEEP_ALIVE_S = const(30)
"""No wake lasts that long; a broker that loses us forgets us after one and a half times this."""

_SEND_MS = const(1000)
"""Until the peer takes a few hundred bytes more: it has just talked to us."""

_PIECE_BYTES = const(128)
"""Read at a time; a small heap has no large ones in one piece."""

_HEAD_BYTES = const(2)
"""No packet is shorter (2.1)."""

_ERROR = const(0x80)
"""Reason codes from here on mean failure (2.4)."""

_PUBLISH = const(3)


class RefusedError(Exception):
    """The broker refused something: (the packet that said so, its reason code of 0x80 or above)."""


class Session:
    """One visit, from CONNECT until the connection is closed.

    Args:
        link: the byte stream.
        window: messages that this broker took unacknowledged when it was last asked; 0 while unknown.
        largest: bytes of the largest packet that it took then; 0 for any, or while unknown.
    """

    def __init__(self, link: "Link", window: int, largest: int) -> None:
        self._link = link
        self._received = b""
        self.missing = _HEAD_BYTES
        """Bytes to read next, all of one packet.

        A broker that sends us away says why, and cuts the line behind it. MicroPython reads on until it has
        all that it was asked for, and loses it when the line is cut meanwhile.
        """
        self._last_id = 0
        self._held: list[bytes] = []
        self.window = window
        """Messages that may be unacknowledged at once, the subscription among them; more are held back."""
        self.largest = largest
        """Bytes of the largest packet that the broker takes; a larger one is never sent (3.2.2.3.6)."""
        self.open_ids: set[int] = set()
        """Packets that the broker has not yet acknowledged."""

    def start(
        self, device_id: str, password: str, topic: str, first: "list[Publication]", timeout_ms: int
    ) -> None:
        """Connect, subscribe to all below `topic`/down and publish, in one write. Raises OSError."""
        content = self._greeting(device_id, password, topic) + self._due(first)
        self._link.open()
        self._link.send(content, timeout_ms)

    def publish(self, publications: "list[Publication]") -> None:
        """Publish in one write what the broker takes by now, the rest as soon as it does. Raises OSError.

        Args:
            publications: (topic, payload, whether the broker keeps it).
        """
        content = self._due(publications)
        if content:
            self._link.send(content, _SEND_MS)

    def next(self, timeout_ms: int) -> "Message | None":
        """Wait for a message; None when an acknowledgement came, or nothing in time.

        Raises:
            OSError: the connection is gone, or the peer does not speak MQTT 5.
            RefusedError: the broker refused the connection, a topic or a message.
        """
        self._received += self._link.receive(timeout_ms, self.missing)
        found = packet.cut(self._received)
        if found is None:
            self.missing = 1 if self._received else _HEAD_BYTES
            return None
        first, start, end = found
        self.missing = min(end - len(self._received), _PIECE_BYTES)
        if self.missing:
            return None
        body, self._received, self.missing = self._received[start:], b"", _HEAD_BYTES
        return self._take(first, body)

    def close(self) -> None:
        """Close; never raises.

        Without DISCONNECT, which costs 62 bytes over TLS: there is no will and no session to keep.
        """
        self._link.close()

    def _greeting(self, device_id: str, password: str, topic: str) -> bytes:
        """CONNECT and SUBSCRIBE, at QoS 0: what is lost within seconds comes again."""
        head = packet.connect(device_id, device_id, password, _KEEP_ALIVE_S, b"", b"")
        return head + packet.subscribe(self._take_id(), topic + "down/+", 0)

    def _take(self, first: int, body: bytes) -> "Message | None":
        if first >> 4 == _PUBLISH:
            return packet.read_publish(first, body)
        what, packet_id, reason = packet.read_answer(first >> 4, body)
        if reason >= _ERROR or what == "disconnect":
            raise RefusedError(what, reason)
        if what == "connack":
            self.window, _, self.largest = packet.read_limits(body)
        self.open_ids.discard(packet_id)
        self.publish([])
        return None

    def _due(self, publications: "list[Publication]") -> bytes:
        """What of these, and of those that were held back, may leave now."""
        for topic, payload, retain in publications:
            self._held.append(packet.publish(topic, payload, self._take_id(), retain))
        content = b""
        while self._held and len(self.open_ids) - len(self._held) < (self.window or 65_535):
            if self.largest and len(self._held[0]) > self.largest:
                raise OSError("too long")  # held back before this broker said it; the next visit knows
            content += self._held.pop(0)
        return content

    def _take_id(self) -> int:
        self._last_id = self._last_id % 65_535 + 1
        while self._last_id in self.open_ids:
            self._last_id = self._last_id % 65_535 + 1
        self.open_ids.add(self._last_id)
        return self._last_id
