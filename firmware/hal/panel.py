"""What a person touches and sees: the button and its light. It never decides what a press means."""

import time

import machine

from firmware.hal import pins

PATTERNS = {
    "placed": (900, 0),
    "waiting": (300, 300, 300, 0),
    "already": (100, 100, 100, 0),
    "refused": (80, 80, 80, 80, 80, 80, 80, 80, 80, 0),
    "sent": (100, 400, 500, 0),
    "offline": (500, 200, 100, 0),
    "none": (),
}
"""Milliseconds lit, dark, lit, dark and so on. Long is good news, many short ones are bad news."""


class PushButton:
    """A contact to ground."""

    def __init__(self) -> None:
        self._pin = machine.Pin(pins.BUTTON, machine.Pin.IN, machine.Pin.PULL_UP)

    def pressed(self) -> bool:
        return self._pin.value() == 0


class Lamp:
    """One LED from pin to ground."""

    def __init__(self) -> None:
        self._pin = machine.Pin(pins.LIGHT, machine.Pin.OUT, value=0)

    def on(self) -> None:
        self._pin.value(1)

    def off(self) -> None:
        self._pin.value(0)

    def show(self, answer: str) -> None:
        self._pin.value(0)
        time.sleep_ms(150)  # a dark moment, or the pattern would run into the steady light before it
        lit = 1
        for duration_ms in PATTERNS[answer]:
            self._pin.value(lit)
            time.sleep_ms(duration_ms)
            lit = 1 - lit
        self._pin.value(0)
