"""The fake `machine` module: the names that firmware/hal uses, with the behaviour of an ESP32."""

import json
import random
import sys
import time

import sim_world

PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET = 1, 2, 3, 4
PIN_WAKE, TIMER_WAKE = 2, 4

SLEEP_EXIT, RESET_EXIT = 42, 43

_RTC_YEAR_2000 = 946684800
_CAUSES = {"power": PWRON_RESET, "crash": WDT_RESET, "reset": HARD_RESET}

_world = sim_world.read()
_pins = _world["pins"]
_wake_pin = None
_ending = None


def reset_cause():
    return _CAUSES.get(_world["cause"], DEEPSLEEP_RESET)


def wake_reason():
    return {"pin": PIN_WAKE, "timer": TIMER_WAKE}.get(_world["cause"], 0)


def arm_wake_pin(pin):
    """Called by the fake esp32 module."""
    global _wake_pin
    _wake_pin = pin


def deepsleep(time_ms):
    if _ending is None:
        armed = _wake_pin.number if _wake_pin else None
        sim_world.save("sleep.json", json.dumps({"ms": time_ms, "pin": armed}).encode())
    _end(SLEEP_EXIT)


def reset():
    _end(RESET_EXIT)


def _end(code):
    # A chip stops at once; here the exception still runs through `finally`, where nothing may change the end.
    global _ending
    if _ending is None:
        _ending = code
    sys.exit(_ending)


def disable_irq():
    return 0


def enable_irq(state):
    pass


class WDT:
    """Bites in the runner (device_sim.watchdog): it kills a VM that was not fed for so long."""

    def __init__(self, timeout):
        self._timeout = str(timeout).encode()
        self.feed()

    def feed(self):
        sim_world.save("watchdog_ms", self._timeout)


class RTC:
    def memory(self, content=None):
        if content is None:
            return sim_world.load("rtc.bin") or b""
        if len(content) > 2048:
            raise ValueError("buffer too long")
        sim_world.save("rtc.bin", content)
        return None

    def datetime(self):
        seconds = sim_world.since_power_on_s()
        now = time.gmtime(_RTC_YEAR_2000 + int(seconds))
        return (now[0], now[1], now[2], now[6], now[3], now[4], now[5], int(seconds % 1 * 1000000))


class ADC:
    ATTN_11DB = 3

    def __init__(self, pin, atten):
        self._pin = pin

    def read_uv(self):
        return _world["battery_mv"] * 1000 // 2


class Pin:
    IN, OUT, PULL_UP = 1, 3, 2

    def __init__(self, number, mode=-1, pull=-1, value=None):
        self.number = number
        if value is not None:
            self.value(value)

    def value(self, level=None):
        if level is None:
            return _read_pin(self.number)
        _write_pin(self.number, level)
        return None


class I2C:
    """A VL53L0X alone on the bus, at 0x29: the distance that belongs to the load, in whole millimetres."""

    def __init__(self, number, scl, sda, freq):
        self._result = bytes(12)

    def writeto_mem(self, address, register, content):
        _answering(address)
        if register == 0x00 and content == b"\x01":
            self._result = _ranged()

    def readfrom_mem(self, address, register, count):
        _answering(address)
        if register == 0x14:
            return self._result[:count]
        return {0xC0: b"\xee", 0x13: b"\x04"}[register]


def _answering(address):
    # Without power, or with its cable off, nobody acknowledges the address.
    if address != 0x29 or not _cell.powered:
        raise OSError(19)


def _ranged():
    world = sim_world.read()
    if world["load_g"] is None:  # the lid is off: no target, yet a plausible number
        return b"\x20" + bytes(9) + (1200).to_bytes(2, "big")
    noise_g = world["noise_g"]
    grams = world["load_g"] + (sum([random.uniform(-1, 1) for _ in range(3)]) * noise_g if noise_g else 0)
    millimetres = round((world["zero"] + grams * world["counts_per_kg"] / 1000) / 1000)
    return b"\x58" + bytes(9) + max(0, millimetres).to_bytes(2, "big")


class _Cell:
    """An HX711 behind its two pins: it answers the load of the world, 24 bits at a time."""

    def __init__(self):
        self.powered = False
        self._clock = 0
        self._bits = []
        self._data = 1
        self._last_bit = 0

    def power(self, level):
        self.powered = bool(level)
        self._data = 1
        if self.powered:
            self._world = sim_world.read()
            self._convert()

    def clock(self, level):
        if self.powered and level and not self._clock:
            if self._bits:
                self._data = self._bits.pop(0)
            else:
                self._convert()  # the 25th pulse ends this conversion and starts the next
        self._clock = level

    def data(self):
        return self._data if self.powered else 1

    def _convert(self):
        load_g = self._world["load_g"]
        if load_g is None:  # the cable is off
            self._data = 1
            return
        noise_g = self._world["noise_g"]
        grams = load_g + (sum([random.uniform(-1, 1) for _ in range(3)]) * noise_g if noise_g else 0)
        self._last_bit ^= 1  # a converter's last bits never stand still
        counts = int(self._world["zero"] + grams * self._world["counts_per_kg"] / 1000) + self._last_bit
        counts = max(-0x800000, min(0x7FFFFF, counts)) & 0xFFFFFF
        self._bits = [(counts >> shift) & 1 for shift in range(23, -1, -1)]
        self._data = 0


_cell = _Cell()
_outputs = {}
_wave_start = None


def _read_pin(number):
    if number == _pins["cell_data"]:
        return _cell.data()
    if number == _pins["button"]:
        return _button_level()
    return _outputs.get(number, 1)


def _button_level():
    # The wave starts with the first look: a loaded machine that starts the VM late must not lose a press.
    global _wave_start
    if _wave_start is None:
        _wave_start = time.ticks_ms()
    now_ms = time.ticks_diff(time.ticks_ms(), _wave_start)
    level = 0 if sim_world.read()["held"] else 1
    for at_ms, value in _world["wave"]:
        if now_ms >= at_ms:
            level = value
    return level


def _write_pin(number, level):
    if number == _pins["cell_power"]:
        _cell.power(level)
    elif number == _pins["cell_clock"]:
        _cell.clock(level)
    elif number == _pins["light"] and _outputs.get(number, 0) != level:
        sim_world.append("light.log", json.dumps([time.ticks_ms(), level]))
    _outputs[number] = level
