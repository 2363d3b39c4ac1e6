"""The fake `esp32` module: waking by a pin."""

import machine
import sim_world

WAKEUP_ALL_LOW, WAKEUP_ANY_HIGH = False, True


class PCNT:
    """Counts the world's pulses from the moment it was made; 16 bits, as on the chip."""

    INCREMENT = 1

    def __init__(self, unit, pin, rising, filter, value):
        self._origin = sim_world.read()["pulses"]
        self._running = False

    def start(self):
        self._running = True

    def value(self, reset=None):
        counted = sim_world.read()["pulses"]
        found = counted - self._origin if self._running else 0
        if reset == 0:
            self._origin = counted
        return found % 32767


def wake_on_ext0(pin, level):
    if level is not WAKEUP_ALL_LOW:
        raise ValueError("the simulated button pulls its pin low")
    machine.arm_wake_pin(pin)
