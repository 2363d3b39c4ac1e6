"""PURE: the part of MQTT 5 that ingest needs, bytes to packets and back. It never raises on what it reads.

Source: OASIS MQTT 5.0; section numbers stand at each function. Only `telemetry.session` uses it.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

PUBACK_OF_SUCCESS = b"\x40\x02"
PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"
_RECEIVE_MAXIMUM, _SESSION_EXPIRY, _MESSAGE_EXPIRY = 0x21, 0x11, 0x02
_to_topic, _after_topic = struct.Struct(">BBH").pack, struct.Struct(">HBBI").pack
_made = tuple.__new__  # a named tuple's own constructor costs twice as much
_LONGEST_INCOMPLETE = 1 << 20  # the broker's own limit is 16 KiB; what claims more is not MQTT


class Publish(NamedTuple):
    """One message that the broker delivers. `packet_id` is two bytes, empty for QoS 0."""

    topic: str
    payload: bytes
    retained: bool
    packet_id: bytes


class Accepted(NamedTuple):
    """CONNACK: whether and how the broker took us in."""

    reason: int
    session_present: bool
    receive_maximum: int


class Read(NamedTuple):
    """What was read from a piece of the stream.

    Args:
        publishes: in the order of arrival.
        pubacks: packet ids of our own messages that the broker has taken, or refused for good.
        accepted: the CONNACK, if one was among it.
        subscribed: whether a SUBACK that grants the subscription was among it; None without a SUBACK.
        closed: the broker said goodbye, or spoke something else than MQTT 5.
        rest: bytes of a packet that is not whole yet.
    """

    publishes: list[Publish]
    pubacks: list[int]
    accepted: Accepted | None
    subscribed: bool | None
    closed: str | None
    rest: bytes


def read(data: bytes) -> Read:
    """Every whole packet of `data` (sections 2.1 and 3). Unknown packet types are skipped."""
    publishes: list[Publish] = []
    pubacks: list[int] = []
    accepted: Accepted | None = None
    subscribed: bool | None = None
    closed: str | None = None
    at, size = 0, len(data)
    while size - at >= 2 and closed is None:
        head, length, body = data[at], data[at + 1], at + 2
        if length > 127:
            length, body = _length(data, at + 1)
            if length > _LONGEST_INCOMPLETE:
                closed = "a packet longer than the broker's own limit"
            if body == 0:
                break
        end = body + length
        if end > size:
            break
        kind = head >> 4
        try:
            if kind == 3:
                publishes.append(_made(Publish, _publish(data, head, body, end)))
            elif kind == 4:
                pubacks.append(data[body] << 8 | data[body + 1])
            elif kind == 2:
                accepted = _accepted(data, body, end)
            elif kind == 9:
                subscribed = data[end - 1] < 0x80
            elif kind == 14:
                closed = f"disconnected, reason {data[body] if length else 0:#04x}"
        except (IndexError, struct.error, UnicodeDecodeError):
            closed = f"a packet of type {kind} that is not MQTT 5"
        at = end
    return Read(publishes, pubacks, accepted, subscribed, closed, data[at:])


def connect(client_id: str, user: str, password: str, receive_maximum: int, expiry_s: int) -> bytes:
    """CONNECT to a session that outlives the connection (3.1): keep alive 30 s, no clean start."""
    properties = struct.pack(">BHBI", _RECEIVE_MAXIMUM, receive_maximum, _SESSION_EXPIRY, expiry_s)
    texts = b"".join(_text(part) for part in (client_id, user, password))
    return _packet(0x10, b"\x00\x04MQTT\x05\xc0\x00\x1e" + _sized(properties) + texts)


def subscribe(topic: str) -> bytes:
    """SUBSCRIBE with QoS 1, retained copies marked as such (3.8)."""
    return _packet(0x82, b"\xff\xff\x00" + _text(topic) + b"\x09")


def publish(topic: str, payload: bytes, packet_id: int, expiry_s: int) -> bytes:
    """PUBLISH with QoS 1 that the broker forgets after `expiry_s` (3.3).

    The usual one, of less than 128 bytes, is put together at once: a fleet gets one for each message.
    """
    name = topic.encode()
    rest = _after_topic(packet_id, 5, _MESSAGE_EXPIRY, expiry_s) + payload
    length = 2 + len(name) + len(rest)
    if length < 128:
        return _to_topic(0x32, length, len(name)) + name + rest
    return _packet(0x32, struct.pack(">H", len(name)) + name + rest)


def pubacks(packet_ids: Sequence[bytes]) -> bytes:
    """PUBACK of success for each (3.4)."""
    return PUBACK_OF_SUCCESS + PUBACK_OF_SUCCESS.join(packet_ids) if packet_ids else b""


def _publish(data: bytes, head: int, body: int, end: int) -> tuple[str, bytes, bool, bytes]:
    """3.3, what a `Publish` holds; none of a publish's properties matters to us."""
    after_topic = body + 2 + (data[body] << 8 | data[body + 1])
    topic = str(data[body + 2 : after_topic], "utf-8")
    packet_id = b""
    payload = after_topic
    if head & 0x06:
        payload += 2
        packet_id = data[after_topic:payload]
    length = data[payload]
    payload += 1
    if length > 127:
        length, payload = _length(data, payload - 1)
    payload += length
    if payload > end:
        raise IndexError
    return topic, data[payload:end], head & 1 == 1, packet_id


def _accepted(data: bytes, body: int, end: int) -> Accepted:
    """3.2; of its properties only the receive maximum, which defaults to 65,535."""
    session_present, reason = bool(data[body] & 1), data[body + 1]
    length, at = _length(data, body + 2)
    maximum = 65_535
    stop = min(end, at + length)
    while at < stop:
        name, at = data[at], at + 1
        if name == _RECEIVE_MAXIMUM:
            (maximum,) = struct.unpack_from(">H", data, at)
            break
        step = _PROPERTY_SIZES.get(name)
        if step is None:
            break
        at += step if step else 2 + (data[at] << 8 | data[at + 1])
    return Accepted(reason, session_present, maximum)


# Bytes of each property that a CONNACK may carry (2.2.2.2); 0 stands for a text with its length.
_PROPERTY_SIZES = {0x11: 4, 0x24: 1, 0x25: 1, 0x27: 4, 0x12: 0, 0x22: 2, 0x1F: 0}
_PROPERTY_SIZES |= {0x28: 1, 0x29: 1, 0x2A: 1, 0x13: 2, 0x1A: 0, 0x1C: 0, 0x15: 0}


def _length(data: bytes, at: int) -> tuple[int, int]:
    """A variable byte integer and where it ends (1.5.5); end 0 when it is not whole yet.

    A fifth byte makes the length too large to be one.
    """
    if at + 1 < len(data) and (first := data[at]) > 127 and (second := data[at + 1]) < 128:
        return first & 127 | second << 7, at + 2  # nearly all of them
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 21:
            return value | 1 << 28, at
    return value, 0


def _packet(head: int, body: bytes) -> bytes:
    return bytes([head]) + _sized(body)


def _sized(body: bytes) -> bytes:
    number, coded = len(body), bytearray()
    while True:
        number, byte = number >> 7, number & 127
        coded.append(byte | 128 if number else byte)
        if not number:
            return bytes(coded) + body


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw
