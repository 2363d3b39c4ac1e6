"""Doing what the server asks of a mains device once: show yourself, report, start anew.

A command is kept as taken before it is done, so that nothing is done twice; the next report answers it.
"""

from firmware.app.console import say
from firmware.app.node import Node
from firmware.core import command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.app.meter import Meter
    from firmware.app.ports import Light

SHOWN_MS = 10_000
_BLINK_MS = 200
_TRUSTED_S = 86_400
"""A clock set longer ago may be off by more than a command lasts; then the broker drops it in time."""


class ServerCommands:
    """One device's commands.

    Args:
        node: who is asked.
        program: what it counts.
        light: blinks.
    """

    def __init__(self, node: Node, program: "Meter", light: "Light") -> None:
        self._node = node
        self._program = program
        self._light = light
        self._shown_ms = -1
        self.restarts = False
        """Whether a new start was asked for."""
        if node.state.command_as == 0 and node.state.command:  # taken before this start: here it is
            node.state.command_as = command.DONE
            node.state.stated = 0

    def take(self, payload: bytes, retained: bool) -> bool:
        """Take a command; whether there is something to report now. What is late or a repeat does nothing."""
        state, now_s = self._node.state, self._node.clock.now_s()
        asked = None if retained else command.parse(payload)
        if asked is None or asked.number <= state.command:
            return False
        known = state.offset_s and now_s - state.synced_s <= _TRUSTED_S
        answer = command.judge(asked, now_s + state.offset_s if known else 0)
        restarts = answer == command.DONE and asked.verb == command.RESTART
        state.command, state.command_as = asked.number, 0 if restarts else answer
        self._node.keep()
        say("command", n=asked.number, do=asked.verb, r=command.ANSWERS[answer])
        if answer != command.DONE:
            return True
        if restarts:
            self.restarts = True
            return False  # the new start answers
        if asked.verb == command.REPORT:
            self._program.tell_all()
        else:
            self._shown_ms = self._node.clock.ticks_ms()
        return True

    def turn(self) -> None:
        """Blink while the device shows itself."""
        if self._shown_ms < 0:
            return
        lit_ms = self._node.clock.since_ms(self._shown_ms)
        if lit_ms >= SHOWN_MS:
            self._shown_ms = -1
            self._light.off()
        elif lit_ms // _BLINK_MS % 2:
            self._light.off()
        else:
            self._light.on()
