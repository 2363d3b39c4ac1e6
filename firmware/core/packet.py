"""MQTT 5 packets to bytes and back. It owns the wire format and never touches a socket.

Only what a visit of seconds needs: CONNECT, SUBSCRIBE, PUBLISH at QoS 1 and their answers; the rest of what a
persistent connection needs is in firmware.core.persistent. No classes: each costs a board 300 bytes.
Source: MQTT Version 5.0, OASIS Standard, 7 March 2019 (section numbers below).
"""

if __debug__:
    from firmware.const import const

_TYPES = const(False)
if _TYPES:
    Message = tuple[str, bytes, bool, int]

_LONGEST = const(4096)
"""Bytes of the largest packet we take; told to the broker in CONNECT (3.1.2.11.4), so that it drops larger
ones."""

_FOREIGN = const("not MQTT 5")
"""Ten letters: of longer texts, each takes a board 40 bytes of its memory."""

_UNSUPPORTED = const(0x84)
"""The broker does not speak MQTT 5."""

_BYTE = const(1 << 0x24 | 1 << 0x25 | 1 << 0x28 | 1 << 0x29 | 1 << 0x2A)
_SHORT = const(1 << 0x13 | 1 << 0x21 | 1 << 0x22)
_LONG = const(1 << 0x11 | 1 << 0x27)
_TEXT = const(1 << 0x12 | 1 << 0x15 | 1 << 0x16 | 1 << 0x1A | 1 << 0x1C | 1 << 0x1F | 1 << 0x26)
_ALL = const(_BYTE | _SHORT | _LONG | _TEXT)
"""Properties of a CONNACK by what they hold, a bit for each identifier (2.2.2.2)."""

_CONNACK = const(2)
_PUBLISH = const(3)
_PUBACK = const(4)
_SUBACK = const(9)
_PINGRESP = const(13)
_DISCONNECT = const(14)


def varint(value: int) -> bytes:
    """A variable byte integer (1.5.5). Raises ValueError above 268,435,455."""
    if not 0 <= value <= 0x0FFFFFFF:
        raise ValueError("too large")
    out = bytearray()
    while True:
        low = value & 0x7F
        value >>= 7
        out.append(low | 0x80 if value else low)
        if not value:
            return bytes(out)


def connect(
    client_id: str, username: str, password: str, keep_alive_s: int, session: bytes, will: bytes
) -> bytes:
    """CONNECT (3.1), with clean start unless there is a `will`. `keep_alive_s`: 0 to 65535.

    Without a password no user name is sent either: TLS has said who we are. `session`: its properties, b""
    for a visit (firmware.core.persistent).
    """
    flags = (0xC0 if password else 0) | (0x0C if will else 0x02)
    properties = b"\x27" + _LONGEST.to_bytes(4, "big") + session
    head = text(b"MQTT") + bytes((5, flags)) + keep_alive_s.to_bytes(2, "big")
    login = text(username.encode()) + text(password.encode()) if password else b""
    return packet(0x10, head + varint(len(properties)) + properties + text(client_id.encode()) + will + login)


def subscribe(packet_id: int, topic: str, qos: int) -> bytes:
    """SUBSCRIBE to a topic filter (3.8). Retain As Published stays 0: the retain flag tells old from live."""
    return packet(0x82, packet_id.to_bytes(2, "big") + b"\x00" + text(topic.encode()) + bytes((qos,)))


def publish(topic: str, payload: bytes, packet_id: int, retain: bool) -> bytes:
    """PUBLISH at QoS 1 (3.3). `packet_id`: 1 to 65535, not in use by another unacknowledged packet."""
    body = text(topic.encode()) + packet_id.to_bytes(2, "big") + b"\x00" + payload
    return packet(0x33 if retain else 0x32, body)


def packet(first: int, body: bytes) -> bytes:
    """A whole packet: its first byte, the length of the rest, the rest (2.1)."""
    return bytes((first,)) + varint(len(body)) + body


def text(raw: bytes) -> bytes:
    """A string or binary data with its length before it (1.5.4, 1.5.6)."""
    return len(raw).to_bytes(2, "big") + raw


def cut(received: bytes) -> tuple[int, int, int] | None:
    """Where the first packet is in what has arrived, and to arrive: (first byte, start of the body, its end);
    None before its length is there.

    Raises:
        OSError: a remaining length of more than four bytes, or a packet longer than we told the broker.
    """
    try:
        length, at = _read_varint(received, 1)
    except IndexError:
        return None
    if at + length > _LONGEST:
        raise OSError("too long")
    return received[0], at, at + length


def read_answer(kind: int, body: bytes) -> tuple[str, int, int]:
    """(name of the packet, packet id, worst reason) of what a broker answers.

    CONNACK (3.2; session present is accepted either way; of version 3.1.1, which has no properties, it means
    that the broker does not speak ours), PUBACK (3.4), SUBACK (3.9), PINGRESP (3.13),
    DISCONNECT (3.14). A reason that is left out is 0, an id that there is none of too. Raises OSError for
    anything else, and for a short packet.
    """
    try:
        if kind == _CONNACK:
            return "connack", 0, _UNSUPPORTED if len(body) == 2 else body[1]
        if kind == _PUBACK:
            return "puback", body[0] << 8 | body[1], body[2] if len(body) > 2 else 0
        if kind == _SUBACK:
            size, at = _read_varint(body, 2)
            return "suback", body[0] << 8 | body[1], max(body[at + size :])
        if kind == _DISCONNECT:
            return "disconnect", 0, body[0] if body else 0
    except (IndexError, ValueError):  # ValueError: a SUBACK without reasons
        raise OSError(_FOREIGN)  # noqa: B904 - MicroPython cannot chain
    if kind != _PINGRESP:
        raise OSError(_FOREIGN)
    return "pingresp", 0, 0


def read_limits(body: bytes) -> tuple[int, int, int]:
    """What a CONNACK binds us to; every property but these three is stepped over (2.2.2.2, 3.2.2.3).

    Returns:
        Messages that may be unacknowledged at once, 1 to 65535; the keep-alive that goes before ours, 0 for
        none; bytes of the largest packet that this broker takes, 0 for any. Raises OSError for what is not
        MQTT 5.
    """
    window, keep_alive_s, largest = 65_535, 0, 0
    try:
        size, at = _read_varint(body, 2)
        end = at + size
        while at < end:
            kind = 1 << body[at]
            if kind & _BYTE:
                at += 2
                continue
            number = body[at + 1] << 8 | body[at + 2]
            if kind == 1 << 0x21:
                window = number or 1
            elif kind == 1 << 0x13:
                keep_alive_s = number
            elif kind == 1 << 0x27:
                largest = number << 16 | body[at + 3] << 8 | body[at + 4]
            if kind == 1 << 0x26:  # a pair of texts
                at += 2 + number
                number = body[at + 1] << 8 | body[at + 2]
            at += 3 if kind & _SHORT else 5 if kind & _LONG else 3 + number
            if not kind & _ALL:
                raise IndexError
        if at != end or end > len(body):
            raise IndexError
    except IndexError:
        raise OSError(_FOREIGN)  # noqa: B904 - MicroPython cannot chain
    return window, keep_alive_s, largest


def read_publish(first: int, body: bytes) -> "Message":
    """An incoming PUBLISH at QoS 0 or 1 (3.3). Raises OSError on anything else.

    Returns:
        Topic, payload, whether the broker sent it because of our SUBSCRIBE, so that it may be old, and the
        packet id, which is 0 at QoS 0.
    """
    qos = (first >> 1) & 3
    try:
        at = 2 + (body[0] << 8 | body[1])
        topic = body[2:at].decode()
        packet_id = 0
        if qos:
            packet_id = body[at] << 8 | body[at + 1]
            at += 2
        size, at = _read_varint(body, at)
    except (IndexError, ValueError):  # ValueError: not UTF-8
        qos = 3
    if qos > 1 or at + size > len(body):
        raise OSError(_FOREIGN)
    return topic, body[at + size :], bool(first & 1), packet_id


def _read_varint(body: bytes, at: int) -> tuple[int, int]:
    """(value, where it ends). Raises IndexError when it does not end, OSError beyond four bytes."""
    value = shift = 0
    while shift <= 21:
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise OSError(_FOREIGN)
