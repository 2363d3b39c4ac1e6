"""The world folder of one simulated device, as its hardware sees it. It never decides what the firmware does.

world.json, written by the runner: clock, load_g, noise_g, wifi, wave, cause, pins, zero, counts_per_kg,
battery_mv, rssi, pulses, held, rollback; running (label of the slot that runs), cut_after (flash operations
until the power goes). Written here: rtc.bin (RTC memory), rtc_start (simulated second of power-on), nvs.json,
sleep.json, light.log, watchdog_ms, counting (once the pulse counter runs); by flash_chip: one file per
partition.
"""

import json
import os
import time

_FOLDER = os.getenv("RP_WORLD")


def folder():
    """Where the world lies."""
    return _FOLDER


def read():
    """The world as it is now."""
    with open(_FOLDER + "/world.json") as file:
        return json.load(file)


def load(name):
    """Content of a file the hardware wrote, or None."""
    try:
        with open(_FOLDER + "/" + name, "rb") as file:
            return file.read()
    except OSError:
        return None


def save(name, content):
    """Write a file as a whole, so that a killed VM leaves the old or the new one."""
    path = _FOLDER + "/" + name
    with open(path + ".tmp", "wb") as file:
        file.write(content)
    os.rename(path + ".tmp", path)


def append(name, line):
    """Add a line to a log."""
    with open(_FOLDER + "/" + name, "a") as file:
        file.write(line + "\n")


def now_s():
    """Simulated Unix time in seconds."""
    if not _clock:  # looked up once: reading the world takes the memory that is measured
        _clock.extend([float(part) for part in read()["clock"].split(",")])
    origin, wall_start, speed = _clock
    return origin + (time.time() - wall_start) * speed


def since_power_on_s():
    """Simulated seconds since power-on; a board without rtc_start has just got its power."""
    if not _power_on:
        start = load("rtc_start")
        if start is None:
            start = str(now_s()).encode()
            save("rtc_start", start)
        _power_on.append(float(start))
    return max(0, now_s() - _power_on[0])


_clock, _power_on = [], []
