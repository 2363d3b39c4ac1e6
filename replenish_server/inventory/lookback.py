"""PURE: looking back from each reading of a stream in the time of a search, however many lie close together.

A device may send ten thousand readings in two seconds. Going back one by one from each of them to three hours
before it took 24 s, in a transaction: all that while nobody else could write to the database.
"""

from bisect import bisect_left, bisect_right
from datetime import datetime


class Moments:
    """When readings were taken; their clock may step back in between."""

    def __init__(self) -> None:
        self._moments: list[datetime] = []  # rising: one that a later reading undercuts is never the answer
        self._places: list[int] = []

    def add(self, place: int, moment: datetime) -> None:
        """Note the next reading; places rise."""
        while self._moments and self._moments[-1] >= moment:
            self._moments.pop()
            self._places.pop()
        self._moments.append(moment)
        self._places.append(place)

    def newest_until(self, moment: datetime) -> int:
        """The last place whose reading was taken at this moment or earlier; -1 where there is none."""
        found = bisect_right(self._moments, moment)
        return self._places[found - 1] if found else -1


class Lowest:
    """The lowest of the levels from any place on."""

    def __init__(self) -> None:
        self._levels: list[int] = []  # rising likewise
        self._places: list[int] = []

    def add(self, place: int, level: int) -> None:
        """Note the next level; places rise."""
        while self._levels and self._levels[-1] >= level:
            self._levels.pop()
            self._places.pop()
        self._levels.append(level)
        self._places.append(place)

    def since(self, place: int) -> tuple[int, int]:
        """(place, level) of the lowest from this place to the newest, which is not before it; the last of
        several."""
        found = bisect_left(self._places, place)
        return self._places[found], self._levels[found]
