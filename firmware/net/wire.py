"""A byte stream with bounded waits, over a wire that never waits. It knows nothing of MQTT."""

import errno

if __debug__:
    from firmware.const import const

_TYPES = const(False)
if _TYPES:
    from firmware.app.ports import Clock, Wire

_LOOK_MS = const(100)
"""Waits while sending are for what can be read; a full send buffer is looked at ten times a second."""


class WireLink:
    """For a program that has nothing to do but wait.

    Args:
        wire: the way to the broker.
        clock: bounds every wait.
    """

    def __init__(self, wire: "Wire", clock: "Clock") -> None:
        self._wire = wire
        self._clock = clock
        self._begun_ms = 0

    def open(self) -> None:
        self._begun_ms = self._clock.ticks_ms()
        self._wire.begin()

    def send(self, content: bytes, timeout_ms: int) -> None:
        # What opens the connection counts from `open` on: the look-up of a name cannot be bounded.
        started = self._clock.ticks_ms() if self._wire.is_open() else self._begun_ms
        left = memoryview(content)
        while True:
            written = self._wire.write(left) if self._wire.is_open() else 0
            left = left[written:]
            if not left:
                return
            if not written:  # over TLS the handshake comes first: it waits for the peer
                left_ms = timeout_ms - self._clock.since_ms(started)
                if left_ms <= 0:
                    raise OSError(errno.ETIMEDOUT)
                self._wire.wait(min(left_ms, _LOOK_MS))

    def receive(self, timeout_ms: int, count: int) -> bytes:
        received = self._wire.read(count)
        if not received:  # asked first: TLS may hold bytes that the socket no longer has
            self._wire.wait(max(0, timeout_ms))
            received = self._wire.read(count)
        return received

    def close(self) -> None:
        self._wire.close()
