"""PURE: the stock position: what is loaded, what stands in the cupboard, and what is on its way."""

from dataclasses import dataclass


@dataclass(frozen=True)
class StockPosition:
    """All in base units of the slot.

    Args:
        loaded: in the device now; None when unknown or when the slot has no sensor.
        spare: delivered and not yet fitted.
        on_order: ordered and not yet delivered; credited on delivery, not on shipping.
    """

    loaded: int | None
    spare: int
    on_order: int

    @property
    def on_hand(self) -> int | None:
        """Loaded and spare."""
        return None if self.loaded is None else self.loaded + self.spare

    @property
    def total(self) -> int | None:
        """The stock position of inventory theory."""
        return None if self.loaded is None else self.loaded + self.spare + self.on_order


def stock_position(
    loaded: int | None, pack_amount: int, spare_packs: int, packs_on_order: int, opened: int = 0
) -> StockPosition:
    """Put packs and the loaded level together.

    Args:
        loaded: base units in the device, or None; see `ledger.Ledger.loaded`.
        pack_amount: base units in one pack.
        spare_packs: packs delivered and not yet fitted, as `ledger.read_ledger` counts them.
        packs_on_order: packs ordered and not yet delivered.
        opened: base units left in an opened pack, where that is certain; see `ledger.Ledger.opened`.
    """
    return StockPosition(loaded, spare_packs * pack_amount + opened, packs_on_order * pack_amount)
