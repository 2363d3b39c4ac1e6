"""The fake `esp32` module: waking by a pin."""

import machine

WAKEUP_ALL_LOW, WAKEUP_ANY_HIGH = False, True


def wake_on_ext0(pin, level):
    if level is not WAKEUP_ALL_LOW:
        raise ValueError("the simulated button pulls its pin low")
    machine.arm_wake_pin(pin)
