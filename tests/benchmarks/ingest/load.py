"""A publisher that costs next to nothing: packets made before, sent through one socket, PUBACKs counted."""

import json
import select
import socket
import struct
import time
from collections.abc import Sequence

PAYLOAD_BYTES = 200  # as in the measurements that the goals come from; a level sensor sends about 80
LAST_SEQ = 4_000_000_000  # the sentinel: when it is stored, everything before it is
LAST_BOOT = "0000eeee"
_CHUNK = 64


def publish_packet(topic: str, payload: bytes, packet_id: int) -> bytes:
    """One MQTT 3.1.1 PUBLISH of QoS 1."""
    name = topic.encode()
    body = struct.pack(">H", len(name)) + name + struct.pack(">H", packet_id) + payload
    return b"\x32" + _length(len(body)) + body


def level_event(seq: int, number: int, boot: str = "0000000a") -> bytes:
    """A level reading of `PAYLOAD_BYTES`."""
    body = {"v": 1, "b": boot, "s": seq, "t": "level", "n": number, "a": 0, "c": 2, "x": ""}
    text = json.dumps(body, separators=(",", ":")).encode()
    return text[:-2] + b"x" * (PAYLOAD_BYTES - len(text)) + b'"}'


def level_stream(
    devices: Sequence[str], count: int, first_seq: int = 1, stride: int = 1, last_boot: str = LAST_BOOT
) -> list[bytes]:
    """`count` readings over all devices in turn, then the sentinel of the first device.

    Args:
        devices: device ids.
        count: how many messages before the sentinel.
        first_seq: the first device's first sequence.
        stride: which device comes after which; coprime to their number, or some are left out.
        last_boot: boot id of the sentinel.
    """
    packets = []
    number = len(devices)
    for n in range(count):
        device = devices[n * stride % number]
        payload = level_event(first_seq + n // number, 400 + n * 7919 % 1000)
        packets.append(publish_packet(f"rp/1/{device}/up/ev", payload, n % 65_000 + 1))
    packets.append(
        publish_packet(f"rp/1/{devices[0]}/up/ev", level_event(LAST_SEQ, 500, last_boot), count % 65_000 + 1)
    )
    return packets


class Publisher:
    """One connection to the broker that may publish for every device."""

    def __init__(self, port: int, user: str, password: str, name: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = 0
        fields = b"".join(struct.pack(">H", len(text)) + text.encode() for text in (name, user, password))
        body = b"\x00\x04MQTT\x04\xc2" + struct.pack(">H", 600) + fields
        self._socket.sendall(b"\x10" + _length(len(body)) + body)
        answer = self._socket.recv(4)
        if answer[3:] != b"\x00":
            raise RuntimeError(f"the broker refused the publisher: {answer!r}")

    def send(self, packets: Sequence[bytes], window: int = 800, per_second: float | None = None) -> float:
        """Send all packets, at most `window` unacknowledged; returns the seconds until the last PUBACK."""
        sent = acknowledged = 0
        started = time.perf_counter()
        while acknowledged < len(packets):
            room = min(window - (sent - acknowledged), len(packets) - sent, _CHUNK)
            if per_second is not None:
                room = min(room, int((time.perf_counter() - started) * per_second) + 1 - sent)
            if room > 0:
                self._socket.sendall(b"".join(packets[sent : sent + room]))
                sent += room
            acknowledged += self._acknowledgements(0.0 if room > 0 else 0.002)
        return time.perf_counter() - started

    def _acknowledgements(self, wait_s: float) -> int:
        if not select.select([self._socket], [], [], wait_s)[0]:
            return 0
        data = self._socket.recv(1 << 16)
        if not data:
            raise RuntimeError("the broker closed the publisher's connection")
        self._rest += len(data)
        whole, self._rest = divmod(self._rest, 4)  # a PUBACK of MQTT 3.1.1 has four bytes
        return whole

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def _length(number: int) -> bytes:
    coded = bytearray()
    while True:
        number, byte = number >> 7, number & 127
        coded.append(byte | 128 if number else byte)
        if not number:
            return bytes(coded)
