"""The wiring of the reference boards: GPIO numbers of an ESP32, nothing else.

The button must sit on a pin that the RTC domain can see (GPIO 0, 2, 4, 12-15, 25-27, 32-39), or it cannot
wake the chip.
"""

BUTTON = 33
"""To ground; the internal pull-up stays on in deep sleep with EXT0."""

LIGHT = 32

CELL_DATA = 26
CELL_CLOCK = 25

TOF_DATA = 21
TOF_CLOCK = 22

CELL_POWER = 27
"""Gate of the MOSFET that feeds the HX711 or the VL53L0X: newer chips draw 60 uA when told to power down."""

PULSES = 35
"""The flow meter's or the page contact's output; it has no pull-up of its own, 10 kohm to 3.3 V."""

BATTERY = 34
"""Through a divider of two equal resistors, 1 Mohm each, with 100 nF to ground."""
