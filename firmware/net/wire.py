"""A byte stream with bounded waits, over a wire that never waits. It knows nothing of MQTT."""

import errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.app.ports import Clock, Wire


_LOOK_MS = 100
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

    def open(self, timeout_ms: int) -> None:
        started = self._clock.ticks_ms()
        self._wire.begin()
        while not self._wire.is_open():
            self._wait(started, timeout_ms)

    def send(self, content: bytes, timeout_ms: int) -> None:
        started = self._clock.ticks_ms()
        left = memoryview(content)
        while True:
            written = self._wire.write(left)
            left = left[written:]
            if not left:
                return
            if not written:  # over TLS the handshake comes first: it waits for the peer
                self._wait(started, timeout_ms)

    def receive(self, timeout_ms: int) -> bytes:
        received = self._wire.read()
        if not received:  # asked first: TLS may hold bytes that the socket no longer has
            self._wire.wait(max(0, timeout_ms))
            received = self._wire.read()
        return received

    def close(self) -> None:
        self._wire.close()

    def _wait(self, started: int, timeout_ms: int) -> None:
        left_ms = timeout_ms - self._clock.since_ms(started)
        if left_ms <= 0:
            raise OSError(errno.ETIMEDOUT)
        self._wire.wait(min(left_ms, _LOOK_MS))
