"""What a printer says of its supplies, in pages, and how finely it says it. It never asks one.

Source: RFC 3805 (Printer MIB v2): prtMarkerSuppliesMaxCapacity and prtMarkerSuppliesLevel; -1 other, -2
unknown, -3 some remains. A printer that only ever says whole tenths, or "full", is believed no further.
"""

COARSE_SHARE = 10
"""A step above one tenth of a cartridge is coarse."""


class Supply:
    """One answer.

    Args:
        pages: what remains, or None when the printer does not know.
        quality: "ok", "coarse" or "unknown".
        resolution: pages that one step is worth; 0 while unknown.
    """

    def __init__(self, pages: int | None, quality: str, resolution: int) -> None:
        self.pages = pages
        self.quality = quality
        self.resolution = resolution


class Steps:
    """The largest step that explains all levels one supply was ever seen at."""

    def __init__(self) -> None:
        self.divisor = 0

    def see(self, level: int) -> None:
        """Take note of a level (>= 0)."""
        divisor, rest = self.divisor, level
        while rest:
            divisor, rest = rest, divisor % rest
        self.divisor = divisor


def read(level: int | None, maximum: int | None, capacity_pages: int, steps: Steps) -> Supply:
    """Judge one answer.

    Args:
        level: prtMarkerSuppliesLevel, or None when the printer did not answer.
        maximum: prtMarkerSuppliesMaxCapacity, likewise.
        capacity_pages: what a full cartridge prints.
        steps: of this supply; changed.
    """
    if level is None or maximum is None or level < 0 or maximum <= 0 or level > maximum:
        return Supply(None, "unknown", 0)
    steps.see(level)
    step = steps.divisor or maximum  # only ever empty: nothing is known about its steps
    coarse = step * COARSE_SHARE > maximum
    pages = (level * capacity_pages + maximum // 2) // maximum
    return Supply(pages, "coarse" if coarse else "ok", -(-step * capacity_pages // maximum))
