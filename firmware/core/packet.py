"""MQTT 5 packets to bytes and back. It owns the wire format and never touches a socket.

Only what our devices need: CONNECT, SUBSCRIBE, PUBLISH at QoS 1, PINGREQ, their answers.
Source: MQTT Version 5.0, OASIS Standard, 7 March 2019 (section numbers below).
"""

import struct

CONNACK = 2
PUBLISH = 3
PUBACK = 4
SUBACK = 9
PINGRESP = 13
DISCONNECT = 14

MAX_PACKET_BYTES = 4096
"""The largest packet we take; told to the broker in CONNECT (3.1.2.11.4), so that it drops larger ones."""

REASON_ERROR = 0x80
"""Reason codes from here on mean failure (2.4)."""

UNSUPPORTED = 0x84
"""The broker does not speak MQTT 5."""

UNWANTED = (0x86, 0x87, 0x8A)
"""Bad user name or password, not authorized, banned: asking again soon changes nothing (2.4)."""


class ProtocolError(Exception):
    """The peer sent bytes that are not MQTT 5, or a packet larger than `MAX_PACKET_BYTES`."""


class Message:
    """One incoming PUBLISH.

    Args:
        topic: its topic.
        payload: its bytes.
        retained: True when the broker sent it because of our SUBSCRIBE, so it may be old.
        qos: 0 or 1.
        packet_id: to be acknowledged at QoS 1, else 0.
    """

    def __init__(self, topic: str, payload: bytes, retained: bool, qos: int, packet_id: int) -> None:
        self.topic = topic
        self.payload = payload
        self.retained = retained
        self.qos = qos
        self.packet_id = packet_id


def varint(value: int) -> bytes:
    """A variable byte integer (1.5.5). Raises ValueError above 268,435,455."""
    if not 0 <= value <= 0x0FFFFFFF:
        raise ValueError("a variable byte integer has at most 28 bits")
    out = bytearray()
    while True:
        low = value & 0x7F
        value >>= 7
        out.append(low | 0x80 if value else low)
        if not value:
            return bytes(out)


class Lasting:
    """What makes a connection more than a visit: a session that outlasts it, and a will.

    Args:
        expiry_s: how long the broker keeps the session.
        delay_s: how long after a loss it waits before it publishes the will.
        topic: of the will, at QoS 1 and not retained.
        payload: of the will.
    """

    def __init__(self, expiry_s: int, delay_s: int, topic: str, payload: bytes) -> None:
        self.expiry_s = expiry_s
        self.delay_s = delay_s
        self.topic = topic
        self.payload = payload


def connect(
    client_id: str, username: str, password: str, keep_alive_s: int, lasting: Lasting | None = None
) -> bytes:
    """CONNECT (3.1), with clean start unless it is `lasting`. `keep_alive_s`: 0 to 65535.

    Without a password no user name is sent either: TLS has said who we are.
    """
    flags = (0xC0 if password else 0) | (0x0C if lasting else 0x02)
    properties = b"\x27" + struct.pack(">I", MAX_PACKET_BYTES)
    will = b""
    if lasting:
        properties += b"\x11" + struct.pack(">I", lasting.expiry_s)
        will = (
            b"\x05\x18" + struct.pack(">I", lasting.delay_s) + _text(lasting.topic) + _binary(lasting.payload)
        )
    head = _text("MQTT") + bytes((5, flags)) + struct.pack(">H", keep_alive_s)
    login = _text(username) + _text(password) if password else b""
    return _packet(0x10, head + varint(len(properties)) + properties + _text(client_id) + will + login)


def subscribe(packet_id: int, topic: str, qos: int) -> bytes:
    """SUBSCRIBE to a topic filter (3.8). Retain As Published stays 0: the retain flag tells old from live."""
    return _packet(0x82, struct.pack(">H", packet_id) + b"\x00" + _text(topic) + bytes((qos,)))


def publish(topic: str, payload: bytes, packet_id: int, retain: bool) -> bytes:
    """PUBLISH at QoS 1 (3.3). `packet_id`: 1 to 65535, not in use by another unacknowledged packet."""
    return _packet(0x33 if retain else 0x32, _text(topic) + struct.pack(">H", packet_id) + b"\x00" + payload)


def puback(packet_id: int) -> bytes:
    """PUBACK, success (3.4.2.1: reason 0 without properties may be left out)."""
    return _packet(0x40, struct.pack(">H", packet_id))


def pingreq() -> bytes:
    """PINGREQ (3.12)."""
    return _packet(0xC0, b"")


class Reader:
    """Cuts a byte stream into packets."""

    def __init__(self) -> None:
        self._bytes = b""

    def feed(self, received: bytes) -> None:
        """Add what the socket gave, of any length."""
        self._bytes += received

    def next(self) -> tuple[int, int, bytes] | None:
        """The next whole packet as (type, flags, body), or None when more bytes are needed.

        Raises:
            ProtocolError: a remaining length of more than four bytes, or beyond `MAX_PACKET_BYTES`.
        """
        length, at = 0, 1
        while True:
            if at >= len(self._bytes):
                return None
            byte = self._bytes[at]
            length |= (byte & 0x7F) << (7 * (at - 1))
            at += 1
            if byte < 0x80:
                break
            if at > 4:
                raise ProtocolError("malformed remaining length")
        if at + length > MAX_PACKET_BYTES:
            raise ProtocolError("packet of " + str(at + length) + " bytes")
        if len(self._bytes) < at + length:
            return None
        first, body = self._bytes[0], self._bytes[at : at + length]
        self._bytes = self._bytes[at + length :]
        return first >> 4, first & 0x0F, body


class Welcome:
    """What a CONNACK says (3.2). Session Present is accepted either way.

    Args:
        reason: 0, or why we are sent away.
        receive_maximum: messages that may be unacknowledged at once, 1 to 65535 (3.2.2.3.3).
        keep_alive_s: instead of the one that we asked for; 0 where that one holds (3.2.2.3.14).
    """

    def __init__(self, reason: int, receive_maximum: int = 65_535, keep_alive_s: int = 0) -> None:
        self.reason = reason
        self.receive_maximum = receive_maximum
        self.keep_alive_s = keep_alive_s


def read_connack(body: bytes) -> Welcome:
    """Read a CONNACK (3.2); every property but the two that bind us is stepped over."""
    if len(body) < 2:
        raise ProtocolError("short CONNACK")
    welcome = Welcome(body[1])
    if len(body) == 2:  # of version 3.1.1, which has no properties: it does not speak ours
        welcome.reason = UNSUPPORTED
        return welcome
    size, at = _read_varint(body, 2)
    end = at + size
    if end > len(body):
        raise ProtocolError("short CONNACK properties")
    while at < end:
        kind = body[at]
        at += 1
        if kind == 0x21:
            welcome.receive_maximum = max(1, _u16(body, at))
        elif kind == 0x13:
            welcome.keep_alive_s = _u16(body, at)
        at += _property_size(kind, body, at)
    return welcome


def _property_size(kind: int, body: bytes, at: int) -> int:
    """Bytes of a CONNACK property behind its identifier (2.2.2.2)."""
    if kind in (0x13, 0x21, 0x22):
        return 2
    if kind in (0x11, 0x27):
        return 4
    if kind in (0x24, 0x25, 0x28, 0x29, 0x2A):
        return 1
    if kind in (0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F):
        return 2 + _u16(body, at)
    if kind == 0x26:  # a pair of texts
        first = 2 + _u16(body, at)
        return first + 2 + _u16(body, at + first)
    raise ProtocolError(f"property 0x{kind:02x} in a CONNACK")


def read_puback(body: bytes) -> tuple[int, int]:
    """(packet id, reason) of a PUBACK; a missing reason is 0 (3.4.2.1)."""
    if len(body) < 2:
        raise ProtocolError("short PUBACK")
    return (body[0] << 8) | body[1], body[2] if len(body) > 2 else 0


def read_suback(body: bytes) -> tuple[int, int]:
    """(packet id, worst reason) of a SUBACK (3.9)."""
    packet_id = _u16(body, 0)
    size, at = _read_varint(body, 2)
    reasons = body[at + size :]
    if not reasons:
        raise ProtocolError("SUBACK without reasons")
    return packet_id, max(reasons)


def read_disconnect(body: bytes) -> int:
    """The reason of a DISCONNECT sent by the broker; empty means 0 (3.14.2.1)."""
    return body[0] if body else 0


def read_publish(flags: int, body: bytes) -> Message:
    """An incoming PUBLISH at QoS 0 or 1 (3.3). Raises ProtocolError on anything else."""
    qos = (flags >> 1) & 3
    if qos > 1:
        raise ProtocolError("QoS 2 was never subscribed to")
    size = _u16(body, 0)
    at = 2 + size
    if at > len(body):
        raise ProtocolError("short PUBLISH")
    try:
        topic = body[2:at].decode()
    except ValueError:  # UnicodeError is its subclass on both interpreters
        raise ProtocolError("topic is not UTF-8")  # noqa: B904 - MicroPython cannot chain
    packet_id = 0
    if qos:
        packet_id = _u16(body, at)
        at += 2
    size, at = _read_varint(body, at)
    if at + size > len(body):
        raise ProtocolError("short PUBLISH properties")
    return Message(topic, body[at + size :], bool(flags & 1), qos, packet_id)


def _packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + varint(len(body)) + body


def _text(text: str) -> bytes:
    return _binary(text.encode())


def _binary(raw: bytes) -> bytes:
    return struct.pack(">H", len(raw)) + raw


def _u16(body: bytes, at: int) -> int:
    if len(body) < at + 2:
        raise ProtocolError("short packet")
    return (body[at] << 8) | body[at + 1]


def _read_varint(body: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while at < len(body) and shift <= 21:
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ProtocolError("malformed variable byte integer")
