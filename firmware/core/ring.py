"""Records in RTC memory: how they lie there, and how many fit. It never touches the memory.

RTC memory wears out by nothing, costs no time to write, survives deep sleep, crashes and resets, and holds
anything at all after power-on: a frame that is not exactly ours is empty.
"""

import binascii
import struct

_MAGIC = b"RPR1"
LONGEST = 255
"""Bytes of a record that the ring takes: its length is one byte."""

LIMIT_BYTES = 1600
"""With the state in front of it (firmware.core.state) within the 2048 bytes that a board keeps."""


class Ring:
    """Records by name, oldest first."""

    def __init__(self) -> None:
        self.records: dict[str, bytes] = {}

    def fits(self, name: str, content: bytes) -> bool:
        """Whether a record can be added."""
        return len(content) <= LONGEST and len(self.encode()) + 2 + len(name) + len(content) <= LIMIT_BYTES

    def encode(self) -> bytes:
        """The frame: magic, CRC-32 and length of what follows, then length of name, of content, and both."""
        body = b""
        for name in sorted(self.records):
            body += bytes((len(name), len(self.records[name]))) + name.encode() + self.records[name]
        return _MAGIC + struct.pack("<IH", binascii.crc32(body), len(body)) + body


def decode(frame: bytes) -> Ring:
    """Read a frame and whatever lies behind it; empty when it is not ours or torn."""
    ring = Ring()
    if len(frame) < 10 or frame[:4] != _MAGIC:
        return ring
    crc, size = struct.unpack("<IH", frame[4:10])
    body = frame[10 : 10 + size]
    if len(body) != size or binascii.crc32(body) != crc:
        return ring
    at = 0
    while at < size:
        name = at + 2 + body[at]
        end = name + body[at + 1]
        ring.records[body[at + 2 : name].decode()] = body[name:end]
        at = end
    return ring
