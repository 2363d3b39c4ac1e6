"""Runs before main.py on every start. It owns one thing: enough memory before the program is read."""

import gc

# Collecting early keeps Python's heap small; a heap that grows takes memory from Wi-Fi.
gc.threshold(16_384)
