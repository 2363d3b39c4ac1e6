"""From load-cell counts to grams and how far to believe them. It never reads a cell and keeps nothing.

Source for the gate: 12 samples at 80 per second and a median absolute deviation above 12 g mean that the
washing machine is running or that a hand is on the container.
"""

SAMPLES = 12
SETTLING_MAD_G = 12
EMPTY_MARGIN_G = 20
"""Below empty by more than this, the container was lifted; above, it is noise around zero."""

SATURATED = 0x7FFFFF
"""The HX711 answers 0x7FFFFF above its range and -0x800000 below (datasheet, "Serial interface")."""


class Reading:
    """A judged burst.

    Args:
        grams: median, never negative; None when `quality` is "unknown".
        quality: "ok", "settling" (moving) or "unknown" (no cell, lifted, beyond the cell's range).
    """

    def __init__(self, grams: int | None, quality: str) -> None:
        self.grams = grams
        self.quality = quality


def median(values: list[int]) -> int:
    """The middle value, rounded down between the two of an even list. Raises IndexError on none."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) // 2


def judge(counts: list[int], zero: int, counts_per_kg: int, capacity_g: int) -> Reading:
    """Judge one burst.

    Args:
        counts: raw 24-bit values; fewer than `SAMPLES` when the cell stopped answering.
        zero: counts of the empty container.
        counts_per_kg: slope; negative when the cell is mounted the other way round.
        capacity_g: what a full container holds; a tenth more is still believed.
    """
    if len(counts) < SAMPLES or any(count >= SATURATED or count <= -SATURATED for count in counts):
        return Reading(None, "unknown")
    half = counts_per_kg // 2  # rounds to the nearest gram, where // alone would lose half a gram
    grams = [((count - zero) * 1000 + half) // counts_per_kg for count in counts]
    middle = median(grams)
    if middle < -EMPTY_MARGIN_G or middle > capacity_g + capacity_g // 10:
        return Reading(None, "unknown")
    moving = median([abs(value - middle) for value in grams]) > SETTLING_MAD_G
    return Reading(max(0, middle), "settling" if moving else "ok")
