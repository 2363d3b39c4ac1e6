"""What a device keeps over deep sleep, framed so that garbage is recognised. It never touches the memory.

A board's RTC memory holds anything after power-on. A frame that is not exactly ours therefore means:
power-on, new boot.
"""

import binascii
import struct

_MAGIC = b"RPS2"
_HEAD = 10
_FIELDS = (
    "seq",
    "dropped",
    "failures",
    "retry_at_s",
    "hello_at_s",
    "offset_s",
    "synced_s",
    "stated",
    "refused_crc",
    "rssi_dbm",
    "report_at_s",
    "report_g",
    "low_count",
    "low_since_s",
    "low_at_s",
    "bad_count",
    "risen",
    "calm_at_s",
    "calm_mg",
    "base_mg",
    "noise_mg",
    "step_mg",
    "stepping",
    "drift_mg",
    "drift_start_mg",
    "drift_low_mg",
    "drift_high_mg",
    "drift_at_s",
    "swing_mg",
    "counting",
    "total",
    "rest",
    "told",
    "told_at_s",
    "looked_at_s",
    "unlooked",
    "flow_at_s",
    "quiet_at_s",
    "calm_rate_at_s",
    "alarm",
    "refusals",
    "refused",
    "update_at_s",
    "update_failures",
    "update_told",
    "window",
    "largest",
    "command",
    "command_as",
)
_CONTENT = 8 + 8 * len(_FIELDS)
"""Bytes of it: the boot id, and eight for each field."""

NEVER = -1
"""In a `..._at_s` field: it has not happened since power-on."""


class State:
    """All that lasts from wake to wake; times are seconds of the board's own clock.

    Args:
        boot: boot id, 8 hex digits.
    """

    def __init__(self, boot: str) -> None:
        self.boot = boot
        self.seq = 0
        """Next sequence to give away."""
        self.dropped = 0
        """Records lost since power-on: the spool was full, or a file was torn."""
        self.failures = 0
        """Failed deliveries in a row."""
        self.retry_at_s = 0
        """No delivery before this, unless a person waits."""
        self.hello_at_s = NEVER
        self.offset_s = 0
        """Unix time minus the board's clock; 0 while unknown."""
        self.synced_s = 0
        """When `offset_s` was last set."""
        self.stated = 0
        """1 once the settings in force were reported and the broker took the report."""
        self.refused_crc = 0
        """CRC of the last desired document that was refused, so that it is reported once."""
        self.rssi_dbm = 0
        self.report_at_s = NEVER
        self.report_g = NEVER
        """Grams last reported; NEVER when the last report had no number."""
        self.low_count = 0
        """Good readings at or under the threshold reported since the level became low."""
        self.low_since_s = 0
        self.low_at_s = 0
        self.bad_count = 0
        """Settling or unknown readings in a row."""
        self.risen = 0
        """1 after a rise was reported: the server believes a refill only when the next reading agrees."""
        self.calm_at_s = NEVER
        """When the tracker (firmware.core.tracker) last had a calm burst; NEVER: it knows nothing yet."""
        self.calm_mg = 0
        self.base_mg = 0
        """The tracked level."""
        self.noise_mg = 0
        """Mean distance between calm bursts that follow each other."""
        self.step_mg = 0
        """Where the level seems to have gone, waiting for a second burst that agrees."""
        self.stepping = 0
        self.drift_mg = 0
        """All that the base moved without a step, since power-on."""
        self.drift_start_mg = 0
        self.drift_low_mg = 0
        self.drift_high_mg = 0
        self.drift_at_s = 0
        """When the present day of drift began."""
        self.swing_mg = 0
        """How far the drift went and came back yesterday: temperature."""
        self.counting = 0
        """1 once the totals of this boot have begun (firmware.core.counter)."""
        self.total = 0
        """Millilitres or pages since power-on."""
        self.rest = 0
        """What makes no whole unit yet."""
        self.told = 0
        """The total that was last recorded."""
        self.told_at_s = 0
        self.looked_at_s = 0
        self.unlooked = 0
        """Millilitres since `looked_at_s`."""
        self.flow_at_s = 0
        self.quiet_at_s = 0
        """The end of the last quiet window."""
        self.calm_rate_at_s = 0
        """When the rate last was below that of a burst."""
        self.alarm = 0
        """Index into firmware.core.counter.ALARMS."""
        self.refusals = 0
        """Deliveries in a row that the broker ended by saying that we are not allowed to."""
        self.refused = 0
        """The last such reason code, until a report told it; 0 for none."""
        self.update_at_s = 0
        """No step of an update before this."""
        self.update_failures = 0
        """Failed fetches in a row without a new block."""
        self.update_told = 0
        """CRC-32 of what the last report said of firmware."""
        self.window = 0
        """Messages that the broker takes unacknowledged, as it said last; 0 while unknown."""
        self.largest = 0
        """Bytes of the largest packet that it takes, as it said last; 0 for any, or while unknown."""
        self.command = 0
        """Number of the last command that was taken (firmware.core.command); 0 for none."""
        self.command_as = 0
        """Index into firmware.core.command.ANSWERS; 0 while a restart is under way."""

    def encode(self, behind: bytes = b"") -> bytearray:
        """The frame: magic, CRC-32 and length of the content, content; and what lies `behind` it.

        Made in one piece, in which a heap that is nearly full still finds room.
        """
        frame = bytearray(_HEAD + _CONTENT + len(behind))
        frame[_HEAD + _CONTENT :] = behind
        struct.pack_into("<8s", frame, _HEAD, self.boot.encode())
        at = _HEAD + 8
        for field in _FIELDS:
            struct.pack_into("<q", frame, at, getattr(self, field))
            at += 8
        content = memoryview(frame)[_HEAD : _HEAD + _CONTENT]
        struct.pack_into("<4sIH", frame, 0, _MAGIC, binascii.crc32(content), _CONTENT)
        return frame


def decode(frame: bytes) -> State | None:
    """Read a frame, whatever lies behind it; None when it is not ours, torn, or of another layout."""
    if size(frame) != _HEAD + _CONTENT or len(frame) < _HEAD + _CONTENT:
        return None
    content = memoryview(frame)[_HEAD : _HEAD + _CONTENT]
    if struct.unpack_from("<I", frame, 4)[0] != binascii.crc32(content):
        return None
    state = State(bytes(content[:8]).decode())
    at = 8
    for field in _FIELDS:
        setattr(state, field, struct.unpack_from("<q", content, at)[0])
        at += 8
    return state


def size(frame: bytes) -> int:
    """Bytes that a frame of any firmware takes; 0 when there is none. What lies behind is not ours."""
    if len(frame) < _HEAD or frame[:4] != _MAGIC:
        return 0
    return _HEAD + int(struct.unpack("<H", frame[8:_HEAD])[0])
