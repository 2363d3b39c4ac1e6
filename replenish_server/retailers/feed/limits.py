"""How often one caller may ask: a bucket of tokens each, filled steadily, kept in this process."""

import threading
from collections import OrderedDict
from collections.abc import Callable

_MOST_CALLERS = 10_000


class Buckets:
    """One bucket per caller.

    Args:
        per_second: how many tokens flow in.
        burst: how many a bucket holds.
        monotonic: seconds that only grow.
    """

    def __init__(self, per_second: float, burst: int, monotonic: Callable[[], float]) -> None:
        self._per_second = per_second
        self._burst = burst
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> float:
        """Take a token; returns 0, or the seconds after which there is one again."""
        now = self._monotonic()
        with self._lock:
            level, since = self._levels.pop(caller, (float(self._burst), now))
            level = min(float(self._burst), level + (now - since) * self._per_second)
            wait = 0.0 if level >= 1 else (1 - level) / self._per_second
            self._levels[caller] = (level - 1 if level >= 1 else level, now)
            while len(self._levels) > _MOST_CALLERS:  # the longest unseen has a full bucket by now
                self._levels.popitem(last=False)
            return wait
