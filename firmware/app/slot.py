"""One consumable of a device that counts. A button's memory need not hold it."""


class Slot:
    """One consumable of a device that counts.

    Args:
        capacity: what a new unit lasts for, in ml or pages.
        supply: the printer's own number of it (prtMarkerSuppliesIndex); 0 where pulses tell.
    """

    def __init__(self, capacity: int, supply: int) -> None:
        self.capacity = capacity
        self.supply = supply
