"""What the shop sells, at what price, and how much of it is left. It sells nothing: orders take from it."""

from dataclasses import dataclass

from device_sim.retailer.store import Store
from device_sim.retailer.wire import CURRENCY, Doc

SEED_STOCK = 500


@dataclass(frozen=True)
class Item:
    """One pack on the shelf.

    Args:
        price_minor: gross price of one pack in EUR cents.
        stock: packs that can still be sold.
        unit: "mg", "ml", "pages", "pieces" or "litres" (of filtered water).
        unit_amount: how many of `unit` one pack holds.
    """

    item_id: str
    product_id: str
    title: str
    price_minor: int
    stock: int
    unit: str
    unit_amount: int

    @property
    def by_mail(self) -> bool:
        """Whether it can be sent by e-mail."""
        return self.product_id in BY_MAIL

    def as_doc(self) -> Doc:
        """For the plain list that a person or a test reads."""
        return {
            "item_id": self.item_id,
            "product_id": self.product_id,
            "title": self.title,
            "price_minor": self.price_minor,
            "currency": CURRENCY,
            "stock": self.stock,
            "unit": self.unit,
            "unit_amount": self.unit_amount,
        }


PRODUCTS = {
    "detergent": "Washing powder",
    "softener": "Fabric softener",
    "toner-black": "Toner cartridge, black",
    "toner-cyan": "Toner cartridge, cyan",
    "water-filter": "Water filter cartridge",
    "coffee": "Coffee beans",
    "toner-magenta": "Toner cartridge, magenta",
    "toner-yellow": "Toner cartridge, yellow",
    "dishwasher": "Dishwasher tablets",
    "rinse-aid": "Rinse aid",
    "brush-heads": "Toothbrush heads",
    "hand-soap": "Hand soap refill",
    "gift-card": "Gift card",
}
# What a search for a kind of thing finds.
TAGS = {product_id: ("household",) for product_id in PRODUCTS if product_id != "gift-card"}
# Sent by e-mail unless a delivery is asked for: such a line needs no address.
BY_MAIL = ("gift-card",)

SEED = (
    Item("det-750", "detergent", "Washing powder 750 g", 449, SEED_STOCK, "mg", 750_000),
    Item("det-1500", "detergent", "Washing powder 1.5 kg", 799, SEED_STOCK, "mg", 1_500_000),
    Item("det-3000", "detergent", "Washing powder 3 kg", 1399, SEED_STOCK, "mg", 3_000_000),
    Item("soft-1000", "softener", "Fabric softener 1 l", 349, SEED_STOCK, "ml", 1_000),
    Item(
        "toner-black", "toner-black", "Toner cartridge, black, 3000 pages", 6490, SEED_STOCK, "pages", 3_000
    ),
    Item("toner-cyan", "toner-cyan", "Toner cartridge, cyan, 2300 pages", 7290, SEED_STOCK, "pages", 2_300),
    Item("filter-1", "water-filter", "Water filter cartridge", 749, SEED_STOCK, "litres", 150),
    Item("filter-3", "water-filter", "Water filter cartridges, pack of 3", 1999, SEED_STOCK, "litres", 450),
    Item("filter-6", "water-filter", "Water filter cartridges, pack of 6", 3599, SEED_STOCK, "litres", 900),
    Item("coffee-500", "coffee", "Coffee beans 500 g", 699, SEED_STOCK, "mg", 500_000),
    Item("coffee-1000", "coffee", "Coffee beans 1 kg", 1299, SEED_STOCK, "mg", 1_000_000),
    Item("toner-magenta", "toner-magenta", "Toner, magenta, 2300 pages", 7290, SEED_STOCK, "pages", 2_300),
    Item("toner-yellow", "toner-yellow", "Toner, yellow, 2300 pages", 7290, SEED_STOCK, "pages", 2_300),
    Item("tabs-40", "dishwasher", "Dishwasher tablets, 40", 899, SEED_STOCK, "pieces", 40),
    Item("tabs-100", "dishwasher", "Dishwasher tablets, 100", 1899, SEED_STOCK, "pieces", 100),
    Item("rinse-750", "rinse-aid", "Rinse aid 750 ml", 299, SEED_STOCK, "ml", 750),
    Item("brush-4", "brush-heads", "Toothbrush heads, pack of 4", 1499, SEED_STOCK, "pieces", 4),
    Item("soap-1000", "hand-soap", "Hand soap refill 1 l", 399, SEED_STOCK, "ml", 1_000),
    Item("gift-25", "gift-card", "Gift card over 25 EUR", 2500, SEED_STOCK, "pieces", 1),
)


class OutOfStockError(Exception):
    """A reservation that found fewer packs than it wanted; nothing was taken."""


class Catalogue:
    """Reads and changes the shelf; every change runs inside the caller's transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def seed(self) -> None:
        """Fill an empty shelf. What an earlier run left is not touched."""
        for item in SEED:
            self._store.run(
                "INSERT OR IGNORE INTO items VALUES (?, ?, ?, ?, ?, ?, ?)",
                item.item_id,
                item.product_id,
                item.title,
                item.price_minor,
                item.stock,
                item.unit,
                item.unit_amount,
            )

    def items(self) -> dict[str, Item]:
        """The whole shelf by item id, in the order it was seeded."""
        return {row["item_id"]: Item(**dict(row)) for row in self._store.rows("SELECT * FROM items")}

    def reserve(self, quantities: dict[str, int]) -> None:
        """Take packs off the shelf. Raises OutOfStockError; then the caller must roll back."""
        for item_id, quantity in quantities.items():
            taken = self._store.run(
                "UPDATE items SET stock = stock - ? WHERE item_id = ? AND stock >= ?",
                quantity,
                item_id,
                quantity,
            )
            if not taken:
                raise OutOfStockError(item_id)

    def take_at_most(self, item_id: str, quantity: int) -> int:
        """Take what there is, up to `quantity`; how many packs that were."""
        row = self._store.row("SELECT stock FROM items WHERE item_id = ?", item_id)
        taken = min(row["stock"], quantity) if row else 0
        self._store.run("UPDATE items SET stock = stock - ? WHERE item_id = ?", taken, item_id)
        return taken

    def give_back(self, quantities: dict[str, int]) -> None:
        """Put the packs of a cancelled order back on the shelf."""
        for item_id, quantity in quantities.items():
            self._store.run("UPDATE items SET stock = stock + ? WHERE item_id = ?", quantity, item_id)

    def set_price(self, item_id: str, price_minor: int) -> bool:
        """A new price in EUR cents; False if there is no such item."""
        return self._store.run("UPDATE items SET price_minor = ? WHERE item_id = ?", price_minor, item_id) > 0

    def set_stock(self, item_id: str, stock: int) -> bool:
        """A new number of packs; False if there is no such item."""
        return self._store.run("UPDATE items SET stock = ? WHERE item_id = ?", stock, item_id) > 0
