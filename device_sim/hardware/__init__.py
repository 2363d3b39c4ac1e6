"""Stand-ins for a board's own modules: MicroPython code, found through MICROPYPATH before the built-in ones.

A device's world is a folder of small files, written by `device_sim.vm` and named by the variable RP_WORLD.
"""
