"""The shop's own stores, where orders can be collected: which there are, and what each has in stock."""

from dataclasses import dataclass

from device_sim.retailer.catalogue import OutOfStockError
from device_sim.retailer.store import Store
from device_sim.retailer.wire import Doc

SEED_STOCK = 20


@dataclass(frozen=True)
class Location:
    """One store with a counter."""

    location_id: str
    name: str
    street: str
    postal_code: str

    @property
    def address(self) -> Doc:
        """As a postal address of the protocol."""
        return {
            "street_address": self.street,
            "address_locality": "Berlin",
            "postal_code": self.postal_code,
            "address_country": "DE",
        }

    def as_destination(self) -> Doc:
        """As a place to fulfil: id, name, address."""
        return {"id": self.location_id, "name": self.name, "address": self.address}


LOCATIONS = {
    place.location_id: place
    for place in (
        Location("store-mitte", "Sandbox Mitte", "Alexanderplatz 1", "10178"),
        Location("store-kreuzberg", "Sandbox Kreuzberg", "Oranienstrasse 24", "10999"),
        Location("store-spandau", "Sandbox Spandau", "Altstaedter Ring 2", "13597"),
    )
}


class Stores:
    """Reads and changes the stores' shelves; every change runs inside the caller's transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def seed(self, item_ids: list[str]) -> None:
        """Put every item on every store's shelf once."""
        for location_id in LOCATIONS:
            for item_id in item_ids:
                self._store.run(
                    "INSERT OR IGNORE INTO location_stock VALUES (?, ?, ?)", location_id, item_id, SEED_STOCK
                )

    def stock(self) -> dict[str, dict[str, int]]:
        """Packs by location id and item id."""
        found: dict[str, dict[str, int]] = {location_id: {} for location_id in LOCATIONS}
        for row in self._store.rows("SELECT * FROM location_stock"):
            found[row["location_id"]][row["item_id"]] = row["stock"]
        return found

    def reserve(self, location_id: str, quantities: dict[str, int]) -> None:
        """Take packs off a store's shelf. Raises OutOfStockError; then the caller must roll back."""
        for item_id, packs in quantities.items():
            taken = self._store.run(
                "UPDATE location_stock SET stock = stock - ?"
                " WHERE location_id = ? AND item_id = ? AND stock >= ?",
                packs,
                location_id,
                item_id,
                packs,
            )
            if not taken:
                raise OutOfStockError(item_id)

    def give_back(self, location_id: str, item_id: str, packs: int) -> None:
        """Put packs back on a store's shelf."""
        self._store.run(
            "UPDATE location_stock SET stock = stock + ? WHERE location_id = ? AND item_id = ?",
            packs,
            location_id,
            item_id,
        )

    def set_stock(self, location_id: str, item_id: str, packs: int) -> bool:
        """A new number of packs; False if there is no such store or item."""
        return (
            self._store.run(
                "UPDATE location_stock SET stock = ? WHERE location_id = ? AND item_id = ?",
                packs,
                location_id,
                item_id,
            )
            > 0
        )
