"""What a persistent connection needs besides (firmware.core.packet): session and will, PUBACK, PINGREQ.

It also owns when one is tried again, and never touches a socket. A device that visits for seconds needs none
of it in its memory.
"""

import struct

from firmware.core.packet import packet, text

_RECONNECT_LAST_S = 600


def session_and_will(expiry_s: int, delay_s: int, topic: str, payload: bytes) -> tuple[bytes, bytes]:
    """Properties of the session and the will, as `connect` takes them (3.1.2.11.2, 3.1.3.2).

    Args:
        expiry_s: how long the broker keeps the session.
        delay_s: how long after a loss it waits before it publishes the will.
        topic: of the will, at QoS 1 and not retained.
        payload: of the will.
    """
    will = b"\x05\x18" + struct.pack(">I", delay_s) + text(topic.encode()) + text(payload)
    return b"\x11" + struct.pack(">I", expiry_s), will


def reconnect_s(failures: int, random: int) -> int:
    """Seconds before a mains device connects again after the n-th loss in a row: up to 15 s, then to 10 min.

    Drawn from the whole range: a thousand devices that lose their broker at one moment come back spread.
    """
    ceiling = min(_RECONNECT_LAST_S, 15 << min(failures - 1, 6))
    return 1 + random % ceiling


def puback(packet_id: int) -> bytes:
    """PUBACK, success (3.4.2.1: reason 0 without properties may be left out)."""
    return packet(0x40, struct.pack(">H", packet_id))


def pingreq() -> bytes:
    """PINGREQ (3.12)."""
    return packet(0xC0, b"")
