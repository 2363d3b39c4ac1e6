"""A device that counts what passes it: a water meter before a filter, or a printer's page counter.

It counts from nothing at each power-on, says hello first, and sends its total beside each report that a new
unit was fitted, so that no use is lost and none is taken from the wrong unit.
"""

import random

from device_sim.clock import SimClock
from device_sim.fleet import Access, SimDevice


class Meter(SimDevice):
    """A counting device, switched on; it runs on mains, so the broker says when it is gone.

    Args:
        access: how it connects.
        clock: simulated time, for the ages it sends.
        rng: its boot ids and back-off come from here.
        capacity: what a new unit lasts for, in wire units (ml, pages).
        left: what truly remains of the present unit.
    """

    def __init__(self, access: Access, clock: SimClock, rng: random.Random, capacity: int, left: int) -> None:
        super().__init__(access, clock, rng, mains=True)
        self.capacity, self.left = capacity, left
        self.restart()

    def restart(self) -> None:
        """Power off and on: another boot, counting from nothing."""
        self.boot = f"{self.rng.getrandbits(32):08x}"
        self._seq, self.total = -1, 0
        self.record("hello")

    def use(self, amount: int) -> None:
        """So much passed; the unit does not go below empty, water flows on."""
        self.total += amount
        self.left = max(0, self.left - amount)
        self.record("usage", n=self.total)

    def fit(self) -> None:
        """Somebody fitted a new unit and held the meter's button."""
        self.record("usage", n=self.total)
        self.record("refill", n=self.capacity)
        self.left = self.capacity
