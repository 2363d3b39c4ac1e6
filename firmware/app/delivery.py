"""One conversation with the server: send what is recorded, let go of what it acknowledges, take new settings.

It owns how long a wake may wait. It never lets go of a record itself: PUBACK is the broker's word, and
brokers lose acknowledged messages; only `down/ack` counts.
"""

import binascii

from firmware.app.console import say, say_error
from firmware.app.node import Node
from firmware.core import config, event, packet, policy, queue
from firmware.net.mqtt import RefusedError, Session

if __debug__:
    from firmware.const import const

_TYPES = const(False)
if _TYPES:
    from firmware.app.ports import Link, Radio
    from firmware.core.packet import Message
    from firmware.net.mqtt import Publication


_FAILED_WAKE_MS = const(3800)
"""The longest wait without any progress: a battery pays for failed wakes, not for presses. With what a board
needs to start, a failed wake stays within 4 s; a person's gesture and the light come on top."""

_ACK_WAIT_MS = const(2000)
"""From the broker's last PUBACK to the server's acknowledgement."""

_ANSWER_WAIT_MS = const(4000)
"""From the acknowledgement of a press to what became of it."""

_TOO_LARGE = const(0x95)
"""MQTT's reason for a packet above what a broker takes (2.4)."""

_LONGEST_MS = const(30_000)
"""The rest of a long backlog waits for the next wake; the watchdog bites at 60 s."""


def deliver(node: Node, radio: "Radio", link: "Link", press_seq: int = -1) -> str:
    """Deliver all records, oldest first; wait for the answer to the press `press_seq`, if any. Never raises.

    Afterwards the state says when to try again.

    Returns:
        What became of the press: an answer of docs/wire.md, "sent" when nobody said in time, "offline" when
        the server does not have it.
    """
    if node.networks and not node.networks.attempt():
        node.state.retry_at_s = node.clock.now_s()  # with the network before it, as soon as this wake is over
        node.state.stated = 0
        node.keep()
        return "offline"
    talk = Talk(node, Session(link, node.state.window, node.state.largest), press_seq)
    done, reason = False, 0
    try:
        node.state.rssi_dbm = radio.up(_FAILED_WAKE_MS - 1000)  # leaves a second for the broker
        done = talk.run()
        if not done and not talk.too_large:
            say("error", at="server", why="no acknowledgement in time; records kept")
    except RefusedError as error:
        what, reason = error.args
        say("error", at=what, why=f"refused with reason 0x{reason:02x}; records kept")
    except OSError as error:
        say_error("net", error)
    talk.close()
    radio.down()
    note(node, done, reason)
    return talk.answer or ("sent" if talk.pressed else "offline")


def note(node: Node, done: bool, reason: int) -> None:
    """Remember how a conversation went, and when to try again; `reason`: why we were sent away, or 0."""
    state = node.state
    state.failures = 0 if done else state.failures + 1
    state.refusals = state.refusals + 1 if reason in policy.UNWANTED else 0
    if reason:
        state.refused, state.stated = reason, 0  # told as soon as somebody listens again
    wait_s = 0 if done else policy.retry_s(state.failures, state.refusals, node.board.random())
    state.retry_at_s = node.clock.now_s() + wait_s
    node.keep()


class Talk:
    """The conversation itself; its clock starts with the radio, so that one budget covers all.

    Args:
        node: whose.
        session: the connection.
        press_seq: the press whose answer is waited for, or -1.
    """

    def __init__(self, node: Node, session: Session, press_seq: int) -> None:
        self._node = node
        self._session = session
        self._press_seq = press_seq
        self._topic = f"rp/1/{node.device.id}/"
        self._started = node.clock.ticks_ms()
        self._phase = "batch"
        self._give_up_ms = _FAILED_WAKE_MS
        self._waiting: list[str] = []
        self._stating = False
        self._largest = session.largest
        self.too_large: list[str] = []
        """Records that this broker does not take, and "" where it does not take the report; all are kept."""
        self.answer = ""
        self.pressed = False
        self.acks = 0
        """Acknowledgements of the server so far."""

    def run(self) -> bool:
        """Talk until there is nothing left to say; whether everything sent was acknowledged."""
        self.begin()
        while self._advance():
            left_ms = self._left_ms()
            if left_ms <= 0:
                break
            message = self._session.next(left_ms)
            if message is not None:
                self.take(message)
        return not self._waiting and not self._session.open_ids and not self.too_large

    def begin(self) -> None:
        """Connect and say what there is to say, in one write. Raises OSError."""
        device = self._node.device
        first = self._batch()
        if not self._node.state.stated:
            first += self._statement("")
        self._session.start(device.id, device.password, self._topic, first, self._left_ms())

    def close(self) -> None:
        """End the conversation; never raises."""
        self._node.state.window, self._node.state.largest = self._session.window, self._session.largest
        self._session.close()

    def _advance(self) -> bool:
        """Say what is next; False when all is said."""
        if self._session.open_ids:
            return True
        if self._stating:
            self._stating = False
            self._node.state.stated = 1
            self._node.state.refused = 0
        if self._waiting:
            self._enter("ack", min(_ACK_WAIT_MS, self._left_ms()))
            return True
        more = self._batch()
        if more:
            self._enter("batch", _FAILED_WAKE_MS)
            self._session.publish(more)
            return True
        if not self.pressed or self.answer:  # the server does not have it: nobody will say what became of it
            return False
        self._enter("answer", _ANSWER_WAIT_MS)
        return True

    def _enter(self, phase: str, wait_ms: int) -> None:
        """Give a new phase its own time; the same phase keeps the time it has."""
        if phase != self._phase:
            self._phase = phase
            self._give_up_ms = self._node.clock.since_ms(self._started) + wait_ms

    def _left_ms(self) -> int:
        return min(self._give_up_ms, _LONGEST_MS) - self._node.clock.since_ms(self._started)

    def _batch(self) -> "list[Publication]":
        publications: list[Publication] = []
        if self._largest != self._session.largest:  # the broker has just said it: what was kept may fit now
            self._largest, self.too_large = self._session.largest, []
        for name in self._node.pending():
            payload = None if name in self.too_large else self._node.message(name)
            if payload is not None and self._is_taken("up/ev", payload, name):
                self._waiting.append(name)
                publications.append((self._topic + "up/ev", payload, False))
            if len(publications) == queue.BATCH:
                break
        return publications

    def _statement(self, problem: str) -> "list[Publication]":
        """The report; nothing where the broker does not take one of this size."""
        self._node.state.stated = 0
        content = b"" if "" in self.too_large else self._node.report(problem)
        if not content or not self._is_taken("up/st", content, ""):
            return []
        self._stating = True
        return [(self._topic + "up/st", content, True)]

    def _is_taken(self, topic: str, payload: bytes, name: str) -> bool:
        """Whether the broker takes this message; what is too large for it is kept, said and told."""
        largest = self._session.largest  # before its first CONNACK nobody knows
        if not largest or len(packet.publish(self._topic + topic, payload, 1, False)) <= largest:
            return True
        self.too_large.append(name)
        self._node.state.refused, self._node.state.stated = _TOO_LARGE, 0
        say("error", at=topic, why=f"larger than the {largest} bytes the broker takes; kept")
        return False

    def take(self, message: "Message") -> None:
        """Take what the server says. Raises OSError."""
        topic, payload, retained, _ = message
        commands = self._node.commands
        if topic == self._topic + "down/ack":
            self._take_ack(payload)
        elif topic == self._topic + "down/desired":
            self._take_desired(payload, retained)
        elif topic == self._topic + "down/cmd" and commands and commands.take(payload, retained):
            self._session.publish(self._statement(""))

    def _take_ack(self, payload: bytes) -> None:
        ack = event.parse_ack(payload)
        if ack is None:
            return
        self.acks += 1
        boot, seqs, answer = ack
        if self._node.forget(boot, seqs):
            self._session.publish(self._statement(""))
        kept = self._node.pending()
        self._waiting = [name for name in self._waiting if name in kept]
        if boot == self._node.state.boot and self._press_seq in seqs:
            self.pressed = True
            self.answer = answer or self.answer

    def _take_desired(self, payload: bytes, retained: bool) -> None:
        crc = binascii.crc32(payload)
        try:
            document = config.parse(payload)
            now_s = config.server_now(document)
            if now_s and not retained:  # a retained document was written at an unknown time
                self._node.synchronise(now_s)
            if self._node.take(document):
                self._session.publish(self._statement(""))
        except config.RefusedDocument as error:
            if crc != self._node.state.refused_crc:
                self._node.state.refused_crc = crc
                say("error", at="desired", why=str(error))
                self._session.publish(self._statement(str(error)))
