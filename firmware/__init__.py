"""MicroPython for ESP32, importable by CPython: the flash root is the repository root."""
