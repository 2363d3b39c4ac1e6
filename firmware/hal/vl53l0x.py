"""The VL53L0X time-of-flight sensor over I2C: distance from the lid in micrometres. It never judges levels.

Source: VL53L0X datasheet, "I2C interface" and "Reference registers" (0xC0 reads 0xEE), and ST's public API
for the result block: the status in bits 3 to 6 of its first byte, 11 for a valid range, the range in
millimetres in bytes 10 and 11. The sensor's power-on defaults are used: no long range, no tuning tables.
"""

import time

import machine

from firmware.hal import pins

_ADDRESS = 0x29
_MODEL_ID, _MODEL = 0xC0, 0xEE
_START, _CLEAR, _READY, _RESULT = 0x00, 0x0B, 0x13, 0x14
_VALID = 11
_BOOT_MS = 2
_RANGE_MS = 60
"""A range takes 33 ms by default (datasheet, "Ranging timing budget")."""

_STEP_UM = 1000


class Vl53l0x:
    """One sensor looking down from the lid, its supply switched like the load cell's.

    Without a target it still answers plausible numbers: only its own range status says whether to believe it.
    """

    def __init__(self) -> None:
        self._power = machine.Pin(pins.CELL_POWER, machine.Pin.OUT, value=0)
        self._bus = machine.I2C(
            0, scl=machine.Pin(pins.TOF_CLOCK), sda=machine.Pin(pins.TOF_DATA), freq=400_000
        )

    def burst(self, samples: int) -> list[int]:
        self._power.value(1)
        distances: list[int] = []
        try:
            time.sleep_ms(_BOOT_MS)
            if self._bus.readfrom_mem(_ADDRESS, _MODEL_ID, 1)[0] != _MODEL:
                return distances
            while len(distances) < samples:
                millimetres = self._range()
                if millimetres is None:
                    break
                distances.append(millimetres * _STEP_UM)
        except OSError:
            pass  # nobody answers on the bus: fewer samples say it
        finally:
            self._power.value(0)
        return distances

    def resolution_g(self, counts_per_kg: int) -> int:
        return max(1, 1000 * _STEP_UM // max(1, abs(counts_per_kg)))

    def _range(self) -> int | None:
        """One range in mm; None when there is no target or no answer in time. Raises OSError."""
        self._bus.writeto_mem(_ADDRESS, _START, b"\x01")
        started = time.ticks_ms()
        while not self._bus.readfrom_mem(_ADDRESS, _READY, 1)[0] & 7:
            if time.ticks_diff(time.ticks_ms(), started) > _RANGE_MS:
                return None
            time.sleep_ms(2)
        result = self._bus.readfrom_mem(_ADDRESS, _RESULT, 12)
        self._bus.writeto_mem(_ADDRESS, _CLEAR, b"\x01")
        if (result[0] >> 3) & 15 != _VALID:
            return None
        return int.from_bytes(result[10:12], "big")
