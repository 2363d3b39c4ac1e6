"""How often one caller may ask: a token bucket for each, kept in the memory of this process."""

import threading
from collections import OrderedDict
from collections.abc import Callable

_MOST_CALLERS = 10_000


class RateLimit:
    """A token bucket for each caller; for any number of threads.

    Args:
        per_second: tokens that flow into a bucket.
        burst: tokens that a bucket holds, and begins with.
        monotonic: seconds that only grow.
    """

    def __init__(self, per_second: float, burst: int, monotonic: Callable[[], float]) -> None:
        self._per_second = per_second
        self._burst = burst
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> float:
        """Take a token; returns 0, or without one the seconds until there is one again."""
        now = self._monotonic()
        with self._lock:
            level, since = self._levels.pop(caller, (float(self._burst), now))
            level = min(float(self._burst), level + (now - since) * self._per_second)
            wait = 0.0 if level >= 1 else (1 - level) / self._per_second
            self._levels[caller] = (level - 1 if level >= 1 else level, now)
            while len(self._levels) > _MOST_CALLERS:  # the longest unseen has a full bucket by now
                self._levels.popitem(last=False)
            return wait
