"""Everything that stands in for the world: hardware, households, faults and a sandbox retailer.

It may import the firmware, never the server: they share the wire contract, not code.
"""
