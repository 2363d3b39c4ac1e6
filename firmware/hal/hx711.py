"""The HX711 load-cell converter, clocked by hand. It returns raw counts and never judges them.

Source: HX711 datasheet, "Serial interface": 24 bits, most significant first, two's complement; a 25th pulse
selects channel A with gain 128 for the next conversion; a clock that stays high for 60 us powers the chip
down.
"""

import time

import machine

from firmware.hal import pins

_READY_MS = 450
"""Settling takes 400 ms at 10 samples per second, 50 ms at 80 (datasheet, "Output settling time")."""


class Hx711:
    """One cell on channel A, its supply switched by a MOSFET."""

    def __init__(self) -> None:
        self._power = machine.Pin(pins.CELL_POWER, machine.Pin.OUT, value=0)
        self._clock = machine.Pin(pins.CELL_CLOCK, machine.Pin.OUT, value=0)
        self._data = machine.Pin(pins.CELL_DATA, machine.Pin.IN)

    def burst(self, samples: int) -> list[int]:
        self._power.value(1)
        counts: list[int] = []
        try:
            while len(counts) < samples and self._wait_ready():
                counts.append(self._read())
        finally:
            self._power.value(0)
        return counts

    def resolution_g(self, counts_per_kg: int) -> int:
        return 1  # 24 bits: far finer than the cell

    def _wait_ready(self) -> bool:
        started = time.ticks_ms()
        while self._data.value():
            if time.ticks_diff(time.ticks_ms(), started) > _READY_MS:
                return False
            time.sleep_ms(1)
        return True

    def _read(self) -> int:
        bits = 0
        for _ in range(24):
            bits = (bits << 1) | self._pulse()
        self._pulse()
        return bits - (1 << 24) if bits & (1 << 23) else bits

    def _pulse(self) -> int:
        # An interrupt inside the pulse could stretch it past 60 us and switch the chip off.
        mask = machine.disable_irq()
        self._clock.value(1)
        self._clock.value(0)
        machine.enable_irq(mask)
        return self._data.value()
