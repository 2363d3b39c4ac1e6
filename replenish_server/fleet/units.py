"""What a device's numbers mean: wire units to a slot's base unit and back, for every kind of device.

Source: docs/wire.md, the event envelope.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """A slot's base unit.

    Args:
        base: the unit kept in the database.
        shown: the unit that the wire carries and people read.
        factor: base units in one shown unit.
        counted: whether devices count what was used of it, instead of measuring what is left.
    """

    base: str
    shown: str
    factor: int
    counted: bool = False


MASS = Unit("mg", "g", 1000)
PACKS = Unit("pack", "pack", 1)
VOLUME = Unit("ml", "ml", 1, counted=True)
PAGES = Unit("page", "pages", 1, counted=True)

BY_BASE = {unit.base: unit for unit in (MASS, PACKS, VOLUME, PAGES)}
"""Every base unit in use."""

OF_KIND = {"level": MASS, "button": PACKS, "flow": VOLUME, "pages": PAGES}
"""The base unit of each kind of device; also the list of kinds that this release knows."""
