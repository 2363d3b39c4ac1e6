"""Pulses counted by the chip itself (esp32.PCNT), while the program does other things. Deep sleep ends it.

A counter has 16 bits: it is read and set back long before it is full. The filter drops what is shorter than
12.8 us; a contact that bounces for longer needs 10 kohm and 100 nF.
"""

import esp32
import machine

from firmware.hal import pins

_FILTER_TICKS = 1023
_SET_BACK = 16_000


class PulseCounter:
    """Rising edges on one pin."""

    def __init__(self) -> None:
        pin = machine.Pin(pins.PULSES, machine.Pin.IN, machine.Pin.PULL_UP)
        self._unit = esp32.PCNT(0, pin=pin, rising=esp32.PCNT.INCREMENT, filter=_FILTER_TICKS, value=0)
        self._unit.start()
        self._last = 0

    def taken(self) -> int:
        value = int(self._unit.value())
        pulses = value - self._last
        self._last = value
        if value >= _SET_BACK:
            self._unit.value(0)  # not atomic with the reading: at most one pulse in sixteen thousand
            self._last = 0
        return pulses
