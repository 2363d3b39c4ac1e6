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
    """A judged burst, or what the tracker made of it.

    Args:
        grams: median, never negative; None when `quality` is "unknown".
        quality: "ok", "settling" (moving), "coarse" (too noisy to see a dose) or "unknown" (no cell, a stuck
            one, lifted, beyond the cell's range).
        middle_mg: the median before it was rounded, which may be a little below zero.
        spread_mg: median absolute deviation within the burst.
        step_mg: what was taken (negative) or filled in (positive) and confirmed by this reading, or 0.
    """

    def __init__(
        self, grams: int | None, quality: str, middle_mg: int = 0, spread_mg: int = 0, step_mg: int = 0
    ) -> None:
        self.grams = grams
        self.quality = quality
        self.middle_mg = middle_mg
        self.spread_mg = spread_mg
        self.step_mg = step_mg


def median(values: list[int]) -> int:
    """The middle value, rounded down between the two of an even list. Raises IndexError on none."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) // 2


def judge(
    counts: list[int], zero: int, counts_per_kg: int, capacity_g: int, resolution_g: int = 1
) -> Reading:
    """Judge one burst.

    Args:
        counts: raw 24-bit values; fewer than `SAMPLES` when the cell stopped answering.
        zero: counts of the empty container.
        counts_per_kg: slope; negative when the cell is mounted the other way round.
        capacity_g: what a full container holds; a tenth more is still believed.
        resolution_g: what one step of the sensor is worth; a sensor of coarse steps may jump by two.
    """
    if len(counts) < SAMPLES or any(count >= SATURATED or count <= -SATURATED for count in counts):
        return Reading(None, "unknown")
    if resolution_g == 1 and min(counts) == max(counts):
        return Reading(None, "unknown")  # a converter's last bits never stand still: its data line does
    half = counts_per_kg // 2  # rounds to the nearest, where // alone would lose half a unit
    values_mg = [((count - zero) * 1_000_000 + half) // counts_per_kg for count in counts]
    middle_mg = median(values_mg)
    if middle_mg < -1000 * EMPTY_MARGIN_G or middle_mg > 1100 * capacity_g:
        return Reading(None, "unknown")
    spread_mg = median([abs(value - middle_mg) for value in values_mg])
    moving = spread_mg > 1000 * max(SETTLING_MAD_G, 2 * resolution_g)
    return Reading(grams_of(middle_mg), "settling" if moving else "ok", middle_mg, spread_mg)


def grams_of(milligrams: int) -> int:
    """The nearest gram, never negative."""
    return max(0, (milligrams + 500) // 1000)
