"""Kinds of household consumables as the simulator believes in them: assumptions, no household's data.

Days are how long a usual container lasts in a usual household; doses say how lumpy its use is. The figures
are round guesses of ours. What makes slots differ is drawn around them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind.

    Args:
        name: as a category is called on a slot.
        container_days: median days that a container lasts.
        doses_per_day: how often it is used.
        regular: 1 when uses are as irregular as chance, more when they keep their distance.
        weekend: use on Saturday and Sunday over use on another day.
        purchase_days: median days between purchases.
    """

    name: str
    container_days: float
    doses_per_day: float
    regular: int
    weekend: float
    purchase_days: float


KINDS = (
    Kind("detergent", 32, 0.6, 2, 1.5, 40),
    Kind("fabric softener", 35, 0.5, 2, 1.5, 48),
    Kind("bleach", 45, 0.3, 1, 1.4, 58),
    Kind("dishwasher tablets", 38, 0.7, 2, 1.2, 44),
    Kind("dishwasher salt", 60, 0.3, 2, 1.1, 90),
    Kind("dish soap", 35, 2.5, 1, 1.2, 42),
    Kind("hand soap", 30, 6, 1, 1.2, 45),
    Kind("shower gel", 28, 1.8, 2, 1.1, 42),
    Kind("shampoo", 40, 1.2, 2, 1.1, 50),
    Kind("toothpaste", 40, 3, 2, 1.0, 50),
    Kind("toilet tissue", 21, 10, 1, 1.3, 24),
    Kind("paper towels", 24, 4, 1, 1.3, 30),
    Kind("facial tissue", 25, 4, 1, 1.1, 38),
    Kind("coffee", 18, 2, 2, 1.2, 26),
    Kind("tea", 35, 2, 2, 1.2, 48),
    Kind("sugar", 45, 3, 1, 1.2, 50),
    Kind("rice", 30, 0.9, 2, 1.1, 40),
    Kind("breakfast cereal", 12, 1.3, 2, 1.2, 16),
    Kind("bottled water", 12, 4, 2, 1.2, 18),
    Kind("infant formula", 8, 5, 3, 1.0, 10),
    Kind("diapers", 14, 5, 3, 1.0, 16),
    Kind("cat food", 20, 2, 3, 1.0, 20),
    Kind("dog food", 24, 2, 3, 1.0, 26),
    Kind("cat litter", 25, 0.6, 2, 1.0, 28),
    Kind("trash bags", 40, 0.7, 2, 1.2, 50),
    Kind("water filter", 30, 5, 1, 1.2, 42),
    Kind("softener salt", 50, 1, 3, 1.1, 70),
    Kind("toner", 70, 0.6, 1, 0.5, 110),
    Kind("printer ink", 60, 0.5, 1, 0.9, 90),
)
