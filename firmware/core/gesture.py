"""From a pin's samples to one gesture: short, long or double. It owns the timing rules and never reads a pin.

A press counts only while the button is seen down for `_DEBOUNCE_MS`: a spark that wakes the board and is
gone when the program runs orders nothing.
"""

if __debug__:
    from firmware.const import const

_DEBOUNCE_MS = const(50)
"""A contact of the usual tact switches is calm within 10 ms; people do not press for less than 50 ms."""

_DOUBLE_GAP_MS = const(400)
"""The longest pause between the two presses of a double."""


class Gesture:
    """Reads one gesture.

    Args:
        hold_ms: from here on, a press is long.
    """

    def __init__(self, hold_ms: int) -> None:
        self._hold_ms = hold_ms
        self._down = False
        self._raw = False
        self._raw_since_ms = 0
        self._since_ms = 0
        self._presses = 0

    def feed(self, now_ms: int, pressed: bool) -> str:
        """Take one sample.

        Args:
            now_ms: milliseconds since the first sample, never falling.
            pressed: whether the contact is closed.

        Returns:
            "" while undecided, "none" when there was no press, else "short", "long" or "double".
        """
        if pressed != self._raw:
            self._raw, self._raw_since_ms = pressed, now_ms
        if self._raw != self._down and now_ms - self._raw_since_ms >= _DEBOUNCE_MS:
            self._down, self._since_ms = self._raw, self._raw_since_ms
            if not self._down:
                self._presses += 1
        return self._verdict(now_ms)

    def _verdict(self, now_ms: int) -> str:
        calm = self._raw == self._down  # an edge counts from where it began, once it has proved calm
        held_ms = (now_ms if calm else self._raw_since_ms) - self._since_ms
        if self._down:
            return "long" if held_ms >= self._hold_ms and self._presses == 0 else ""
        if self._presses >= 2:
            return "double"
        if self._raw or held_ms < (_DOUBLE_GAP_MS if self._presses else _DEBOUNCE_MS):
            return ""
        return "short" if self._presses else "none"
