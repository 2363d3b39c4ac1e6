"""PURE: how a device behaves beside what it says: too fast for an honest one, or two under one name.

Source: docs/fleet.md, Limits.
"""

from dataclasses import dataclass
from functools import cached_property

import msgspec

_MARGIN_MS = 60_000  # what ages in whole seconds and a slow way can be off, and more
_BOOTS_REMEMBERED = 4
_RETURNS = 3  # one board that restarts never goes back to an earlier boot with something new


@dataclass(frozen=True)
class Pace:
    """How fast a device may speak, by the server's clock.

    Args:
        per_second: messages, in the long run.
        burst: messages at once: many times what a board keeps while it is offline.
    """

    per_second: float
    burst: int

    @cached_property
    def every_ms(self) -> float:
        """Milliseconds between two messages in the long run."""
        return 1000 / self.per_second

    @cached_property
    def ahead_ms(self) -> float:
        """How far a device may be ahead of that."""
        return self.every_ms * (self.burst - 1)


class Conduct(msgspec.Struct, gc=False):
    """What is remembered of one device.

    Args:
        paced_ms: when its bucket is full again, Unix milliseconds.
        boot: the boot whose events happened last.
        at_ms: when the last of them happened.
        earlier: boots before it, newest last.
        returns: how often one of those was back with something newer.
    """

    paced_ms: float = 0.0
    boot: str = ""
    at_ms: int = 0
    earlier: tuple[str, ...] = ()
    returns: int = 0

    def may_speak(self, now_ms: int, pace: Pace) -> bool:
        """Take one message out of its bucket (the generic cell rate algorithm); False when it is empty.

        No bucket is emptier than empty: one that seems so was filled by a clock that has been put back since,
        and counts for nothing. Its device would be held back for as long as the clock had been ahead.
        """
        full_ms = self.paced_ms
        if full_ms < now_ms or full_ms - now_ms > pace.ahead_ms + pace.every_ms:
            self.paced_ms = now_ms + pace.every_ms
            return True
        if full_ms - now_ms > pace.ahead_ms:
            return False
        self.paced_ms = full_ms + pace.every_ms
        return True

    def is_two(self, boot: str, at_ms: int) -> bool:
        """Note an event that is new, and when it happened; whether this shows two devices under one name.

        The events of one board's boots lie one after the other in time, however late they come. Two boards
        take turns.
        """
        if boot == self.boot:
            self.at_ms = max(self.at_ms, at_ms)
            return False
        if self.boot and at_ms <= self.at_ms + _MARGIN_MS:
            return False  # a record of an earlier boot, or one that cannot be told apart in time
        if boot in self.earlier:
            self.returns += 1
        if self.boot:
            kept = [name for name in self.earlier if name not in (boot, self.boot)]
            self.earlier = (*kept, self.boot)[-_BOOTS_REMEMBERED:]
        self.boot, self.at_ms = boot, at_ms
        if self.returns < _RETURNS:
            return False
        self.returns = 0
        return True
