"""The chip: why it woke, what it keeps, how it sleeps, watchdog, battery, clock. It never decides when."""

import os
import time

import esp32
import machine

from firmware.hal import pins

_WATCHDOG_MS = 60_000
"""Longer than the longest wake (30 s of delivery, 10 s of a stuck button, a slow name look-up)."""


class Chip:
    """An ESP32. Making one starts the watchdog."""

    def __init__(self) -> None:
        self._watchdog = machine.WDT(timeout=_WATCHDOG_MS)
        self._rtc = machine.RTC()

    def cold(self) -> bool:
        """Whether anything else than the end of deep sleep started the chip."""
        return machine.reset_cause() != machine.DEEPSLEEP_RESET

    def woken_by_pin(self) -> bool:
        """Whether a pin ended deep sleep."""
        return machine.reset_cause() == machine.DEEPSLEEP_RESET and machine.wake_reason() == machine.PIN_WAKE

    def powered_on(self) -> bool:
        """Whether the board was without power before, rather than asleep, reset or crashed."""
        return machine.reset_cause() == machine.PWRON_RESET

    def memory(self) -> bytes:
        content: bytes = self._rtc.memory()
        return content

    def keep(self, frame: bytearray) -> None:
        self._rtc.memory(frame)

    def battery_mv(self) -> int:
        converter = machine.ADC(machine.Pin(pins.BATTERY), atten=machine.ADC.ATTN_11DB)
        return 2 * converter.read_uv() // 1000

    def random(self) -> int:
        return int.from_bytes(os.urandom(4), "big")

    def beat(self) -> None:
        """Tell the watchdog that a program which takes long, or never sleeps, is alive."""
        self._watchdog.feed()

    def reset(self) -> None:
        """Start anew through the bootloader, which checks the image then; after deep sleep it would not."""
        machine.reset()

    def sleep(self, duration_ms: int, wake_pin: int | None) -> None:
        """Sleep deeply; the program ends here and starts anew.

        Args:
            duration_ms: at most a day or so; the chip counts microseconds in 64 bits.
            wake_pin: a pin that wakes the chip when it goes low, or None.
        """
        if wake_pin is not None:
            pin = machine.Pin(wake_pin, machine.Pin.IN, machine.Pin.PULL_UP)
            esp32.wake_on_ext0(pin, esp32.WAKEUP_ALL_LOW)
        machine.deepsleep(duration_ms)


class ChipClock:
    """The RTC for what outlasts sleep, ticks for waits. The RTC is never set (firmware.core.ages)."""

    def __init__(self) -> None:
        self._rtc = machine.RTC()
        self._wake = time.ticks_ms()

    def now_s(self) -> int:
        year, month, day, _, hour, minute, second, _ = self._rtc.datetime()
        return int(time.mktime((year, month, day, hour, minute, second, 0, 0))) - _RTC_EPOCH

    def ticks_ms(self) -> int:
        return time.ticks_diff(time.ticks_ms(), self._wake)

    def since_ms(self, moment: int) -> int:
        return self.ticks_ms() - moment

    def sleep_ms(self, duration_ms: int) -> None:
        time.sleep_ms(duration_ms)


_RTC_EPOCH = int(time.mktime((2000, 1, 1, 0, 0, 0, 0, 0)))
"""An ESP32 starts its RTC at 2000-01-01; ports count seconds from 1970 or from 2000."""
