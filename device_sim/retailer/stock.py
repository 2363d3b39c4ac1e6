"""Where packs come from: the warehouse for parcels, a store's shelf for what is collected there."""

from dataclasses import dataclass

from device_sim.retailer.catalogue import Catalogue, OutOfStockError
from device_sim.retailer.locations import Stores
from device_sim.retailer.quote import Shelves
from device_sim.retailer.store import Store


@dataclass(frozen=True)
class Taken:
    """What an order took, so that it can be given back: packs by item id, and the store (None: warehouse)."""

    packs: dict[str, int]
    location_id: str | None = None


class Stock:
    """All shelves as one; every change runs inside the caller's transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.catalogue = Catalogue(store)
        self.stores = Stores(store)

    def seed(self) -> None:
        """Fill empty shelves. What an earlier run left is not touched."""
        self.catalogue.seed()
        self.stores.seed(list(self.catalogue.items()))

    def shelves(self) -> Shelves:
        """Everything there is now."""
        return Shelves(self.catalogue.items(), self.stores.stock())

    def reserve(
        self, wanted: dict[str, int], location_id: str | None, *, backorders: bool = False
    ) -> Taken | None:
        """Take packs for an order, all or none (None); with `backorders` those that the warehouse has."""
        if backorders and location_id is None:
            return Taken({item: self.catalogue.take_at_most(item, packs) for item, packs in wanted.items()})
        try:
            with self._store.attempt():
                if location_id is None:
                    self.catalogue.reserve(wanted)
                else:
                    self.stores.reserve(location_id, wanted)
        except OutOfStockError:
            return None
        return Taken(wanted, location_id)

    def give_back(self, taken: Taken) -> None:
        """Put packs back where they came from."""
        if taken.location_id is None:
            self.catalogue.give_back(taken.packs)
            return
        for item_id, packs in taken.packs.items():
            self.stores.give_back(taken.location_id, item_id, packs)
