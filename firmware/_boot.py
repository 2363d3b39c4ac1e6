"""Replaces MicroPython's own start in a frozen image. It owns one thing: that no file system is mounted yet.

The stock start stops for ever when the file system is damaged (firmware/hal/data.py).
"""

from firmware.hal import data

data.ours = True
