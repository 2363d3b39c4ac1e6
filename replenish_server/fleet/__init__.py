"""Devices and their slots: registry, broker credentials, and the twin (desired and reported)."""
