"""The lasting conversation of a mains device: one connection that is kept, and opened again when it is lost.

One call of `step` does what can be done now and never waits, so that pulses, the button and the light go on
whatever the network does. It owns when to connect, to ask for a sign of life, and to give up.
"""

from firmware.app.console import say, say_error
from firmware.app.delivery import Talk, note
from firmware.app.node import Node
from firmware.core import persistent
from firmware.net.mqtt import RefusedError
from firmware.net.persistent import PersistentSession
from firmware.net.pipe import Pipe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.app.ports import Radio, Wire

KEEP_ALIVE_S = 60
_PING_SHARE_MS = 750
"""Of silence for each second of keep-alive, after which the broker is asked whether it is there."""

SILENCE_MS = 10_000
"""After which a broker that was asked something is gone."""

JOIN_MS = 15_000
GREET_MS = 10_000
"""From the first byte to CONNACK: a handshake with certificates takes a chip more than a second."""

ACK_MS = 10_000
"""From a record that left to the server's acknowledgement; then it leaves again, later and later."""

_AT_ONCE = 16
"""Pieces read in one step: a flood must not stop the loop."""

_BUSY_MS = 20
_IDLE_MS = 100
_REST_MS = 500


class LastingTalk(Talk):
    """A conversation that goes on for as long as the connection does."""

    def go_on(self) -> None:
        """In a conversation that lasts: say what has become due since. Raises OSError."""
        if not self._node.state.stated and not self._stating:
            self._session.publish(self._statement(""))
        self._advance()

    def is_acknowledged(self) -> bool:
        """Whether the server has acknowledged all that was sent."""
        return not self._waiting

    def send_again(self) -> None:
        """Take what was sent and not acknowledged for unsent."""
        self._waiting = []


class Uplink:
    """One device's connection.

    Args:
        node: whose.
        radio: the way onto the network; it stays on.
        wire: the way to the broker.
    """

    def __init__(self, node: Node, radio: "Radio", wire: "Wire") -> None:
        self._node = node
        self._radio = radio
        self._wire = wire
        self._pipe = Pipe()
        self._talk: LastingTalk | None = None
        self._session = PersistentSession(self._pipe, 0, 0, KEEP_ALIVE_S)
        self._phase = self._rest
        self._since_ms = 0
        self._heard_ms = 0
        self._sent_ms = 0
        self._asked = False

    def step(self) -> int:
        """Do what can be done now; milliseconds to wait before the next step. Never raises, never waits."""
        reason = 0
        try:
            return self._phase()
        except RefusedError as error:
            what, reason = error.args
            say("error", at=what, why=f"refused with reason 0x{reason:02x}; records kept")
        except OSError as error:
            say_error("net", error)
        self._lose(reason)
        return _REST_MS

    def is_settled(self) -> bool:
        """Whether nothing is left to say, or nobody is there to hear it."""
        node = self._node
        return self._talk is None or bool(node.state.stated and not node.pending())

    # --- phases: each does one thing and returns the milliseconds until it wants to be called again --------

    def _rest(self) -> int:
        if self._node.clock.now_s() < self._node.state.retry_at_s:
            return _REST_MS
        networks = self._node.networks
        if networks and not networks.attempt():
            self._node.state.stated = 0  # from the next start on the network before it is in force
            self._node.keep()
            return _REST_MS
        self._radio.begin()
        self._enter(self._join)
        return 0

    def _join(self) -> int:
        signal_dbm = self._radio.signal()
        if signal_dbm is None:
            self._bound(JOIN_MS, "no Wi-Fi")
            return _IDLE_MS
        self._node.state.rssi_dbm = signal_dbm
        self._wire.begin()
        self._enter(self._open)
        return 0

    def _open(self) -> int:
        if not self._wire.is_open():
            self._bound(GREET_MS, "broker does not answer")
            return _BUSY_MS
        self._pipe.close()
        state = self._node.state
        self._session = PersistentSession(self._pipe, state.window, state.largest, KEEP_ALIVE_S)
        self._talk = LastingTalk(self._node, self._session, -1)
        self._talk.begin()
        self._since_ms = self._heard_ms = self._sent_ms = self._node.clock.ticks_ms()
        self._phase = self._converse
        return 0

    def _converse(self) -> int:
        talk = self._talk
        if talk is None or self._radio.signal() is None:
            raise OSError("Wi-Fi lost")
        self._flush()
        self._take_in(talk)
        self._check(talk)
        if not self._session.connected:
            self._bound(GREET_MS, "broker does not greet")
        elif self._node.clock.now_s() >= self._node.state.retry_at_s:
            talk.go_on()
        self._flush()
        return _BUSY_MS if self._pipe.out or self._session.open_ids else _IDLE_MS

    # --- parts -------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        if self._pipe.out:
            written = self._wire.write(memoryview(self._pipe.out))
            self._pipe.out = self._pipe.out[written:]

    def _take_in(self, talk: LastingTalk) -> None:
        acks, news = talk.acks, False
        for _ in range(_AT_ONCE):
            received = self._wire.read(self._session.missing)
            if not received:
                break
            news = True
            self._pipe.feed(received)
            message = self._session.next(0)
            if message is not None:
                talk.take(message)
        if not news:
            return
        self._heard_ms = self._node.clock.ticks_ms()
        asked, self._asked = self._asked, False
        fine = talk.acks != acks or (asked and not self._node.pending())
        if fine and self._node.state.failures:
            note(self._node, True, 0)

    def _check(self, talk: LastingTalk) -> None:
        """Ask a silent broker, give up one that does not answer, send again what the server did not store."""
        clock = self._node.clock
        quiet_ms = clock.since_ms(self._heard_ms)
        if talk.is_acknowledged():
            self._sent_ms = clock.ticks_ms()
        elif clock.since_ms(self._sent_ms) > ACK_MS:
            say("error", at="server", why="no acknowledgement in time; records kept")
            self._sent_ms = clock.ticks_ms()
            talk.send_again()
            note(self._node, False, 0)
        ping_ms = self._session.keep_alive_s * _PING_SHARE_MS
        if self._asked and quiet_ms > ping_ms + SILENCE_MS:
            raise OSError("broker silent")
        if not self._asked and quiet_ms > ping_ms:
            self._asked = True
            self._session.ping()

    def _enter(self, phase: "Callable[[], int]") -> None:
        self._phase = phase
        self._since_ms = self._node.clock.ticks_ms()

    def _bound(self, limit_ms: int, why: str) -> None:
        if self._node.clock.since_ms(self._since_ms) > limit_ms:
            raise OSError(why)

    def _lose(self, reason: int) -> None:
        self._wire.close()
        if self._talk:
            self._talk.close()
        self._talk = None
        self._phase = self._rest
        self._asked = False
        node = self._node
        note(node, False, reason)
        if not reason:
            wait_s = persistent.reconnect_s(node.state.failures, node.board.random())
            node.state.retry_at_s = node.clock.now_s() + wait_s
            node.keep()
