"""The order button: a press is saved, sent and answered with light. One call is one wake; it never sleeps."""

from firmware.app.console import say
from firmware.app.delivery import deliver
from firmware.app.node import Node
from firmware.core import policy
from firmware.core.gesture import Gesture

if __debug__:
    from firmware.const import const

_TYPES = const(False)
if _TYPES:
    from firmware.app.ports import Button, Clock, Light, Link, Radio


_SAMPLE_MS = const(5)

_STUCK_MS = const(10_000)
"""A button held down longer than this is stuck: waking on it would wake for ever."""

_STUCK_SLEEP_S = const(3600)
"""How soon to look whether a stuck button was let go."""


def wake(
    node: Node, button: "Button", light: "Light", radio: "Radio", link: "Link", pressed: bool
) -> tuple[int, bool]:
    """Read the gesture if the button woke us, record it, deliver, show what became of it.

    Args:
        pressed: whether the button woke us, rather than the timer or the power.

    Returns:
        (seconds until the next wake by timer, whether the button may wake us before).
    """
    gesture = (
        _read_gesture(button, light, node.clock, node.settings.values["cfg.hold_ms"]) if pressed else "none"
    )
    press_seq = node.record("press", {"g": gesture}) if gesture != "none" else -1
    node.record_hello_if_due()
    if press_seq >= 0 or (node.pending() and node.clock.now_s() >= node.state.retry_at_s):
        answer = deliver(node, radio, link, press_seq)
        if press_seq >= 0:
            say("answer", r=answer)
            light.show(answer)
    node.settle()
    armed = _released(button, node.clock)
    sleep_s = _sleep_s(node)
    return (sleep_s if armed else min(sleep_s, _STUCK_SLEEP_S)), armed


def _read_gesture(button: "Button", light: "Light", clock: "Clock", hold_ms: int) -> str:
    light.on()
    reader = Gesture(hold_ms)
    started = clock.ticks_ms()
    gesture = ""
    while not gesture:
        gesture = reader.feed(clock.since_ms(started), button.pressed())
        clock.sleep_ms(_SAMPLE_MS)
    if gesture == "none":
        light.show("none")
    return gesture


def _sleep_s(node: Node) -> int:
    now_s = node.clock.now_s()
    due_s = node.state.hello_at_s + policy.HELLO_S
    if node.pending():
        due_s = min(due_s, node.state.retry_at_s)
    return max(1, due_s - now_s)


def _released(button: "Button", clock: "Clock") -> bool:
    started = clock.ticks_ms()
    while button.pressed():
        if clock.since_ms(started) > _STUCK_MS:
            say(
                "error", at="button", why="held down for 10 s; it will not wake the device until it is let go"
            )
            return False
        clock.sleep_ms(_SAMPLE_MS)
    return True
